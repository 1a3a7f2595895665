//! `PUT` and `DELETE /people/{name}/password`: somebody else's password.

use axum::Json;
use axum::extract::State;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use super::own::RemovedPassword;
use crate::domain::role::Role;
use crate::http::auth::Caller;
use crate::http::body;
use crate::http::input::Name;
use crate::http::problem::Failure;
use crate::http::state::HttpState;
use crate::store::passwords;
use crate::verbs::passwords as verbs;

/// A password for somebody else, with which they choose one of their own.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct OthersBody {
    /// 8 to 1,024 characters, and none that is tried first by whoever guesses.
    #[schema(value_type = String, min_length = 8, max_length = 1024)]
    password: SecretString,
    /// What they may do, with which they are made; to be told where they are new.
    role: Option<Role>,
}

/// Sets somebody else's password, and ends their sessions. They have to replace it when they sign in.
#[utoipa::path(
    put, path = "/people/{name}/password", tag = "sessions", params(("name" = String, Path, description = "Whose it is")),
    request_body = OthersBody, responses((status = 200, body = passwords::State))
)]
pub(in crate::http) async fn set(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    Name(name): Name,
    body::Json { value, .. }: body::Json<OthersBody>,
) -> Result<Json<passwords::State>, Failure> {
    let set = verbs::set_for(&state.context, &state.hashing, &caller, (&name, value.role), &value.password).await?;
    Ok(Json(set))
}

/// Takes somebody else's password away, and ends their sessions.
#[utoipa::path(
    delete, path = "/people/{name}/password", tag = "sessions", params(("name" = String, Path, description = "Whose it is")),
    responses((status = 200, body = RemovedPassword))
)]
pub(in crate::http) async fn remove(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    Name(name): Name,
) -> Result<Json<RemovedPassword>, Failure> {
    Ok(Json(RemovedPassword { removed: verbs::remove_for(&state.context, &caller, &name).await? }))
}

//! `GET` and `POST /people/{name}/grants`, `DELETE /people/{name}/grants/{id}`, `PUT /people/{name}/role`: what somebody may do.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chiffon_protocol::action::Risk;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::role::Role;
use crate::domain::scope::Scope;
use crate::http::auth::Caller;
use crate::http::body;
use crate::http::input::{Name, TheirId};
use crate::http::problem::Failure;
use crate::http::state::HttpState;
use crate::store::grants::Listed;
use crate::verbs::grants::{self as verbs, Held};

/// What somebody may do.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Grants)]
pub(in crate::http) struct May {
    name: String,
    /// `person` or `program`.
    kind: &'static str,
    /// What they are everywhere.
    role: Role,
    /// What they were given beside, oldest first. Several add up.
    grants: Vec<Listed>,
}

impl From<Held> for May {
    fn from(held: Held) -> Self {
        let kind = if held.principal.is_program { "program" } else { "person" };
        Self { name: held.principal.name, kind, role: held.principal.role, grants: held.grants }
    }
}

/// A role for a part: at least one of `host`, `action` and `risk`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct GrantBody {
    /// What they may do within it.
    role: Role,
    /// Only this host, or hosts of this group of the inventory.
    #[schema(min_length = 1, max_length = 200)]
    host: Option<String>,
    /// Only this action, or those that begin so: `deploy_*`.
    #[schema(min_length = 1, max_length = 200)]
    action: Option<String>,
    /// Nothing of greater risk: `read_only | low | medium | high | destructive`.
    #[schema(value_type = Option<String>)]
    risk: Option<Risk>,
}

/// A role everywhere.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct RoleBody {
    /// What they are everywhere.
    role: Role,
}

/// Says what somebody may do: the role that they have everywhere, and what they were given beside.
#[utoipa::path(
    get, path = "/people/{name}/grants", tag = "tokens", params(("name" = String, Path, description = "Whose they are")),
    responses((status = 200, body = May))
)]
pub(in crate::http) async fn list(State(state): State<HttpState>, Name(name): Name) -> Result<Json<May>, Failure> {
    Ok(Json(verbs::of(&state.context, &name).await?.into()))
}

/// Gives somebody a role for some hosts, actions and risks. It counts from their next call on.
#[utoipa::path(
    post, path = "/people/{name}/grants", tag = "tokens", params(("name" = String, Path, description = "Whose it is to be")),
    request_body = GrantBody, responses((status = 201, body = Listed))
)]
pub(in crate::http) async fn add(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    Name(name): Name,
    body::Json { value, .. }: body::Json<GrantBody>,
) -> Result<(StatusCode, Json<Listed>), Failure> {
    let scope = Scope { host: value.host, action: value.action, risk: value.risk };
    let given = verbs::add(&state.context, &caller, &name, value.role, scope).await?;
    Ok((StatusCode::CREATED, Json(given)))
}

/// Takes a grant away. It counts from their next call on.
#[utoipa::path(
    delete, path = "/people/{name}/grants/{id}", tag = "tokens",
    params(("name" = String, Path, description = "Whose it is"), ("id" = uuid::Uuid, Path, description = "The grant")),
    responses((status = 200, body = May))
)]
pub(in crate::http) async fn remove(State(state): State<HttpState>, Caller(caller): Caller, theirs: TheirId) -> Result<Json<May>, Failure> {
    Ok(Json(verbs::remove(&state.context, &caller, &theirs.name, theirs.id).await?.into()))
}

/// Gives somebody another role everywhere. The last person who manages tokens stays one.
#[utoipa::path(
    put, path = "/people/{name}/role", tag = "tokens", params(("name" = String, Path, description = "Whose it is to be")),
    request_body = RoleBody, responses((status = 200, body = May))
)]
pub(in crate::http) async fn set_role(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    Name(name): Name,
    body::Json { value, .. }: body::Json<RoleBody>,
) -> Result<Json<May>, Failure> {
    Ok(Json(verbs::set_role(&state.context, &caller, &name, value.role).await?.into()))
}

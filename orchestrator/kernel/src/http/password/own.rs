//! `GET`, `PUT` and `DELETE /password`: one's own password.

use axum::Json;
use axum::extract::State;
use chiffon_protocol::ErrorCode;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::auth::{Caller, From, Proof};
use crate::http::body;
use crate::http::problem::Failure;
use crate::http::state::HttpState;
use crate::store::passwords;
use crate::verbs::passwords as verbs;

/// One's own password, as far as it is told.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct OwnPassword {
    /// Null where there is none.
    password: Option<passwords::State>,
}

/// Another password for oneself.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct OwnBody {
    /// The one that counts until now; needed where there is one.
    #[schema(value_type = Option<String>)]
    present: Option<SecretString>,
    /// The one that is to count: 8 to 1,024 characters, and none that is tried first by whoever guesses.
    #[schema(value_type = String, min_length = 8, max_length = 1024)]
    password: SecretString,
}

/// Whether somebody had a password.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct RemovedPassword {
    /// `false` where there was none.
    pub(super) removed: bool,
}

/// Says whether the caller has a password, and since when.
#[utoipa::path(get, path = "/password", tag = "sessions", responses((status = 200, body = OwnPassword)))]
pub(in crate::http) async fn show(State(state): State<HttpState>, Caller(caller): Caller) -> Result<Json<OwnPassword>, Failure> {
    Ok(Json(OwnPassword { password: verbs::state(&state.context, &caller).await? }))
}

/// Sets the caller's own password, and ends their other sessions.
#[utoipa::path(put, path = "/password", tag = "sessions", request_body = OwnBody, responses((status = 200, body = OwnPassword)))]
pub(in crate::http) async fn set(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    proof: Proof,
    From(peer): From,
    body::Json { value, .. }: body::Json<OwnBody>,
) -> Result<Json<OwnPassword>, Failure> {
    let now = state.context.clock.elapsed();
    // Whoever has found an open browser guesses no better than a stranger.
    if value.present.is_some() {
        state.limits.may_try_password(peer, &caller.name, now)?;
    }
    let stays = match proof {
        Proof::Session { id, .. } => Some(id),
        Proof::Token(_) => None,
    };
    let said = (value.present.as_ref(), &value.password);
    let set = verbs::set_own(&state.context, &state.hashing, &caller, said, stays).await.map_err(|problem| match problem.code {
        // The caller is who they are; only what they have typed is not right.
        ErrorCode::PasswordRefused => state.limits.does_not_count(peer, now, problem.into()),
        _ => problem.into(),
    })?;
    Ok(Json(OwnPassword { password: Some(set) }))
}

/// Takes the caller's own password away, with a token: they sign in another way from then on. A browser that somebody has left open must not
/// be enough to set another in its place.
#[utoipa::path(delete, path = "/password", tag = "sessions", responses((status = 200, body = RemovedPassword)))]
pub(in crate::http) async fn remove(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    proof: Proof,
) -> Result<Json<RemovedPassword>, Failure> {
    if matches!(proof, Proof::Session { .. }) {
        let message = "a signed-in browser changes a password and does not take it away; `chiffon password --remove` does, with a token";
        return Err(Failure::new(ErrorCode::Forbidden, message));
    }
    Ok(Json(RemovedPassword { removed: verbs::remove_own(&state.context, &caller).await? }))
}

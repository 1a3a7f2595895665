//! `DELETE /keys/{id}`: takes a key back. Doing it twice is the same as once.

use axum::Json;
use axum::extract::State;

use crate::http::auth::Caller;
use crate::http::input::Name;
use crate::http::problem::Failure;
use crate::http::state::HttpState;
use crate::store::principal_keys::Listed;
use crate::verbs::principal_keys;

/// Takes a key back: what it signs counts no more.
#[utoipa::path(delete, path = "/keys/{id}", tag = "keys", params(("id" = String, Path)), responses((status = 200, body = Listed)))]
pub(in crate::http) async fn revoke(State(state): State<HttpState>, caller: Caller, Name(id): Name) -> Result<Json<Listed>, Failure> {
    Ok(Json(principal_keys::revoke(&state.context, &caller.0.name, &id).await?))
}

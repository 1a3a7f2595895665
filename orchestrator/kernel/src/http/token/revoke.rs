//! `DELETE /tokens/{id}`: takes a token back. Doing it twice is the same as once.

use axum::Json;
use axum::extract::State;

use crate::http::auth::Caller;
use crate::http::input::Id;
use crate::http::problem::Failure;
use crate::http::state::HttpState;
use crate::store::tokens::Listed;
use crate::verbs::tokens;

/// Takes a token back.
#[utoipa::path(delete, path = "/tokens/{id}", tag = "tokens", params(("id" = Uuid, Path)), responses((status = 200, body = Listed)))]
pub(in crate::http) async fn revoke(State(state): State<HttpState>, caller: Caller, Id(id): Id) -> Result<Json<Listed>, Failure> {
    Ok(Json(tokens::revoke(&state.context, &caller.0.name, id).await?))
}

//! `DELETE /sessions/{id}`: signs a browser out from afar. Doing it twice is the same as once.

use axum::Json;
use axum::extract::State;

use crate::http::auth::Caller;
use crate::http::input::Id;
use crate::http::problem::Failure;
use crate::http::state::HttpState;
use crate::store::sessions::Listed;
use crate::verbs::sessions;

/// Ends a session: one's own, or anybody's for who has `tokens.manage`.
#[utoipa::path(delete, path = "/sessions/{id}", tag = "sessions", params(("id" = Uuid, Path)), responses((status = 200, body = Listed)))]
pub(in crate::http) async fn end(State(state): State<HttpState>, Caller(caller): Caller, Id(id): Id) -> Result<Json<Listed>, Failure> {
    Ok(Json(sessions::end(&state.context, &caller, id).await?))
}

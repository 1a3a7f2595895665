//! `DELETE /dead-letters/{id}`: throws its content away; that it was there, and who did this, stays.

use axum::Json;
use axum::extract::State;
use chiffon_kernel::http::auth::Caller;
use chiffon_kernel::http::input::Id;
use chiffon_kernel::http::problem::Failure;

use super::get::{DeadLetterAnswer, show};
use crate::http::HttpState;
use crate::verbs::dead_letters::purge;

/// Purges a dead letter. What was replayed or purged before is told so (5017).
#[utoipa::path(delete, path = "/dead-letters/{id}", tag = "dead letters", params(("id" = Uuid, Path)), responses((status = 200, body = DeadLetterAnswer)))]
pub(in crate::http) async fn delete(State(state): State<HttpState>, caller: Caller, Id(id): Id) -> Result<Json<DeadLetterAnswer>, Failure> {
    purge::one(&state.context, &caller.0.name, id).await?;
    show(&state, id).await.map(Json)
}

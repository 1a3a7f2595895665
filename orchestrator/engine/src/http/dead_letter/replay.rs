//! `POST /dead-letters/{id}/replay`: sends it to its queue again, or has its work offered again.

use axum::extract::State;
use axum::http::StatusCode;
use chiffon_kernel::http::auth::Caller;
use chiffon_kernel::http::body::Nothing;
use chiffon_kernel::http::idempotency::{Answer, Once};
use chiffon_kernel::http::input::Id;

use super::get::{DeadLetterAnswer, show};
use crate::http::HttpState;
use crate::verbs::dead_letters::replay;

/// Replays a dead letter. What was replayed or purged before is told so (5017); what nobody trusted has signed, and work that
/// does not wait for it any more, is refused with the reason (5018).
#[utoipa::path(
    post, path = "/dead-letters/{id}/replay", tag = "dead letters", params(("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = DeadLetterAnswer))
)]
pub(in crate::http) async fn replay(State(state): State<HttpState>, Id(id): Id, call: Once<Nothing>) -> Answer {
    let work = |caller: Caller, (): ()| async move {
        replay::run(&state.context, &caller.0.name, id).await?;
        show(&state, id).await
    };
    call.answer(StatusCode::OK, work).await
}

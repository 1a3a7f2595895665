//! `POST /request/{id}/pause` and `/resume`: nothing more of a request begins, and it goes on.

use axum::extract::State;
use axum::http::StatusCode;
use chiffon_kernel::http::auth::Caller;
use chiffon_kernel::http::body::OptionalJson;
use chiffon_kernel::http::idempotency::{Answer, Once};
use serde::Deserialize;
use utoipa::ToSchema;

use super::id::{self, RequestId};
use crate::http::HttpState;
use crate::verbs::hold;

/// Why.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct HoldBody {
    /// For the records and the conversation.
    reason: Option<String>,
}

/// Pauses a request: what no agent has claimed is taken back, what runs goes on, nothing more begins. The body may be left out.
#[utoipa::path(
    post, path = "/request/{id}/pause", tag = "requests", request_body = Option<HoldBody>,
    params(("id" = Uuid, Path, description = id::WORDS), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = hold::Held))
)]
pub(in crate::http) async fn pause(State(state): State<HttpState>, RequestId(id): RequestId, call: Once<OptionalJson<HoldBody>>) -> Answer {
    let work = |caller: Caller, body: Option<HoldBody>| async move {
        let reason = body.and_then(|body| body.reason);
        hold::pause(&state.context, &caller.0, id, reason.as_deref()).await
    };
    call.answer(StatusCode::OK, work).await
}

/// Lets a paused request go on. The body may be left out.
#[utoipa::path(
    post, path = "/request/{id}/resume", tag = "requests", request_body = Option<HoldBody>,
    params(("id" = Uuid, Path, description = id::WORDS), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = hold::Held))
)]
pub(in crate::http) async fn resume(
    State(state): State<HttpState>,
    RequestId(id): RequestId,
    call: Once<OptionalJson<HoldBody>>,
) -> Answer {
    let work = |caller: Caller, body: Option<HoldBody>| async move {
        let reason = body.and_then(|body| body.reason);
        hold::resume(&state.context, &caller.0, id, reason.as_deref()).await
    };
    call.answer(StatusCode::OK, work).await
}

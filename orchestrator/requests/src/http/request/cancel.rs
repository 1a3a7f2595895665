//! `POST /cancel/{id}`: takes back a request, or one of its tasks, and says what was stopped and what had already happened.

use axum::extract::State;
use axum::http::StatusCode;
use chiffon_kernel::http::auth::Caller;
use chiffon_kernel::http::body::OptionalJson;
use chiffon_kernel::http::idempotency::{Answer, Once};
use serde::Deserialize;
use utoipa::ToSchema;

use super::id::RequestId;
use crate::http::HttpState;
use crate::verbs::cancel;

/// Why.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct CancelBody {
    /// For the records.
    reason: Option<String>,
}

/// Cancels a request or a task. The body may be left out.
#[utoipa::path(
    post, path = "/cancel/{id}", tag = "requests", request_body = Option<CancelBody>,
    params(("id" = Uuid, Path, description = "A task's id, or a request's: of that, eight characters of its beginning or its end do, too, where they fit no other"), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = cancel::Cancelled))
)]
pub(in crate::http) async fn cancel(
    State(state): State<HttpState>,
    RequestId(id): RequestId,
    call: Once<OptionalJson<CancelBody>>,
) -> Answer {
    let work = |caller: Caller, body: Option<CancelBody>| async move {
        let reason = body.and_then(|body| body.reason);
        cancel::run(&state.context, &caller.0, id, reason.as_deref()).await
    };
    call.answer(StatusCode::OK, work).await
}

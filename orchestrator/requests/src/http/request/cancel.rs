//! `POST /cancel/{id}`: takes back a request, or one of its tasks, and says what was stopped and what had already happened.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chiffon_kernel::http::auth::Caller;
use chiffon_kernel::http::body::OptionalJson;
use chiffon_kernel::http::idempotency::{Key, once};
use chiffon_kernel::http::input::Id;
use chiffon_kernel::http::problem::Failure;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

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
    params(("id" = Uuid, Path, description = "A request's or a task's id"), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = cancel::Cancelled))
)]
pub(in crate::http) async fn cancel(
    State(state): State<HttpState>,
    caller: Caller,
    Id(id): Id,
    key: Key,
    OptionalJson { value, bytes }: OptionalJson<CancelBody>,
) -> Result<(StatusCode, Json<Value>), Failure> {
    let reason = value.and_then(|body: CancelBody| body.reason);
    let work = Box::pin(async {
        let cancelled = cancel::run(&state.context, &caller.0, id, reason.as_deref()).await?;
        Ok((StatusCode::OK, json!(cancelled)))
    });
    let (status, cancelled) = once(&state, &caller, key, &bytes, work).await?;
    Ok((status, Json(cancelled)))
}

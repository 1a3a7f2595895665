//! `POST /tasks/{id}/resolve`: a person decides about a task that is `unknown` or `interrupted`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chiffon_engine::domain::task::Decision;
use chiffon_kernel::http::auth::Caller;
use chiffon_kernel::http::body;
use chiffon_kernel::http::idempotency::{Key, once};
use chiffon_kernel::http::input::Id;
use chiffon_kernel::http::problem::Failure;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::http::HttpState;
use crate::verbs::resolve::{self, Resolve, Resolved};

/// A decision.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct ResolveBody {
    /// `retry` makes a new attempt, `done` completes the task and lets the steps after it go on, `give_up` fails it.
    decision: Decision,
    /// The attempt that was seen: when there is a newer one, nothing is decided. Without it, the newest one is meant.
    attempt: Option<i32>,
    /// Why, or how they know. Needed for an `unknown` task, and for `done`.
    comment: Option<String>,
    /// The person's word that the attempt does not run any more. Needed for an `unknown` task until its longest run time is over.
    #[serde(default)]
    not_running: bool,
}

/// Decides about a task that was cut off. Its own agent's report, should it come later, is recorded as conflicting and changes nothing.
#[utoipa::path(
    post, path = "/tasks/{id}/resolve", tag = "tasks", request_body = ResolveBody,
    params(("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = Resolved))
)]
pub(in crate::http) async fn resolve(
    State(state): State<HttpState>,
    caller: Caller,
    Id(task_id): Id,
    key: Key,
    body::Json { value, bytes }: body::Json<ResolveBody>,
) -> Result<(StatusCode, Json<Value>), Failure> {
    let ResolveBody { decision, attempt, comment, not_running } = value;
    let input = Resolve { task_id, decision, attempt, comment, not_running };
    let work = Box::pin(async { Ok((StatusCode::OK, json!(resolve::run(&state.context, &caller.0, input).await?))) });
    let (status, resolved) = once(&state, &caller, key, &bytes, work).await?;
    Ok((status, Json(resolved)))
}

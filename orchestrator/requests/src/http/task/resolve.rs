//! `POST /tasks/{id}/resolve`: a person decides about a task that is `unknown` or `interrupted`.

use axum::extract::State;
use axum::http::StatusCode;
use chiffon_engine::domain::task::Decision;
use chiffon_kernel::http::auth::Caller;
use chiffon_kernel::http::body::Json;
use chiffon_kernel::http::idempotency::{Answer, Once};
use chiffon_kernel::http::input::Id;
use serde::Deserialize;
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
pub(in crate::http) async fn resolve(State(state): State<HttpState>, Id(task_id): Id, call: Once<Json<ResolveBody>>) -> Answer {
    let work = |caller: Caller, body: ResolveBody| async move {
        let ResolveBody { decision, attempt, comment, not_running } = body;
        resolve::run(&state.context, &caller.0, Resolve { task_id, decision, attempt, comment, not_running }).await
    };
    call.answer(StatusCode::OK, work).await
}

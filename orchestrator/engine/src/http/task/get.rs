//! `GET /tasks/{id}`: a task with its attempts.

use axum::Json;
use axum::extract::State;
use chiffon_kernel::http::input::Id;
use chiffon_kernel::http::problem::Failure;
use chiffon_protocol::ErrorCode;
use uuid::Uuid;

use crate::http::HttpState;
use crate::store::read::tasks::{self, TaskDetail};

/// Shows a task.
#[utoipa::path(get, path = "/tasks/{id}", tag = "tasks", params(("id" = Uuid, Path)), responses((status = 200, body = TaskDetail)))]
pub(in crate::http) async fn get(State(state): State<HttpState>, Id(id): Id) -> Result<Json<TaskDetail>, Failure> {
    tasks::get(state.pool(), &state.context.settings.kinds, id).await?.map(Json).ok_or_else(|| not_found(id))
}

pub(super) fn not_found(id: Uuid) -> Failure {
    Failure::new(ErrorCode::TaskNotFound, format!("there is no task {id}; `GET /request/{{id}}` lists the tasks of a request"))
}

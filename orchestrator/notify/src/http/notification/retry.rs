//! `POST /notifications/{id}/retry`: has a notification tried again that was given up.

use axum::Json;
use axum::extract::State;
use chiffon_kernel::http::auth::Caller;
use chiffon_kernel::http::input::Id;
use chiffon_kernel::http::problem::Failure;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::HttpState;
use crate::verbs::retry as verb;

/// A notification that waits again.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RetriedNotice)]
pub(in crate::http) struct Retried {
    /// The notification.
    notice_id: Uuid,
}

/// Has a notification tried again that was given up.
#[utoipa::path(
    post, path = "/notifications/{id}/retry", tag = "notifications", params(("id" = Uuid, Path)),
    responses((status = 200, body = Retried))
)]
pub(in crate::http) async fn retry(State(state): State<HttpState>, Caller(caller): Caller, Id(id): Id) -> Result<Json<Retried>, Failure> {
    verb::run(&state.context, &caller, id).await?;
    Ok(Json(Retried { notice_id: id }))
}

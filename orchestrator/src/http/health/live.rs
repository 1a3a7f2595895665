//! `GET /health/live`: the process answers.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

/// It lives.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Live {
    /// `ok`
    status: &'static str,
}

/// Says that the process lives.
#[utoipa::path(get, path = "/health/live", tag = "health", responses((status = 200, body = Live)))]
pub(in crate::http) async fn live() -> Json<Live> {
    Json(Live { status: "ok" })
}

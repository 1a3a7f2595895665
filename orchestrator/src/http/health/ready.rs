//! `GET /health/ready`: whether this process can take calls: its database takes changes, its broker is there, and it is not
//! leaving.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Check, bus, database};
use crate::http::HttpState;

/// Whether it can take calls.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Ready {
    /// `ready | not_ready | leaving`
    status: &'static str,
    database: Check,
    bus: Check,
}

/// Says whether it can take calls.
#[utoipa::path(
    get, path = "/health/ready", tag = "health",
    responses((status = 200, body = Ready), (status = 503, description = "Not now", body = Ready))
)]
pub(in crate::http) async fn ready(State(state): State<HttpState>) -> (StatusCode, Json<Ready>) {
    let (database, bus) = (database(&state).await, bus(&state));
    let status = if state.context.shutdown.is_draining() {
        "leaving"
    } else if database.is_down() || bus.is_down() {
        "not_ready"
    } else {
        "ready"
    };
    let code = if status == "ready" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(Ready { status, database, bus }))
}

//! `GET /health`: the version and each part's state.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Check, bus, database, fleet, invariants, planner};
use crate::http::HttpState;

/// How it is.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Health {
    /// `ok | degraded | down`: the worst of its parts, but without agents, or with a violated invariant, it is only degraded.
    status: &'static str,
    version: &'static str,
    checks: Checks,
}

/// Its parts.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Checks {
    database: Check,
    bus: Check,
    planner: Check,
    agents: Check,
    invariants: Check,
}

/// Says how it is.
#[utoipa::path(
    get, path = "/health", tag = "health",
    responses((status = 200, body = Health), (status = 503, description = "The database or the broker is away, or the database takes no changes", body = Health))
)]
pub(in crate::http) async fn all(State(state): State<HttpState>) -> (StatusCode, Json<Health>) {
    let (database, agents) = tokio::join!(database(&state), fleet(&state));
    let checks = Checks { database, bus: bus(&state), planner: planner(&state), agents, invariants: invariants(&state) };
    let status = if checks.database.is_down() || checks.bus.is_down() {
        "down"
    } else if checks.planner.is_down() || checks.bus.status != "ok" || checks.agents.status != "ok" || checks.invariants.status != "ok" {
        "degraded"
    } else {
        "ok"
    };
    let code = if status == "down" { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    (code, Json(Health { status, version: env!("CARGO_PKG_VERSION"), checks }))
}

//! `GET /background`: what each background agent of this process last did, and whether the invariants hold.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::invariant::InvariantReport;
use crate::http::state::HttpState;
use crate::verbs::background_status::AgentStatus;

/// The background agents, by name.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "its name over HTTP")]
pub(in crate::http) struct Background {
    /// Which process answers; each has its own.
    instance: String,
    /// By name.
    background: BTreeMap<&'static str, AgentStatus>,
    /// What must never be, and whether it is; null before the first look.
    invariants: Option<InvariantReport>,
}

/// Shows what background agents last did, and whether the invariants hold.
#[utoipa::path(get, path = "/background", tag = "operations", responses((status = 200, body = Background)))]
pub(in crate::http) async fn background(State(state): State<HttpState>) -> Json<Background> {
    let statuses = &state.context.background;
    Json(Background { instance: state.context.instance.to_string(), background: statuses.all(), invariants: statuses.invariants() })
}

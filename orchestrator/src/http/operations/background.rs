//! `GET /background`: what each background agent of this process last did.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::http::state::HttpState;

/// The background agents, by name.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Background {
    /// Which process answers; each has its own.
    instance: String,
    /// `{ticks, done, failures, last_tick_at, last_done_at, last_failure_at, error}` by name.
    background: BTreeMap<&'static str, Value>,
}

/// Shows what background agents last did.
#[utoipa::path(get, path = "/background", tag = "operations", responses((status = 200, body = Background)))]
pub(in crate::http) async fn background(State(state): State<HttpState>) -> Json<Background> {
    let background = state.context.background.all().into_iter().map(|(name, status)| (name, json!(status))).collect();
    Json(Background { instance: state.context.instance.to_string(), background })
}

//! `GET /agents`: every agent that ever said hello, and whether it is there. A fleet is small: this list has no pages.

use axum::Json;
use axum::extract::State;
use chiffon_kernel::http::HttpState;
use chiffon_kernel::http::problem::Failure;
use serde::Serialize;
use utoipa::ToSchema;

use crate::store::read::agents::{self, AgentView, RefusedView};

/// The fleet.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Fleet {
    items: Vec<AgentView>,
    /// Agents that said hello within the last day and were refused, with the reason.
    refused: Vec<RefusedView>,
}

/// Lists the agents.
#[utoipa::path(get, path = "/agents", tag = "agents", responses((status = 200, body = Fleet)))]
pub(in crate::http) async fn list(State(state): State<HttpState>) -> Result<Json<Fleet>, Failure> {
    let items = agents::list(state.pool(), &state.context.settings.kinds, None).await?;
    Ok(Json(Fleet { items, refused: agents::refused(state.pool()).await? }))
}

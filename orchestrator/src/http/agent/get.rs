//! `GET /agents/{id}`: one agent.

use axum::Json;
use axum::extract::State;

use crate::domain::missing;
use crate::http::input::Name;
use crate::http::problem::Failure;
use crate::http::state::HttpState;
use crate::store::read::agents::{self, AgentView};

/// Shows an agent.
#[utoipa::path(get, path = "/agents/{id}", tag = "agents", params(("id" = String, Path)), responses((status = 200, body = AgentView)))]
pub(in crate::http) async fn get(State(state): State<HttpState>, Name(id): Name) -> Result<Json<AgentView>, Failure> {
    find(&state, &id).await.map(Json)
}

pub(super) async fn find(state: &HttpState, id: &str) -> Result<AgentView, Failure> {
    let found = agents::list(state.pool(), Some(id)).await?.pop();
    found.ok_or_else(|| missing::agent(id).into())
}

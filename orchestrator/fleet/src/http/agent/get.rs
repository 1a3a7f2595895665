//! `GET /agents/{id}`: one agent.

use axum::Json;
use axum::extract::State;
use chiffon_kernel::domain::missing;
use chiffon_kernel::http::HttpState;
use chiffon_kernel::http::input::Name;
use chiffon_kernel::http::problem::Failure;

use crate::store::read::agents::{self, AgentView};

/// Shows an agent.
#[utoipa::path(get, path = "/agents/{id}", tag = "agents", params(("id" = String, Path)), responses((status = 200, body = AgentView)))]
pub(in crate::http) async fn get(State(state): State<HttpState>, Name(id): Name) -> Result<Json<AgentView>, Failure> {
    find(&state, &id).await.map(Json)
}

/// The agent with this id, as it is shown.
pub async fn find(state: &HttpState, id: &str) -> Result<AgentView, Failure> {
    let found = agents::list(state.pool(), &state.context.settings.kinds, Some(id)).await?.pop();
    found.ok_or_else(|| missing::agent(id).into())
}

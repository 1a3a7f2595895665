//! `POST /agents/{id}/pause`, `/resume` and `/drain`: what a person wants of an agent.

use axum::Json;
use axum::extract::State;
use chiffon_fleet::domain::agent_order::Desired;
use chiffon_fleet::http::agent::get::find;
use chiffon_fleet::store::read::agents::AgentView;
use chiffon_kernel::http::auth::Caller;
use chiffon_kernel::http::body::OptionalJson;
use chiffon_kernel::http::input::Name;
use chiffon_kernel::http::problem::Failure;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::HttpState;
use crate::verbs::order_agent;

/// Why.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct OrderBody {
    /// For the records, and for whoever waits for the agent.
    reason: Option<String>,
}

/// Has an agent take no more work. What it runs goes on. The body may be left out; doing it twice is the same as once.
#[utoipa::path(
    post, path = "/agents/{id}/pause", tag = "agents", request_body = Option<OrderBody>, params(("id" = String, Path)),
    responses((status = 200, body = AgentView))
)]
pub(in crate::http) async fn pause(
    State(state): State<HttpState>,
    caller: Caller,
    Name(id): Name,
    OptionalJson { value, .. }: OptionalJson<OrderBody>,
) -> Result<Json<AgentView>, Failure> {
    order(&state, &caller, &id, Desired::Paused, value).await
}

/// Lets a paused or drained agent take work again. One that has ended must be started by whoever runs it.
#[utoipa::path(
    post, path = "/agents/{id}/resume", tag = "agents", request_body = Option<OrderBody>, params(("id" = String, Path)),
    responses((status = 200, body = AgentView))
)]
pub(in crate::http) async fn resume(
    State(state): State<HttpState>,
    caller: Caller,
    Name(id): Name,
    OptionalJson { value, .. }: OptionalJson<OrderBody>,
) -> Result<Json<AgentView>, Failure> {
    order(&state, &caller, &id, Desired::Active, value).await
}

/// Has an agent take no more work, finish what it runs, and end. Started again, it takes no work until it is resumed.
#[utoipa::path(
    post, path = "/agents/{id}/drain", tag = "agents", request_body = Option<OrderBody>, params(("id" = String, Path)),
    responses((status = 200, body = AgentView))
)]
pub(in crate::http) async fn drain(
    State(state): State<HttpState>,
    caller: Caller,
    Name(id): Name,
    OptionalJson { value, .. }: OptionalJson<OrderBody>,
) -> Result<Json<AgentView>, Failure> {
    order(&state, &caller, &id, Desired::Drained, value).await
}

async fn order(
    state: &HttpState,
    caller: &Caller,
    id: &str,
    desired: Desired,
    body: Option<OrderBody>,
) -> Result<Json<AgentView>, Failure> {
    let agent = find(state, id).await?;
    let reason = body.and_then(|body| body.reason).unwrap_or_default();
    order_agent::run(&state.context, &caller.0, &agent.agent_id, desired, &reason).await?;
    find(state, id).await.map(Json)
}

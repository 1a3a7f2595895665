//! `GET /agents/capacity`: who could take work with these needs at this moment, and why the others could not.

use axum::Json;
use axum::extract::State;
use chiffon_fleet::domain::unknown_kind;
use chiffon_kernel::http::input::{Params, bad_query};
use chiffon_kernel::http::problem::Failure;
use chiffon_protocol::kind::Kinds;
use chiffon_protocol::message::{AgentType, Resources};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::placement::{self, AgentView};
use crate::http::HttpState;
use crate::store::dispatch;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct CapacityQuery {
    /// The name of a kind of agents, such as `infrastructure`.
    #[param(pattern = "^[a-z][a-z0-9_-]{0,39}$")]
    agent_type: Option<String>,
    /// Needs a GPU.
    gpu: Option<bool>,
    /// GiB.
    #[param(minimum = 0)]
    memory_gb: Option<f64>,
    /// GiB on one GPU.
    #[param(minimum = 0)]
    gpu_memory_gb: Option<f64>,
    /// Logical cores.
    #[param(minimum = 0)]
    cpu_cores: Option<f64>,
}

/// One agent's answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CapacityAnswer)]
pub(in crate::http) struct Answer {
    agent_id: String,
    agent_type: String,
    hostname: String,
    /// Whether it could take it now.
    fits: bool,
    /// Why not; null when it could.
    reason: Option<String>,
    /// What it has free, promised work taken off. Null where it has not said.
    free: FreeView,
}

/// What a machine has left.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct FreeView {
    memory_gb: Option<f64>,
    cpu_cores: Option<f64>,
    gpu_memory_gb: Option<f64>,
    gpu: Option<bool>,
}

/// Who could take it.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Capacity {
    items: Vec<Answer>,
}

/// Says who could take work with these needs now.
#[utoipa::path(get, path = "/agents/capacity", tag = "agents", params(CapacityQuery), responses((status = 200, body = Capacity)))]
pub(in crate::http) async fn capacity(
    State(state): State<HttpState>,
    Params(query): Params<CapacityQuery>,
) -> Result<Json<Capacity>, Failure> {
    let kinds = &state.context.settings.kinds;
    let kind = query.agent_type.as_deref().map(|word| kind(kinds, word)).transpose()?;
    let needs = Resources {
        gpu: query.gpu.unwrap_or(false),
        memory_gb: amount("memory_gb", query.memory_gb)?,
        gpu_memory_gb: amount("gpu_memory_gb", query.gpu_memory_gb)?,
        cpu_cores: amount("cpu_cores", query.cpu_cores)?,
    };
    let mut connection = state.context.store.acquire().await?;
    let agents = dispatch::list_agents(&mut connection, kinds).await?;
    let of_kind = agents.iter().filter(|agent| kind.as_ref().is_none_or(|kind| agent.agent_type == *kind));
    Ok(Json(Capacity { items: of_kind.map(|agent| answer(kinds, agent, &needs)).collect() }))
}

fn answer(kinds: &Kinds, agent: &AgentView, needs: &Resources) -> Answer {
    let reason = unknown_kind::refusal(kinds, &agent.agent_type).or_else(|| placement::refusal(agent, needs));
    let left = |free: Option<f64>, reserved: f64| free.map(|free| (free - reserved).max(0.0));
    Answer {
        agent_id: agent.id.clone(),
        agent_type: agent.agent_type.to_string(),
        hostname: agent.hostname.clone(),
        fits: reason.is_none(),
        reason,
        free: FreeView {
            memory_gb: left(agent.free.memory_gb, agent.reserved.memory_gb),
            cpu_cores: left(agent.free.cpu_cores, agent.reserved.cpu_cores),
            gpu_memory_gb: left(agent.free.gpu_memory_gb, agent.reserved.gpu_memory_gb),
            gpu: agent.free.has_gpu,
        },
    }
}

fn kind(kinds: &Kinds, word: &str) -> Result<AgentType, Failure> {
    let kind = word.parse().ok().filter(|kind| kinds.get(kind).is_some());
    kind.ok_or_else(|| {
        bad_query("agent_type", format!("no kind of agents is called `{}`; there are {}", word.escape_default(), kinds.names()))
    })
}

fn amount(name: &str, value: Option<f64>) -> Result<f64, Failure> {
    match value {
        None => Ok(0.0),
        Some(amount) if amount.is_finite() && amount >= 0.0 => Ok(amount),
        Some(amount) => Err(bad_query(name, format!("{amount} is not 0 or more"))),
    }
}

//! `work_request`: one attempt of one task, offered to agents of a kind.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::variables::Variables;
use crate::action::Repeatable;
use crate::kind::AgentType;

/// What a task needs while it runs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Resources {
    /// Whether a GPU is needed.
    #[serde(default)]
    pub gpu: bool,
    /// Memory in GiB.
    #[serde(default)]
    pub memory_gb: f64,
    /// GPU memory in GiB.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub gpu_memory_gb: f64,
    /// Cores.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cpu_cores: f64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's `skip_serializing_if` passes a reference")]
fn is_zero(number: &f64) -> bool {
    *number == 0.0
}

/// Whether work changes hosts or only says what it would change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Do it.
    #[default]
    Apply,
    /// Dry run with a diff.
    Check,
}

impl Mode {
    /// The word on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Check => "check",
        }
    }
}

/// `work_request`: do this. Claimed before it is run (see [`super::WorkClaim`]).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WorkRequest {
    /// Which kind of agent it is for.
    pub agent_type: AgentType,
    /// The task.
    pub task_id: Uuid,
    /// The action's name in the catalogue.
    pub action: String,
    /// The action's parameters, references resolved.
    pub parameters: Map<String, Value>,
    /// What it needs while it runs.
    pub resources_required: Resources,
    /// Which attempt of the task, from 1.
    #[serde(default = "one")]
    pub attempt: u32,
    /// Apply or check.
    #[serde(default)]
    pub mode: Mode,
    /// What it does, in words: "Deploy Kuma to nas".
    #[serde(default)]
    pub title: String,
    /// The longest it may run, in seconds.
    #[serde(default = "default_timeout")]
    pub timeout_seconds: u64,
    /// Whether it may be run again after an unknown outcome.
    #[serde(default)]
    pub repeatable: Repeatable,
    /// The approved plan's hash.
    #[serde(default)]
    pub plan_sha256: String,
    /// The content hash of the action's folder that was planned.
    #[serde(default)]
    pub action_sha256: String,
    /// The hosts it may touch, canonical names.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// The plan's step.
    #[serde(default)]
    pub step_id: String,
    /// Which offer of the attempt; older offers are refused at the claim.
    #[serde(default = "one")]
    pub offer: u32,
    /// The host variables of the preview. Where they are others by now, the run fails with 5514 before it does anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variables: Option<Variables>,
}

fn one() -> u32 {
    1
}

fn default_timeout() -> u64 {
    900
}

//! `work_status`: progress and numbered log events while work runs.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What the machine spends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Metrics {
    /// Percent of the machine.
    pub cpu: f64,
    /// MiB.
    pub memory: f64,
}

/// One line or happening of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LogEvent {
    /// Numbered per attempt from 1 without gaps, so that replays neither lose nor double a line.
    pub seq: u64,
    /// When it happened on the agent.
    pub at: DateTime<Utc>,
    /// What happened: `play_started | task_started | task_ok | task_changed | task_skipped | task_failed | host_unreachable | job_started | job_ended | output | warning | stats`.
    pub kind: String,
    /// The managed host, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The Ansible task's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// For people.
    #[serde(default)]
    pub text: String,
    /// A unified diff, where the module gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
}

/// `work_status`: how far it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WorkStatus {
    /// The task.
    pub task_id: Uuid,
    /// `running`, the only status an agent reports before its result.
    pub status: String,
    /// Percent, 0 to 100.
    pub progress: u8,
    /// What is being done.
    pub message: String,
    /// What it costs at this moment.
    #[serde(default)]
    pub metrics: Metrics,
    /// The attempt.
    #[serde(default = "first")]
    pub attempt: u32,
    /// Who reports.
    #[serde(default)]
    pub agent_id: String,
    /// New log events, in order.
    #[serde(default)]
    pub events: Vec<LogEvent>,
}

fn first() -> u32 {
    1
}

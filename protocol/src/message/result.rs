//! `work_result` and its acknowledgement, and the `error` message.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::status::LogEvent;
use super::variables::Variables;
use super::words::known_or_none;
use super::written::Written;

/// The two-valued status that the contract fixes; [`Outcome`] says more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResultStatus {
    /// It did what was asked.
    Completed,
    /// It did not.
    Failed,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All of it was done.
    Succeeded,
    /// It failed; the error says where.
    Failed,
    /// A person stopped it; partly done.
    Cancelled,
    /// The agent was killed under it; partly done.
    Interrupted,
    /// The journal proves that it never started.
    NotStarted,
}

impl Outcome {
    /// The word on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
            Self::NotStarted => "not_started",
        }
    }
}

/// What a run has cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResourceUsage {
    /// CPU hours.
    pub cpu_hours: f64,
    /// Peak memory in GiB.
    pub memory_peak_gb: f64,
}

/// `work_result`: how an attempt ended. Repeated until a [`ResultAck`] comes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WorkResult {
    /// The task.
    pub task_id: Uuid,
    /// Completed or failed.
    pub status: ResultStatus,
    /// A summary for people; the log has the rest.
    pub output: String,
    /// Seconds, fractional.
    pub duration_seconds: f64,
    /// What it has cost.
    #[serde(default)]
    pub resource_usage: ResourceUsage,
    /// The attempt.
    #[serde(default = "first")]
    pub attempt: u32,
    /// Who ran it.
    #[serde(default)]
    pub agent_id: String,
    /// The exit code of what was run, where something was.
    #[serde(default)]
    pub exit_code: Option<i32>,
    /// Whether a host was changed (in check mode: would be).
    #[serde(default)]
    pub changed: bool,
    /// The action's outputs.
    #[serde(default)]
    pub outputs: Map<String, Value>,
    /// The number of the attempt's last log event; 0 when there is none.
    #[serde(default)]
    pub last_seq: u64,
    /// What went wrong.
    #[serde(default)]
    pub error: Option<ErrorReport>,
    /// How it ended, finer than `status`. Absent from peers that know only the fixed fields; a newer one's word that is not known
    /// here counts as absent, and `status` says what it comes to.
    #[serde(default, deserialize_with = "known_or_none")]
    pub outcome: Option<Outcome>,
    /// What it came to on each host. Absent from peers that don't tell hosts apart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<HostResult>,
    /// What a person should know although it succeeded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// In check mode: what would change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<Preview>,
    /// In check mode: the host variables that it was made with, also where it failed. The run is bound to them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variables: Option<Variables>,
    /// When it began, by the agent's journal; absent where it never did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<DateTime<Utc>>,
    /// All log events of a run that was over before any was sent, where they fit into one message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<LogEvent>,
}

/// How a run ended on one host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HostStatus {
    /// Everything that was to be done there was done. Failures that were ignored or rescued are counted beside it.
    Completed,
    /// A task failed there.
    Failed,
    /// It could not be reached, at the start or in between.
    Unreachable,
    /// Nothing was done there: the play ended before it came to this host.
    NotBegun,
    /// The run was cut off or stopped under it.
    #[default]
    #[serde(other)]
    Unfinished,
}

impl HostStatus {
    /// The word on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Unreachable => "unreachable",
            Self::NotBegun => "not_begun",
            Self::Unfinished => "unfinished",
        }
    }
}

/// What a run came to on one host: how it ended there and how many of its tasks did what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HostResult {
    /// The host.
    pub host: String,
    /// How it ended there.
    pub status: HostStatus,
    /// Tasks that succeeded, those that changed something among them.
    #[serde(default)]
    pub ok: u64,
    /// Tasks that changed something (in check mode: would). More than `changes` where the names were too many.
    #[serde(default)]
    pub changed: u64,
    /// Tasks that were skipped.
    #[serde(default)]
    pub skipped: u64,
    /// Tasks that failed and counted.
    #[serde(default)]
    pub failed: u64,
    /// Failures that a `rescue` took care of.
    #[serde(default)]
    pub rescued: u64,
    /// Failures that the play ignores.
    #[serde(default)]
    pub ignored: u64,
    /// The names of the tasks that changed something, in order, at most 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<String>,
    /// In check mode: the names of the tasks that ran for real all the same and changed something.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub made: Vec<String>,
    /// What the run has started there, was to be stopped, and whose end could not be seen: the host is kept from other work for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub may_still_run: Vec<String>,
    /// The last failure's words, or why it was not reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// In a run: what it wrote, in order. Empty from peers that don't tell it, and where it would be too much.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub written: Vec<Written>,
}

/// What a dry run found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Preview {
    /// The share of the play's tasks that could be previewed, 0 to 1.
    pub coverage: f64,
    /// How many tasks the play has on these hosts.
    pub tasks: u32,
    /// What would change, in order.
    pub changes: Vec<Change>,
    /// Tasks that check mode can't preview.
    #[serde(default)]
    pub not_previewed: Vec<String>,
}

/// One predicted change.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// The hosts with this same change.
    pub hosts: Vec<String>,
    /// The Ansible task's name.
    pub name: String,
    /// A unified diff, where the module gave one.
    #[serde(default)]
    pub diff: String,
    /// It is no prediction: its task ran for real in the dry run, and this is done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub done: bool,
    /// What it would write, item by item. Empty from peers that don't tell it, and where it would be too much.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub written: Vec<Written>,
}

/// `result_ack`: the result and the log up to `last_seq` are stored; the journal may forget them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResultAck {
    /// The task.
    pub task_id: Uuid,
    /// The attempt.
    pub attempt: u32,
    /// The last log event that is stored without a gap before it.
    pub last_seq: u64,
    /// Whether the result itself is stored (else only log events are acknowledged).
    #[serde(default)]
    pub result_stored: bool,
}

/// `error`: what went wrong, as a code, words and details.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorReport {
    /// 5001 to 5999.
    pub code: u16,
    /// For people: which thing, where, what next.
    pub message: String,
    /// For machines.
    #[serde(default)]
    pub details: Value,
}

impl From<crate::Problem> for ErrorReport {
    fn from(problem: crate::Problem) -> Self {
        Self { code: problem.code.number(), message: problem.message, details: problem.details }
    }
}

impl From<ErrorReport> for crate::Problem {
    fn from(report: ErrorReport) -> Self {
        let code = crate::ErrorCode::from_number(report.code).unwrap_or(crate::ErrorCode::Internal);
        Self { code, message: report.message, details: report.details }
    }
}

fn first() -> u32 {
    1
}

//! What agents say of themselves, and what they are told: hello, heartbeat, control.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::words::{known_or_busy, known_or_none};
use super::work::Resources;
use crate::action::ActionSpec;
use crate::kind::AgentType;

/// An action as an agent announces it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AnnouncedAction {
    /// What action.yml says.
    #[serde(flatten)]
    pub spec: ActionSpec,
    /// The hash of the action's whole folder, 64 hex digits.
    pub sha256: String,
}

/// An action that an agent has and does not offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotOffered {
    /// The name of its folder.
    pub name: String,
    /// The error code, as `chiffon explain` knows it.
    pub code: u16,
    /// Everything that is wrong with it.
    pub reason: String,
}

/// An attempt that stands in an agent's journal without an acknowledged result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Unfinished {
    /// The task.
    pub task_id: Uuid,
    /// The attempt.
    pub attempt: u32,
    /// The journal's state: `received | claimed | granted | starting | finished`.
    pub state: String,
}

/// `agent_hello`: who I am, what I can do, and what I have unfinished.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AgentHello {
    /// Stable over restarts.
    pub agent_id: String,
    /// The kind.
    pub agent_type: AgentType,
    /// The machine's name.
    pub hostname: String,
    /// New at each start; larger than all before.
    pub incarnation: u64,
    /// The program's version.
    pub version: String,
    /// The protocol versions it speaks.
    #[serde(default)]
    pub protocol: Vec<u16>,
    /// The journal's id.
    pub journal_id: Uuid,
    /// For people and placement.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// What the machine has in all.
    #[serde(default)]
    pub resources: Resources,
    /// The inventory's hosts and groups: name of each group with its hosts; each host is also listed under `all`.
    #[serde(default)]
    pub hosts: BTreeMap<String, Vec<String>>,
    /// The catalogue.
    #[serde(default)]
    pub actions: Vec<AnnouncedAction>,
    /// The actions that are left out of it, so that people see why. Nothing is planned with them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_offered: Vec<NotOffered>,
    /// What the journal holds unfinished.
    #[serde(default)]
    pub unfinished: Vec<Unfinished>,
    /// What the agent had to leave out beside those actions, and why: sources of hosts that can't be read. For people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

/// Whether an agent takes work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    /// It does.
    #[default]
    Available,
    /// Its machine is in use.
    Busy,
    /// Its owner has paused it, or it drains.
    Paused,
}

impl Availability {
    /// The word on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Busy => "busy",
            Self::Paused => "paused",
        }
    }
}

/// What an agent does about new work, by the orders it has heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Intake {
    /// It takes it, unless its machine is in use.
    Open,
    /// It was told to pause.
    Paused,
    /// It was told to drain: it finishes what it runs. It may be told otherwise until it has.
    Draining,
    /// Its process finishes and ends, whatever it is told.
    Leaving,
}

/// An attempt that the agent runs at this moment; naming it renews its lease.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Running {
    /// The task.
    pub task_id: Uuid,
    /// The attempt.
    pub attempt: u32,
    /// Percent.
    #[serde(default)]
    pub progress: u8,
    /// When it last said something.
    #[serde(default)]
    pub last_output_at: Option<chrono::DateTime<chrono::Utc>>,
}

/// CPU of a machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cpu {
    /// Logical cores.
    pub cores: u32,
    /// Percent of all cores.
    pub used_percent: f64,
    /// The one-minute load average.
    pub load_1m: f64,
}

/// Memory of a machine, MiB.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Memory {
    /// All.
    pub total_mb: u64,
    /// What could be used now.
    pub available_mb: u64,
}

/// A file system, GiB.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Disk {
    /// Where it is mounted.
    pub mount: String,
    /// All.
    pub total_gb: f64,
    /// What is free.
    pub free_gb: f64,
}

/// A GPU, MiB and degrees Celsius.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Gpu {
    /// The product's name.
    pub name: String,
    /// All of its memory.
    pub memory_total_mb: u64,
    /// What is free.
    pub memory_free_mb: u64,
    /// Percent.
    pub used_percent: f64,
    /// Where the driver tells.
    #[serde(default)]
    pub temperature_c: Option<f64>,
}

/// A network interface's traffic since the last heartbeat.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Network {
    /// The interface.
    pub interface: String,
    /// Bytes received per second.
    pub received_bytes_per_second: f64,
    /// Bytes sent per second.
    pub sent_bytes_per_second: f64,
}

/// `heartbeat`: still here, this free, these attempts running.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Heartbeat {
    /// Who.
    pub agent_id: String,
    /// Which start of it.
    pub incarnation: u64,
    /// Counts up within an incarnation.
    pub seq: u64,
    /// Since the agent's start.
    pub uptime_seconds: u64,
    /// Whether it takes work. A newer agent's word that is not known here counts as busy: nothing is sent to it for that.
    #[serde(default, deserialize_with = "known_or_busy")]
    pub availability: Availability,
    /// Which order it follows. Absent from older agents; a newer one's word that is not known here counts as absent.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "known_or_none")]
    pub intake: Option<Intake>,
    /// What it runs.
    #[serde(default)]
    pub running: Vec<Running>,
    /// CPU.
    #[serde(default)]
    pub cpu: Cpu,
    /// Memory.
    #[serde(default)]
    pub memory: Memory,
    /// File systems.
    #[serde(default)]
    pub disks: Vec<Disk>,
    /// GPUs.
    #[serde(default)]
    pub gpus: Vec<Gpu>,
    /// Network interfaces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<Network>,
}

/// What an agent is told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Stop this task.
    Cancel,
    /// Take no new work.
    Pause,
    /// Take work again.
    Resume,
    /// Finish what runs, take nothing new, and end.
    Drain,
    /// Say hello again: the orchestrator does not know this incarnation.
    Hello,
}

/// `control`: a command to one agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Control {
    /// What to do.
    pub command: Command,
    /// The task, for `cancel`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<Uuid>,
    /// For `cancel`: only this attempt of the task, because another one counts; without it, whatever runs of the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// Why, for people.
    #[serde(default)]
    pub reason: String,
}

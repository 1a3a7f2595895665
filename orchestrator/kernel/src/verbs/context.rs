//! What every use case works with.

use std::sync::Arc;
use std::time::Duration;

use chiffon_bus::Bus;
use chiffon_process::{Clock, IdSource, Shutdown, Traces};
use chiffon_protocol::key::{KeyPair, Keyring};
use chiffon_protocol::kind::Kinds;
use chiffon_protocol::topology::QueueType;
use serde::Deserialize;
use tokio::sync::Notify;

use super::announcements::Announcements;
use super::background_status::BackgroundStatuses;
use super::handed::Handed;
use super::happened::Happened;
use super::live::Live;
use crate::domain::permission::Permissions;
use crate::store::Store;

/// Signals that wake background agents at once; each also wakes by its period, on the same code path.
#[derive(Debug, Default)]
pub struct Wakes {
    /// There may be something in the outbox.
    pub outbox: Notify,
    /// There may be something to dispatch.
    pub dispatcher: Notify,
    /// There may be something to plan.
    pub planner: Notify,
    /// There may be something to commit.
    pub git_scribe: Notify,
}

/// How the orchestrator watches itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Watch {
    /// How often the invariants are looked at.
    #[serde(with = "humantime_serde")]
    pub check_every: Duration,
    /// What is overdue for longer is a violation.
    #[serde(with = "humantime_serde")]
    pub overdue_after: Duration,
}

impl Default for Watch {
    fn default() -> Self {
        Self { check_every: Duration::from_mins(1), overdue_after: Duration::from_mins(1) }
    }
}

/// How many days old things are kept. The audit is kept for ever.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// Log lines; whole months go at a time.
    pub logs_days: u32,
    /// Heartbeats; whole months go at a time.
    pub metrics_days: u32,
    /// Live events of finished requests.
    pub events_days: u32,
    /// Texts of models' answers.
    pub answers_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { logs_days: 90, metrics_days: 30, events_days: 30, answers_days: 30 }
    }
}

/// Times and limits that every part has, from configuration.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Signatures on messages of the orchestrator count for this long.
    pub signature_valid_for: Duration,
    /// The kind of the durable queues.
    pub queue_type: QueueType,
    /// The kinds of agents that there are. What is of another kind is left to an orchestrator that knows it.
    pub kinds: Kinds,
    /// How often background agents look by themselves.
    pub tick: Duration,
    /// How the orchestrator watches itself.
    pub watch: Watch,
    /// How long old things are kept.
    pub retention: Retention,
}

/// What every use case works with. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Context {
    /// Postgres.
    pub store: Store,
    /// The broker.
    pub bus: Arc<dyn Bus>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub ids: Arc<dyn IdSource>,
    /// The key that signs what the orchestrator sends.
    pub key: Arc<KeyPair>,
    /// The keys of enrolled agents.
    pub agents: Arc<Keyring>,
    /// Times and limits.
    pub settings: Arc<Settings>,
    /// Wakes background agents.
    pub wakes: Arc<Wakes>,
    /// Who follows which request.
    pub live: Arc<Live>,
    /// What this process's relay sends without another look.
    pub handed: Arc<Handed>,
    /// What other processes are to hear.
    pub announcements: Arc<Announcements>,
    /// How often what happened.
    pub happened: Arc<Happened>,
    /// Where spans go, if anywhere.
    pub traces: Traces,
    /// What one may do, as all parts declare it.
    pub permissions: Arc<Permissions>,
    /// What background agents last did.
    pub background: Arc<BackgroundStatuses>,
    /// The stop signal.
    pub shutdown: Shutdown,
    /// This process, as holder of leases.
    pub instance: Arc<str>,
}

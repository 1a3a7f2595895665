//! What every use case works with.

use std::sync::Arc;
use std::time::Duration;

use chiffon_bus::Bus;
use chiffon_process::{Clock, IdSource, Shutdown};
use chiffon_protocol::key::{KeyPair, Keyring};
use chiffon_protocol::topology::QueueType;
use serde::Deserialize;
use tokio::sync::Notify;

use super::background_status::BackgroundStatuses;
use super::open_requests::OpenRequestLimits;
use super::run::Run;
use crate::domain::deadline::Deadlines;
use crate::domain::policy::Policy;
use crate::domain::task::Limits;
use crate::domain::unverified::Peer;
use crate::planner::Planner;
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

/// Times and limits, from configuration.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long an offer waits for a claim.
    pub claim_within: Duration,
    /// How long an agent has to start after its claim was sent.
    pub start_within: Duration,
    /// An agent that is silent for longer counts as gone.
    pub agent_lease: Duration,
    /// After this, a state that waits for a message is sent again.
    pub resend_after: Duration,
    /// How long one planner may work on a round.
    pub planning_lease: Duration,
    /// How often a round is leased before it fails.
    pub planning_tries: i32,
    /// Signatures on messages of the orchestrator count for this long.
    pub signature_valid_for: Duration,
    /// The longest text of a request, in characters.
    pub max_text_chars: usize,
    /// How many requests may be open at once.
    pub open_requests: OpenRequestLimits,
    /// The kind of the durable queues.
    pub queue_type: QueueType,
    /// How often background agents look by themselves.
    pub tick: Duration,
    /// How many dead letters are kept, and for how long.
    pub dead_letters: DeadLetterLimits,
    /// How long states may last.
    pub deadlines: Deadlines,
    /// How cut-off work is tried again.
    pub retry: Limits,
    /// How the orchestrator watches itself.
    pub watch: Watch,
    /// How long old things are kept.
    pub retention: Retention,
    /// Peers that sign nothing, admitted by configuration.
    pub unverified: Vec<Peer>,
}

/// How many dead letters are kept, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeadLetterLimits {
    /// After this they are let go.
    pub keep: Duration,
    /// Of more than this the settled and then the oldest are let go.
    pub most: u32,
    /// The same for the bytes of all that are kept.
    pub max_bytes: u64,
    /// Of so many open ones that nobody trusted has signed, more are counted instead of kept.
    pub most_of_strangers: u32,
    /// Of a larger message only this much is kept, and it can't be replayed.
    pub max_body_bytes: usize,
}

impl Default for DeadLetterLimits {
    fn default() -> Self {
        Self {
            keep: Duration::from_hours(30 * 24),
            most: 10_000,
            max_bytes: 256 * 1024 * 1024,
            most_of_strangers: 1_000,
            max_body_bytes: 1024 * 1024,
        }
    }
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
    /// What a plan needs.
    pub policy: Arc<Policy>,
    /// Whoever ordered the work.
    pub run: Arc<dyn Run>,
    /// Makes plans.
    pub planner: Arc<dyn Planner>,
    /// Times and limits.
    pub settings: Arc<Settings>,
    /// Wakes background agents.
    pub wakes: Arc<Wakes>,
    /// What background agents last did.
    pub background: Arc<BackgroundStatuses>,
    /// The stop signal.
    pub shutdown: Shutdown,
    /// This process, as holder of leases.
    pub instance: Arc<str>,
}

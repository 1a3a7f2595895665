//! What a worker has to be told, with the values that suit production.

use std::path::PathBuf;
use std::time::Duration;

use chiffon_process::Traces;
use chiffon_protocol::key::{KeyPair, Keyring};
use chiffon_protocol::topology::QueueType;

/// How a worker behaves.
#[derive(Debug, Clone)]
pub struct WorkerOptions {
    /// Stable over restarts, unique in the fleet.
    pub agent_id: String,
    /// The machine's name; names the queue of a kind that works on its own machine.
    pub hostname: String,
    /// The program's version, for people.
    pub version: String,
    /// Signs everything this agent says.
    pub key: KeyPair,
    /// Whose work, grants, acknowledgements and commands count.
    pub orchestrator_keys: Keyring,
    /// The agent's own folder: `journal/` and `scratch/` are made in it.
    pub data_dir: PathBuf,
    /// The longest log of an attempt; beyond it only failures are kept. Until everything is reported, so much may lie on the disk for
    /// each attempt.
    pub max_log_bytes: u64,
    /// How many attempts run at once; 0: as many as its kind does by default.
    pub concurrency: usize,
    /// Between two heartbeats; they are the lease of what runs.
    pub heartbeat_every: Duration,
    /// An unanswered claim is asked again after this.
    pub claim_ask_again: Duration,
    /// A result without acknowledgement is sent again after this, then after twice as long, up to [`WorkerOptions::result_again_at_most`].
    pub result_again: Duration,
    /// The longest pause between two sendings of a result.
    pub result_again_at_most: Duration,
    /// Log events are sent when this has passed since the first unsent one.
    pub events_every: Duration,
    /// How often the kind is asked whether its catalogue or its hosts changed.
    pub refresh_every: Duration,
    /// How long a stop waits for what runs before that is stopped, too.
    pub drain_limit: Duration,
    /// Whether a drained agent ends. One that shares its process with others stays, and takes nothing until it is resumed.
    pub ends_when_drained: bool,
    /// Which implementation the durable queues use; must be what the orchestrator declares.
    pub queue_type: QueueType,
    /// Where spans go, if anywhere.
    pub traces: Traces,
}

impl WorkerOptions {
    /// Production values for all that has one.
    pub fn new(
        agent_id: impl Into<String>,
        hostname: impl Into<String>,
        key: KeyPair,
        orchestrator_keys: Keyring,
        data_dir: impl Into<PathBuf>,
    ) -> Self {
        Self {
            agent_id: agent_id.into(),
            hostname: hostname.into(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            key,
            orchestrator_keys,
            data_dir: data_dir.into(),
            max_log_bytes: 32 * 1024 * 1024,
            concurrency: 0,
            heartbeat_every: Duration::from_secs(5),
            claim_ask_again: Duration::from_secs(2),
            result_again: Duration::from_secs(2),
            result_again_at_most: Duration::from_mins(1),
            events_every: Duration::from_millis(250),
            refresh_every: Duration::from_secs(10),
            drain_limit: Duration::from_mins(10),
            ends_when_drained: true,
            queue_type: QueueType::default(),
            traces: Traces::default(),
        }
    }
}

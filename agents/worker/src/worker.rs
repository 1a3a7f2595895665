//! One agent from its start to its two-stage stop.

use std::sync::Arc;
use std::time::Duration;

use chiffon_bus::{Bus, BusError};
use chiffon_process::retry::{self, Policy, Try};
use chiffon_process::{Clock, IdSource, Spawner};
use chiffon_protocol::message::Intake;
use chiffon_protocol::topology::Topology;
use chiffon_protocol::{ErrorCode, Problem};

use super::attempt::Attempt;
use super::journal::Journal;
use super::kind::AgentKind;
use super::options::WorkerOptions;
use super::probe::Probe;
use super::run_context::CancelCause;
use super::shared::{Parts, Shared};
use super::{control, heartbeat, hello, intake, recover, report};

/// How long stopped runs may take to end: INT, TERM and KILL with their pauses.
const RUNS_END: Duration = Duration::from_secs(40);
/// How long the last results may take to reach the broker; what does not is in the journal.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// How often a drained agent looks whether everything it did is stored.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What a worker is built of.
#[derive(Debug, Clone)]
pub struct WorkerParts {
    /// The broker.
    pub bus: Arc<dyn Bus>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub ids: Arc<dyn IdSource>,
    /// What this agent can do.
    pub kind: Arc<dyn AgentKind>,
    /// Where the heartbeat's figures come from.
    pub probe: Arc<dyn Probe>,
    /// The process's spawner; its signal stops the worker.
    pub tasks: Spawner,
}

/// Why a worker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The process was told to stop.
    Stopped,
    /// The orchestrator had it drained: it has finished what it ran, and everything about that is stored.
    Drained,
}

/// One agent.
#[derive(Debug)]
pub struct Worker {
    shared: Arc<Shared>,
}

impl Worker {
    /// Takes the journal under `options.data_dir`. Fails with 5402 when it is held by another process or can't be written.
    pub fn new(options: WorkerOptions, parts: WorkerParts) -> Result<Self, Problem> {
        let WorkerParts { bus, clock, ids, kind, probe, tasks } = parts;
        let journal = Journal::open(&options.data_dir, &*clock, &*ids)?;
        let shared = Shared::new(Parts { options, bus, clock, ids, kind, probe, tasks, journal: Arc::new(journal) });
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The number of this start.
    pub fn incarnation(&self) -> u64 {
        self.shared.journal.incarnation()
    }

    /// Works until the process drains; then finishes what runs, within [`WorkerOptions::drain_limit`] or until the
    /// process stops, and leaves. What could not be reported is in the journal and reported by the next start. An agent that
    /// the orchestrator drains leaves when it has nothing more to do or to report.
    pub async fn run(self) -> Result<Ended, Problem> {
        let shared = self.shared;
        let shutdown = shared.tasks.shutdown().clone();
        tokio::select! {
            declared = declare(&shared) => declared?,
            () = shutdown.draining() => return Ok(Ended::Stopped),
        }
        let unreported = recover::run(&shared).await.map_err(|error| {
            Problem::new(
                ErrorCode::JournalUnavailable,
                format!("the journal under {} can't be read: {error}", shared.options.data_dir.display()),
            )
        })?;
        live(&shared, "control", control::run);
        hello::say(&shared).await;
        // After hello, so that the acknowledgements find this start's queue.
        for attempt in &unreported {
            report::spawn(&shared, attempt);
        }
        live(&shared, "heartbeat", heartbeat::run);
        live(&shared, "hello", hello::run);
        live(&shared, "intake", intake::run);
        tracing::info!(
            agent_id = shared.options.agent_id,
            incarnation = shared.journal.incarnation(),
            "the agent has said hello, and works as soon as an orchestrator that trusts its key hears it"
        );
        let ended = tokio::select! {
            () = shutdown.draining() => Ended::Stopped,
            () = drained(&shared), if shared.options.ends_when_drained => Ended::Drained,
        };
        leave(&shared).await;
        Ok(ended)
    }
}

/// Runs a part that an agent can't be without, for as long as it lives.
fn live<F>(shared: &Arc<Shared>, name: &'static str, part: fn(Arc<Shared>) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let shared_ = Arc::clone(shared);
    shared.tasks.spawn_loop(name, move || part(Arc::clone(&shared_)));
}

/// Resolves when a person had this agent drained and nothing of what it took is left to run or to report. Until then the order
/// may be taken back.
async fn drained(shared: &Shared) {
    let all = u32::try_from(shared.options.concurrency.max(1)).unwrap_or(u32::MAX);
    let mut intake = shared.intake.subscribe();
    loop {
        if intake.wait_for(|intake| *intake == Intake::Draining).await.is_err() {
            return std::future::pending().await;
        }
        let finished = async {
            // Whoever holds a slot may still bring an attempt; nothing is taken in any more.
            let slots = shared.slots.acquire_many(all).await;
            while !shared.attempts().is_empty() {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            drop(slots);
        };
        let still_wanted = tokio::select! {
            _ = intake.wait_for(|intake| *intake != Intake::Draining) => false,
            () = finished => shared.intake.send_if_modified(|intake| {
                let leaves = *intake == Intake::Draining;
                if leaves {
                    *intake = Intake::Leaving;
                }
                leaves
            }),
        };
        if still_wanted {
            return;
        }
    }
}

/// Declares the queues this agent needs, as soon as the broker can be reached.
async fn declare(shared: &Shared) -> Result<(), Problem> {
    let options = &shared.options;
    let own = Topology::of_agent(options.queue_type, shared.kind.entry(), &options.hostname);
    let control = Topology::control(&options.agent_id, shared.journal.incarnation());
    let declared = retry::run(Policy::RECONNECT, shared.tasks.shutdown(), |_| async {
        let declared = match shared.bus.declare(&own).await {
            Ok(()) => shared.bus.declare(&control).await,
            Err(error) => Err(error),
        };
        match declared {
            Ok(()) => Try::Done(()),
            Err(error @ (BusError::Mismatch { .. } | BusError::Address { .. } | BusError::Closed)) => Try::Stop(error),
            Err(error) => {
                tracing::warn!(%error, "the broker is not ready; trying again");
                Try::Again { error, after: None }
            }
        }
    })
    .await;
    match declared {
        Ok(()) => Ok(()),
        Err(error @ BusError::Mismatch { .. }) => Err(Problem::new(ErrorCode::TopologyMismatch, error.to_string())),
        Err(error) => Err(Problem::new(ErrorCode::BrokerUnavailable, error.to_string())),
    }
}

async fn leave(shared: &Arc<Shared>) {
    shared.intake.send_replace(Intake::Leaving);
    let finished = tokio::select! {
        finished = idle(shared, shared.options.drain_limit) => finished,
        () = shared.tasks.shutdown().stopping() => false,
    };
    if !finished {
        for attempt in shared.attempts().values() {
            attempt.cancel.cancel(CancelCause::AgentStops);
        }
        if !idle(shared, RUNS_END).await {
            tracing::error!("a run did not end although it was stopped; the next start reports it as interrupted");
        }
    }
    let open: Vec<Arc<Attempt>> = shared.attempts().values().filter(|attempt| attempt.result().is_some()).cloned().collect();
    let told = async {
        for attempt in &open {
            drop(attempt.result_sent.subscribe().wait_for(|sent| *sent).await);
        }
    };
    drop(tokio::time::timeout(LAST_WORDS, told).await);
    let (entries, syncs) = shared.journal.counts();
    tracing::debug!(entries, syncs, "the journal's entries since the start, and the syncs of the disk that they took");
    shared.closing.cancel();
}

/// Whether nothing runs any more within this time.
async fn idle(shared: &Shared, within: Duration) -> bool {
    let all = u32::try_from(shared.options.concurrency.max(1)).unwrap_or(u32::MAX);
    tokio::time::timeout(within, shared.slots.acquire_many(all)).await.is_ok()
}

//! What all parts of one worker see.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chiffon_bus::{Bus, Status};
use chiffon_process::{Clock, IdSource, Spawner};
use chiffon_protocol::message::{Availability, Intake, WorkGrant};
use tokio::sync::{Notify, Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::attempt::Attempt;
use super::journal::{Journal, Key};
use super::kind::AgentKind;
use super::options::WorkerOptions;
use super::probe::Probe;
use super::sender::Sender;

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) options: WorkerOptions,
    pub(super) bus: Arc<dyn Bus>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) ids: Arc<dyn IdSource>,
    pub(super) kind: Arc<dyn AgentKind>,
    pub(super) probe: Arc<dyn Probe>,
    pub(super) tasks: Spawner,
    pub(super) journal: Arc<Journal>,
    pub(super) sender: Sender,
    pub(super) started: Duration,
    pub(super) slots: Arc<Semaphore>,
    pub(super) intake: watch::Sender<Intake>,
    /// Given when the worker has said all it could: its remaining loops end.
    pub(super) closing: CancellationToken,
    /// Whether the journal could not be written, so that work was declined.
    pub(super) journal_failed: AtomicBool,
    /// Wakes the greeter.
    pub(super) hello_wanted: Notify,
    /// What the orchestrator last refused this agent for, so that each reason is said once.
    pub(super) refused_for: Mutex<String>,
    attempts: Mutex<BTreeMap<Key, Arc<Attempt>>>,
    /// One lock for each attempt that is being received.
    receiving: Mutex<BTreeMap<Key, Arc<tokio::sync::Mutex<()>>>>,
    grants: Mutex<HashMap<Uuid, mpsc::UnboundedSender<WorkGrant>>>,
}

/// What a [`Shared`] is made of.
pub(super) struct Parts {
    pub(super) options: WorkerOptions,
    pub(super) bus: Arc<dyn Bus>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) ids: Arc<dyn IdSource>,
    pub(super) kind: Arc<dyn AgentKind>,
    pub(super) probe: Arc<dyn Probe>,
    pub(super) tasks: Spawner,
    pub(super) journal: Arc<Journal>,
}

impl Shared {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts { mut options, bus, clock, ids, kind, probe, tasks, journal } = parts;
        if options.concurrency == 0 {
            options.concurrency = kind.entry().at_once;
        }
        let (key, traces) = (options.key.clone(), options.traces.clone());
        let sender = Sender { bus: Arc::clone(&bus), clock: Arc::clone(&clock), ids: Arc::clone(&ids), key, traces };
        Self {
            started: clock.elapsed(),
            slots: Arc::new(Semaphore::new(options.concurrency.max(1))),
            intake: watch::Sender::new(Intake::Open),
            closing: CancellationToken::new(),
            journal_failed: AtomicBool::new(false),
            hello_wanted: Notify::new(),
            refused_for: Mutex::default(),
            attempts: Mutex::default(),
            receiving: Mutex::default(),
            grants: Mutex::default(),
            options,
            bus,
            clock,
            ids,
            kind,
            probe,
            tasks,
            journal,
            sender,
        }
    }

    /// The queue this agent takes its work from.
    pub(super) fn work_queue(&self) -> String {
        self.kind.entry().queue(&self.options.hostname)
    }

    /// What heartbeats say of it.
    pub(super) fn availability(&self) -> Availability {
        match *self.intake.borrow() {
            Intake::Open => self.kind.availability(),
            Intake::Paused | Intake::Draining | Intake::Leaving => Availability::Paused,
        }
    }

    /// Where runs may write.
    pub(super) fn scratch(&self) -> PathBuf {
        self.options.data_dir.join("scratch")
    }

    pub(super) fn attempts(&self) -> MutexGuard<'_, BTreeMap<Key, Arc<Attempt>>> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn attempt(&self, key: Key) -> Option<Arc<Attempt>> {
        self.attempts().get(&key).cloned()
    }

    /// Receives one delivery of an attempt: from looking whether it is known until it is, no other delivery of it passes. Those of other
    /// attempts do, so that they are journalled together.
    pub(super) async fn receiving<T>(&self, key: Key, receive: impl Future<Output = T>) -> T {
        let receiving = || self.receiving.lock().unwrap_or_else(PoisonError::into_inner);
        let own = Arc::clone(receiving().entry(key).or_default());
        let held = own.lock().await;
        let received = receive.await;
        drop(held);
        drop(own);
        // Whoever waits for it holds it, too.
        if let Entry::Occupied(lock) = receiving().entry(key)
            && Arc::strong_count(lock.get()) == 1
        {
            lock.remove();
        }
        received
    }

    /// Answers to this claim go to the receiver until it is dropped and [`Shared::forget_claim`] is called.
    pub(super) fn expect_grant(&self, claim_id: Uuid) -> mpsc::UnboundedReceiver<WorkGrant> {
        let (send, receive) = mpsc::unbounded_channel();
        self.grants.lock().unwrap_or_else(PoisonError::into_inner).insert(claim_id, send);
        receive
    }

    pub(super) fn forget_claim(&self, claim_id: Uuid) {
        self.grants.lock().unwrap_or_else(PoisonError::into_inner).remove(&claim_id);
    }

    /// Hands a grant to whoever waits for it. `false` when nobody does.
    pub(super) fn answer_claim(&self, grant: WorkGrant) -> bool {
        let grants = self.grants.lock().unwrap_or_else(PoisonError::into_inner);
        grants.get(&grant.claim_id).is_some_and(|waiting| waiting.send(grant).is_ok())
    }

    /// Resolves each time the bus comes back after it was away.
    pub(super) async fn reconnected(status: &mut watch::Receiver<Status>) {
        let mut away = false;
        loop {
            match &*status.borrow_and_update() {
                Status::Connected if away => return,
                Status::Connected => {}
                Status::Disconnected(_) | Status::Blocked(_) => away = true,
            }
            if status.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    /// Runs something that waits for the disk on a thread that may wait.
    pub(super) async fn on_disk<T: Send + 'static>(work: impl FnOnce() -> std::io::Result<T> + Send + 'static) -> std::io::Result<T> {
        tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(std::io::Error::other(error)))
    }
}

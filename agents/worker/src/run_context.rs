//! What a run is given: where its events go, how far it is, when to stop, where to write, and under which marker.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use chiffon_process::Clock;
use chiffon_protocol::message::Metrics;
use chrono::{DateTime, Utc};
use tokio::sync::{Notify, watch};

use super::journal::EventLog;

/// Who wants a run to stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CancelCause {
    /// A person, with the reason.
    Person(String),
    /// The agent stops before the run could end.
    AgentStops,
}

/// The wish that a run stops; cloned into whatever waits.
#[derive(Debug, Clone)]
pub struct Cancel {
    cause: Arc<watch::Sender<Option<CancelCause>>>,
}

impl Default for Cancel {
    fn default() -> Self {
        Self { cause: Arc::new(watch::Sender::new(None)) }
    }
}

impl Cancel {
    /// Nobody wants it to stop.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks it to stop; the first cause stays.
    pub fn cancel(&self, cause: CancelCause) {
        self.cause.send_if_modified(|held| {
            let first = held.is_none();
            if first {
                *held = Some(cause);
            }
            first
        });
    }

    /// Why it should stop, if it should.
    pub fn cause(&self) -> Option<CancelCause> {
        self.cause.borrow().clone()
    }

    /// Resolves when it should stop, with the cause.
    pub async fn cancelled(&self) -> CancelCause {
        let mut watched = self.cause.subscribe();
        loop {
            if let Some(cause) = watched.borrow_and_update().clone() {
                return cause;
            }
            if watched.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }
}

/// A happening of a run, before it has its number and time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewEvent {
    /// One of the kinds of [`chiffon_protocol::message::LogEvent`].
    pub kind: &'static str,
    /// The managed host, where there is one.
    pub host: Option<String>,
    /// The task's name.
    pub name: Option<String>,
    /// For people.
    pub text: String,
    /// A unified diff.
    pub diff: Option<String>,
}

impl NewEvent {
    /// An event with words only.
    pub fn text(kind: &'static str, text: impl Into<String>) -> Self {
        Self { kind, text: text.into(), ..Self::default() }
    }
}

/// Takes the events of one attempt: numbers them without gaps and writes them to the journal before anybody sees them.
#[derive(Debug, Clone)]
pub struct EventSink {
    pub(super) log: Arc<Mutex<EventLog>>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) wake: Arc<Notify>,
    pub(super) last_output_at: Arc<Mutex<Option<DateTime<Utc>>>>,
}

impl EventSink {
    /// Writes to this file alone, anew: for whoever drives a kind of agent without a worker.
    ///
    /// # Panics
    /// When the file can't be written.
    #[doc(hidden)]
    pub fn to_file(path: &std::path::Path, clock: Arc<dyn Clock>) -> Self {
        std::fs::write(path, "").expect("a new log");
        let log = Arc::new(Mutex::new(EventLog::open(path, u64::MAX / 2).expect("the new log")));
        Self { log, clock, wake: Arc::default(), last_output_at: Arc::default() }
    }

    /// The time.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Adds an event. Its number; 0 when the journal is full and it was left out.
    pub fn add(&self, event: NewEvent) -> u64 {
        let now = self.clock.now();
        *self.last_output_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        let seq = self.log.lock().unwrap_or_else(PoisonError::into_inner).add(event, now);
        self.wake.notify_one();
        seq
    }
}

/// How far a run is.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    pub(super) inner: Arc<Mutex<ProgressState>>,
    pub(super) wake: Arc<Notify>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct ProgressState {
    pub percent: u8,
    pub message: String,
    pub metrics: Metrics,
    pub dirty: bool,
}

impl Progress {
    /// Percent (never goes back, ends at 100) and what is being done.
    pub fn set(&self, percent: u8, message: impl Into<String>) {
        let mut state = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        state.percent = state.percent.max(percent.min(100));
        state.message = message.into();
        state.dirty = true;
        drop(state);
        self.wake.notify_one();
    }

    /// What it costs at this moment; goes with the next status.
    pub fn set_metrics(&self, metrics: Metrics) {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).metrics = metrics;
    }

    pub(super) fn take(&self) -> ProgressState {
        let mut state = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = state.clone();
        state.dirty = false;
        taken
    }

    pub(super) fn percent(&self) -> u8 {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).percent
    }
}

/// What a run is given.
#[derive(Debug, Clone)]
pub struct RunContext {
    /// Where its events go.
    pub events: EventSink,
    /// How far it is.
    pub progress: Progress,
    /// When to stop.
    pub cancel: Cancel,
    /// A private folder (mode 0700) that goes away after the run.
    pub scratch: PathBuf,
    /// What every process of the run carries in the variable `CHIFFON_ATTEMPT`.
    pub marker: String,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

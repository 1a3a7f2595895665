//! One attempt in this process: its place in the journal, its log, how far it is, and who has heard of it.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chiffon_process::Clock;
use chiffon_protocol::message::{Mode, Running, WorkResult};
use chrono::{DateTime, Utc};
use tokio::sync::{Notify, watch};

use super::journal::{AttemptFolder, EventLog, Found, Record};
use super::machine::State;
use super::marker;
use super::run_context::{Cancel, EventSink, Progress, RunContext};
use super::sender::Trace;
use super::shared::{Key, Shared};

/// What the orchestrator has stored of an attempt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Acked {
    pub(super) last_seq: u64,
    pub(super) result_stored: bool,
}

#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) cancel: Cancel,
    pub(super) progress: Progress,
    pub(super) acked: watch::Sender<Acked>,
    /// Follows the record's state, for whoever waits for it.
    pub(super) state: watch::Sender<State>,
    /// Whether the result went out at least once.
    pub(super) result_sent: watch::Sender<bool>,
    /// Wakes the reporter.
    pub(super) wake: Arc<Notify>,
    folder: AttemptFolder,
    record: Mutex<Record>,
    log: Arc<Mutex<EventLog>>,
    result: Mutex<Option<WorkResult>>,
    last_output_at: Arc<Mutex<Option<DateTime<Utc>>>>,
}

impl Attempt {
    /// An attempt as the journal holds it, with a log of this many bytes at most.
    pub(super) fn new(found: Found, max_log_bytes: u64) -> io::Result<Self> {
        let Found { folder, record, result } = found;
        let wake = Arc::new(Notify::new());
        Ok(Self {
            cancel: Cancel::new(),
            progress: Progress { wake: Arc::clone(&wake), ..Progress::default() },
            acked: watch::Sender::new(Acked::default()),
            state: watch::Sender::new(record.state),
            result_sent: watch::Sender::new(false),
            wake,
            log: Arc::new(Mutex::new(folder.events(max_log_bytes)?)),
            folder,
            record: Mutex::new(record),
            result: Mutex::new(result),
            last_output_at: Arc::default(),
        })
    }

    pub(super) fn record(&self) -> Record {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn key(&self) -> Key {
        let record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        (record.task_id, record.attempt)
    }

    pub(super) fn trace(&self) -> Trace {
        let record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        Trace { trace_id: record.trace_id.clone(), request_id: record.request_id }
    }

    pub(super) fn log(&self) -> MutexGuard<'_, EventLog> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn result(&self) -> Option<WorkResult> {
        self.result.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How it was to be run. What can't be read counts as a change: that is never told as a dry run.
    pub(super) fn mode(&self) -> Mode {
        self.folder.work().map_or(Mode::Apply, |work| work.mode)
    }

    pub(super) fn folder(&self) -> &AttemptFolder {
        &self.folder
    }

    /// Journals a change of the record; when it returns, the change survives a power cut.
    pub(super) async fn change(self: &Arc<Self>, change: impl FnOnce(&mut Record) + Send + 'static) -> io::Result<()> {
        let attempt = Arc::clone(self);
        let state = Shared::on_disk(move || {
            let mut record = attempt.record.lock().unwrap_or_else(PoisonError::into_inner);
            let mut changed = record.clone();
            change(&mut changed);
            attempt.folder.write_record(&changed)?;
            *record = changed;
            Ok(record.state)
        })
        .await?;
        self.state.send_replace(state);
        Ok(())
    }

    /// Journals the result and wakes the reporter. A result that the disk does not take is still reported from memory.
    pub(super) async fn finish(self: &Arc<Self>, result: WorkResult) {
        *self.result.lock().unwrap_or_else(PoisonError::into_inner) = Some(result.clone());
        let attempt = Arc::clone(self);
        let written = Shared::on_disk(move || {
            drop(attempt.log().sync());
            attempt.folder.write_result(&result)
        })
        .await;
        let journalled = match written {
            Ok(()) => self.change(|record| record.state = State::Finished).await,
            Err(error) => Err(error),
        };
        if let Err(error) = journalled {
            tracing::error!(attempt = ?self.key(), %error, "the result could not be journalled; it is reported from memory");
            self.state.send_replace(State::Finished);
        }
        self.wake.notify_one();
    }

    /// What the run gets.
    pub(super) fn context(&self, agent_id: &str, scratch: PathBuf, clock: &Arc<dyn Clock>) -> RunContext {
        let (task_id, number) = self.key();
        RunContext {
            events: EventSink {
                log: Arc::clone(&self.log),
                clock: Arc::clone(clock),
                wake: Arc::clone(&self.wake),
                last_output_at: Arc::clone(&self.last_output_at),
            },
            progress: self.progress.clone(),
            cancel: self.cancel.clone(),
            scratch,
            marker: marker::of(agent_id, task_id, number),
            clock: Arc::clone(clock),
        }
    }

    /// How heartbeats name it while it runs.
    pub(super) fn running(&self) -> Option<Running> {
        let (task_id, attempt) = self.key();
        (*self.state.borrow() == State::Starting).then(|| Running {
            task_id,
            attempt,
            progress: self.progress.percent(),
            last_output_at: *self.last_output_at.lock().unwrap_or_else(PoisonError::into_inner),
        })
    }
}

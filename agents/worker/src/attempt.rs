//! One attempt in this process: its place in the journal, its log, how far it is, and who has heard of it.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use chiffon_process::Clock;
use chiffon_process::traces::SpanId;
use chiffon_protocol::message::{Mode, Running, WorkRequest, WorkResult};
use chiffon_protocol::{Envelope, Message};
use chrono::{DateTime, Utc};
use tokio::sync::{Notify, watch};

use super::journal::{EventLog, Found, Journal, Key, Record, Rest};
use super::machine::State;
use super::marker;
use super::run_context::{Cancel, EventSink, Progress, RunContext};
use super::sender::About;
use super::shared::Shared;

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
    journal: Arc<Journal>,
    /// As it came; empty where the journal can't be read.
    work: Bytes,
    record: Mutex<Record>,
    log: Arc<Mutex<EventLog>>,
    result: Mutex<Option<WorkResult>>,
    last_output_at: Arc<Mutex<Option<DateTime<Utc>>>>,
}

impl Attempt {
    /// An attempt as the journal holds it, with a log of this many bytes at most.
    pub(super) fn new(journal: &Arc<Journal>, found: Found, max_log_bytes: u64) -> io::Result<Self> {
        let Found { record, work, result } = found;
        let wake = Arc::new(Notify::new());
        Ok(Self {
            cancel: Cancel::new(),
            progress: Progress { wake: Arc::clone(&wake), ..Progress::default() },
            acked: watch::Sender::new(Acked::default()),
            state: watch::Sender::new(record.state),
            result_sent: watch::Sender::new(false),
            wake,
            log: Arc::new(Mutex::new(EventLog::open(&journal.log_path(record.key()), max_log_bytes)?)),
            journal: Arc::clone(journal),
            work,
            record: Mutex::new(record),
            result: Mutex::new(result),
            last_output_at: Arc::default(),
        })
    }

    pub(super) fn record(&self) -> Record {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn key(&self) -> Key {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).key()
    }

    pub(super) fn trace(&self) -> About {
        let record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        let span = Some(SpanId::of_attempt(record.task_id, record.attempt));
        About { trace_id: record.trace_id.clone(), request_id: record.request_id, span }
    }

    /// The sending of its offer, by which it came.
    pub(super) fn offered(&self) -> Option<SpanId> {
        Envelope::parse(&self.work).ok().map(|envelope| SpanId::of_message(envelope.message_id))
    }

    pub(super) fn log(&self) -> MutexGuard<'_, EventLog> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn result(&self) -> Option<WorkResult> {
        self.result.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How it was to be run. What can't be read counts as a change: that is never told as a dry run.
    pub(super) fn mode(&self) -> Mode {
        self.work().map_or(Mode::Apply, |work| work.mode)
    }

    /// What it was asked to do; `None` where that can't be read.
    pub(super) fn work(&self) -> Option<WorkRequest> {
        match Envelope::parse(&self.work).ok()?.message {
            Message::WorkRequest(work) => Some(work),
            _ => None,
        }
    }

    /// Puts it into the journal; when it returns, it survives a power cut.
    pub(super) async fn add(&self) -> io::Result<()> {
        self.journal.add(&self.record(), &self.work).await
    }

    /// Takes it out of the journal, and its log away.
    pub(super) async fn forget(&self) -> io::Result<()> {
        let (journal, key) = (Arc::clone(&self.journal), self.key());
        journal.forget(key).await?;
        Shared::on_disk(move || journal.drop_log(key)).await
    }

    /// Journals a change of the record; when it returns, the change survives a power cut.
    pub(super) async fn change(&self, change: impl FnOnce(&mut Record)) -> io::Result<()> {
        let mut record = self.record();
        change(&mut record);
        self.journal.change(&record).await?;
        self.keep(record);
        Ok(())
    }

    /// Journals the result and wakes the reporter. A result that the disk does not take is still reported from memory.
    pub(super) async fn finish(self: &Arc<Self>, result: WorkResult) {
        let record = Record { state: State::Finished, ..self.record() };
        let written = self.end(&record, result.clone()).await;
        *self.result.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        match written {
            Ok(()) => self.keep(record),
            Err(error) => {
                tracing::error!(attempt = ?self.key(), %error, "the result could not be journalled; it is reported from memory");
                self.state.send_replace(State::Finished);
            }
        }
        self.wake.notify_one();
    }

    async fn end(self: &Arc<Self>, record: &Record, result: WorkResult) -> io::Result<()> {
        let attempt = Arc::clone(self);
        let rest = Shared::on_disk(move || attempt.log().rest()).await.unwrap_or_default();
        let written = self.journal.end(record.clone(), result.clone(), &rest).await;
        if written.is_ok() || rest.bytes.is_empty() {
            return written;
        }
        // The log lies on the disk already, so that the result alone needs less room.
        let attempt = Arc::clone(self);
        drop(Shared::on_disk(move || attempt.log().sync()).await);
        self.journal.end(record.clone(), result, &Rest::default()).await
    }

    fn keep(&self, record: Record) {
        let state = record.state;
        *self.record.lock().unwrap_or_else(PoisonError::into_inner) = record;
        self.state.send_replace(state);
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

//! Telling the orchestrator about one attempt, from its first event until everything is stored there.
//!
//! Events are read back from the journal, so what is sent is exactly what would survive a crash. What was sent may be
//! lost all the same: the result, and the events that are not acknowledged, are sent again until they are.

use std::io;
use std::sync::Arc;

use chiffon_bus::BusError;
use chiffon_process::retry::{Delays, Policy};
use chiffon_protocol::message::{LogEvent, WorkResult, WorkStatus};
use chiffon_protocol::topology;
use tokio::time::Instant;

use super::attempt::{Acked, Attempt};
use super::execute;
use super::journal::Cursor;
use super::machine::{self, State};
use super::sender::REPORT_VALID;
use super::shared::Shared;

/// The most events of one status.
const BATCH: usize = 200;
/// About the most bytes of one status.
const BATCH_BYTES: usize = 512 * 1024;
/// The try of a result from which on it is worth a warning that it is not stored.
const TRIES_UNTOLD: u32 = 4;

/// Starts the reporter of one attempt.
pub(super) fn spawn(shared: &Arc<Shared>, attempt: &Arc<Attempt>) {
    let (shared_, attempt) = (Arc::clone(shared), Arc::clone(attempt));
    shared.tasks.spawn("report", async move { Reporter::new(&shared_, &attempt).run().await });
}

struct Reporter<'a> {
    shared: &'a Arc<Shared>,
    attempt: &'a Arc<Attempt>,
    cursor: Cursor,
    /// Whether the result has taken all events along, and nobody has said yet that they were passed over.
    took_all_along: bool,
    delays: Delays,
    /// When the result is sent, again or for the first time.
    result_due: Instant,
    /// How often it was sent, or was to be sent.
    tries: u32,
}

/// What woke the reporter.
enum Woken {
    News,
    Answer,
    Due,
    Reconnected,
    Closing,
}

impl<'a> Reporter<'a> {
    fn new(shared: &'a Arc<Shared>, attempt: &'a Arc<Attempt>) -> Self {
        let policy = Policy { first: shared.options.result_again, longest: shared.options.result_again_at_most, within: None, tries: None };
        Self {
            shared,
            attempt,
            cursor: Cursor::default(),
            took_all_along: false,
            delays: policy.delays(),
            result_due: Instant::now(),
            tries: 0,
        }
    }

    async fn run(mut self) {
        let mut status = self.shared.bus.status();
        let mut acked = self.attempt.acked.subscribe();
        // A run that has just begun has said nothing that could not travel with what follows.
        let mut sent = self.attempt.result().is_none() || self.send_all().await;
        loop {
            if self.is_stored(*acked.borrow_and_update()) {
                execute::forget(self.shared, self.attempt).await;
                return;
            }
            let woken = tokio::select! {
                () = self.shared.closing.cancelled() => Woken::Closing,
                _ = acked.changed() => Woken::Answer,
                () = Shared::reconnected(&mut status) => Woken::Reconnected,
                () = self.news(), if sent => Woken::News,
                () = tokio::time::sleep_until(self.result_due), if self.attempt.result().is_some() => Woken::Due,
                () = tokio::time::sleep(self.shared.options.claim_ask_again), if !sent => Woken::Due,
            };
            match woken {
                Woken::News => {}
                Woken::Answer => self.hear(*acked.borrow()),
                Woken::Due => self.rewind(),
                Woken::Reconnected => {
                    self.delays.reset();
                    self.result_due = Instant::now();
                    self.rewind();
                }
                Woken::Closing => return,
            }
            sent = self.send_all().await;
        }
    }

    /// Resolves when there is something to send that has waited long enough to travel with others.
    async fn news(&self) {
        self.attempt.wake.notified().await;
        let mut state = self.attempt.state.subscribe();
        tokio::select! {
            _ = state.wait_for(|state| *state == State::Finished) => {}
            () = tokio::time::sleep(self.shared.options.events_every) => {}
        }
    }

    /// Sends what is new, then the result if it is due. `false` when the broker did not take something.
    async fn send_all(&mut self) -> bool {
        let mut due = self.attempt.result().filter(|_| Instant::now() >= self.result_due);
        let whole = due.as_ref().and_then(|result| self.whole_log(result));
        self.took_all_along |= whole.is_some();
        match (due.as_mut(), whole) {
            (Some(result), Some((events, cursor))) => {
                result.events = events;
                self.cursor = cursor;
                // It is done: what was being done is no news.
                self.attempt.progress.take();
            }
            _ => {
                if let Err(error) = self.send_events().await {
                    tracing::debug!(attempt = ?self.attempt.key(), %error, "log events could not be sent yet");
                    return false;
                }
            }
        }
        let Some(result) = due else { return true };
        let sent = self.shared.sender.send(topology::RESULTS, &self.attempt.trace(), result, REPORT_VALID).await;
        self.result_due = Instant::now() + self.delays.next_delay().unwrap_or(self.shared.options.result_again_at_most);
        self.tries = self.tries.saturating_add(1);
        self.tell(&sent);
        if sent.is_ok() {
            self.attempt.result_sent.send_replace(true);
        }
        sent.is_ok()
    }

    /// Whoever waits for a finished run to be finished everywhere finds in the log what it waits for.
    fn tell(&self, sent: &Result<(), BusError>) {
        let (attempt, tries) = (self.attempt.key(), self.tries);
        match sent {
            Err(error) if tries >= TRIES_UNTOLD => tracing::warn!(?attempt, tries, %error, "the result could not be sent yet"),
            Err(error) => tracing::debug!(?attempt, tries, %error, "the result could not be sent yet"),
            Ok(()) if tries >= TRIES_UNTOLD => {
                tracing::warn!(?attempt, tries, "the result was sent again: nobody has said that it is stored");
            }
            Ok(()) => tracing::debug!(?attempt, tries, "the result was sent"),
        }
    }

    /// All events of a run of which nothing has been stored yet, where its result can take them along, and the place behind them.
    fn whole_log(&self, result: &WorkResult) -> Option<(Vec<LogEvent>, Cursor)> {
        let acked = *self.attempt.acked.borrow();
        if acked.result_stored || acked.last_seq > 0 || result.last_seq == 0 || result.last_seq > BATCH as u64 {
            return None;
        }
        let mut cursor = Cursor::default();
        let events = self.attempt.log().read(&mut cursor, BATCH, BATCH_BYTES).ok()?;
        (cursor.seq == result.last_seq).then_some((events, cursor))
    }

    async fn send_events(&mut self) -> Result<(), BusError> {
        loop {
            let mut cursor = self.cursor;
            let read = self.attempt.log().read(&mut cursor, BATCH, BATCH_BYTES);
            let events = read.map_err(|error| unreadable(&error))?;
            let progress = self.attempt.progress.take();
            if events.is_empty() && !progress.dirty {
                return Ok(());
            }
            let (task_id, attempt) = self.attempt.key();
            let status = WorkStatus {
                task_id,
                status: "running".to_owned(),
                progress: progress.percent,
                message: progress.message,
                metrics: progress.metrics,
                attempt,
                agent_id: self.shared.options.agent_id.clone(),
                events,
            };
            self.shared.sender.send(topology::STATUS, &self.attempt.trace(), status, REPORT_VALID).await?;
            self.cursor = cursor;
        }
    }

    /// Whoever stores a result and not the events in it knows nothing of such events: they are said as others are.
    fn hear(&mut self, acked: Acked) {
        if acked.result_stored && !self.is_stored(acked) && std::mem::take(&mut self.took_all_along) {
            self.rewind();
        }
    }

    /// Goes back to the first event that nobody has acknowledged.
    fn rewind(&mut self) {
        let acked = self.attempt.acked.borrow().last_seq;
        match self.attempt.log().cursor_after(acked) {
            Ok(cursor) => self.cursor = cursor,
            Err(error) => tracing::error!(attempt = ?self.attempt.key(), %error, "the log can't be read from the journal"),
        }
    }

    fn is_stored(&self, acked: Acked) -> bool {
        machine::may_forget(acked.result_stored, acked.last_seq, self.attempt.result().map(|result| result.last_seq))
    }
}

fn unreadable(error: &io::Error) -> BusError {
    BusError::Refused(format!("the log can't be read from the journal: {error}"))
}

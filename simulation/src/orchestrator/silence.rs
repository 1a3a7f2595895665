//! Silence, and what is tried again after it (RELIABILITY 10, 12, 13).

use chiffon_engine::domain::task::{Event, Limits, Next, Task};
use serde_json::json;

use super::{Desk, Memory, SINGLETON_LEASE, cut_off, proof};
use crate::network::Key;
use crate::records::WaitKey;

impl Desk<'_> {
    /// Takes the reaper's lease, or keeps it, and looks for silent attempts.
    pub(crate) fn look_for_silence(&mut self, who: usize, memory: &mut Memory) {
        let lease = &mut self.records.reaper;
        if lease.until <= self.now {
            lease.epoch += 1;
            lease.holder = who;
        } else if lease.holder != who {
            return;
        }
        lease.until = self.now + SINGLETON_LEASE;
        let epoch = lease.epoch;
        let silent = self.records.tasks.iter().enumerate().filter_map(|(index, row)| {
            let attempt = row.attempts.last()?;
            let is_owned = attempt.claim_id.is_some() && attempt.finished.is_none();
            (is_owned && attempt.lease_until < self.now).then(|| (index, row.newest()))
        });
        memory.silent = Some((epoch, silent.collect()));
    }

    /// Marks what it saw, if its epoch counts and nothing was heard since.
    pub(crate) fn mark_silent(&mut self, memory: &mut Memory) {
        let Some((epoch, keys)) = memory.silent.take() else { return };
        for key in keys {
            let lease = &self.records.reaper;
            let counts = lease.epoch == epoch && lease.until > self.now;
            let attempt = self.records.tasks.get(key.0).and_then(|row| row.attempt(key.1));
            if counts && attempt.is_some_and(|attempt| attempt.lease_until < self.now) {
                self.lose(key);
            }
        }
    }

    pub(super) fn lose(&mut self, key: Key) {
        let Some(row) = self.task(key.0) else { return };
        if let Ok(next) = row.state.clone().on(Event::LeaseExpired { attempt: key.1 }) {
            row.state = next;
            self.records.tell(self.now, "task.unknown", json!({"task": key.0, "attempt": key.1}));
            self.settle();
        }
    }

    /// Tries cut-off work again where that is proved to be safe and its action says that it may be.
    pub(crate) fn try_again(&mut self, limits: &Limits) {
        for index in 0..self.records.tasks.len() {
            let now = self.now;
            let row = &mut self.records.tasks[index];
            if !matches!(row.state, Task::Unknown(_) | Task::Interrupted { .. }) || proof(row, now).is_none() {
                continue;
            }
            let Next::Again { after, .. } = limits.next(&cut_off(row)) else { continue };
            let attempt = row.newest();
            if let Ok(next) = row.state.clone().on(Event::Retry { attempt }) {
                row.state = next;
                row.not_before = now + after;
                row.waits_by = Some(WaitKey::Time);
                self.records.unlock(index);
                self.records.tell(now, "task.retried", json!({"task": index, "after": attempt}));
                self.settle();
            }
        }
    }
}

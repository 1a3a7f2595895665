//! What background agents last did, for `GET /background` and for tests. Kept in memory: it is about this process.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use chiffon_protocol::Problem;
use chrono::{DateTime, Utc};
use serde::Serialize;

/// What one background agent last did.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct AgentStatus {
    /// How often it looked.
    pub ticks: u64,
    /// How many things it dealt with.
    pub done: u64,
    /// How often it failed.
    pub failures: u64,
    /// When it last looked.
    pub last_tick_at: Option<DateTime<Utc>>,
    /// When it last dealt with something.
    pub last_done_at: Option<DateTime<Utc>>,
    /// When it last failed.
    pub last_failure_at: Option<DateTime<Utc>>,
    /// Why its last look failed; null when it did not.
    pub error: Option<Problem>,
}

/// The statuses of all background agents of this process, by name.
#[derive(Debug, Default)]
pub struct BackgroundStatuses {
    by_name: Mutex<BTreeMap<&'static str, AgentStatus>>,
}

impl BackgroundStatuses {
    /// Notes a look that dealt with this many things.
    pub fn succeeded(&self, name: &'static str, done: usize, at: DateTime<Utc>) {
        self.update(name, |status| {
            status.ticks += 1;
            status.done += u64::try_from(done).unwrap_or(u64::MAX);
            status.last_tick_at = Some(at);
            status.error = None;
            if done > 0 {
                status.last_done_at = Some(at);
            }
        });
    }

    /// Notes a look that failed.
    pub fn failed(&self, name: &'static str, problem: Problem, at: DateTime<Utc>) {
        self.update(name, |status| {
            status.ticks += 1;
            status.failures += 1;
            status.last_tick_at = Some(at);
            status.last_failure_at = Some(at);
            status.error = Some(problem);
        });
    }

    /// All of them, by name.
    pub fn all(&self) -> BTreeMap<&'static str, AgentStatus> {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn update(&self, name: &'static str, change: impl FnOnce(&mut AgentStatus)) {
        change(self.by_name.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default());
    }
}

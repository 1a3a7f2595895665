//! What background agents last did, for `GET /background` and for tests. Kept in memory: it is about this process.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use chiffon_process::Panicked;
use chiffon_protocol::{ErrorCode, Problem};
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::invariant::InvariantReport;

/// What one background agent last did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, utoipa::ToSchema)]
pub struct AgentStatus {
    /// How often it looked.
    pub ticks: u64,
    /// How many things it dealt with.
    pub done: u64,
    /// How often it failed.
    pub failures: u64,
    /// Since when it has been at the look that it is at now; null between looks.
    pub looking_since: Option<DateTime<Utc>>,
    /// When it last looked.
    pub last_tick_at: Option<DateTime<Utc>>,
    /// When it last dealt with something.
    pub last_done_at: Option<DateTime<Utc>>,
    /// When it last failed.
    pub last_failure_at: Option<DateTime<Utc>>,
    /// Why its last look failed; null when it did not.
    #[schema(value_type = Option<Object>)]
    pub error: Option<Problem>,
}

/// The statuses of all background agents of this process, by name, and what its last look at the invariants found.
#[derive(Debug, Default)]
pub struct BackgroundStatuses {
    by_name: Mutex<BTreeMap<&'static str, AgentStatus>>,
    invariants: Mutex<Option<InvariantReport>>,
}

impl BackgroundStatuses {
    /// Notes that a look has begun.
    pub fn began(&self, name: &'static str, at: DateTime<Utc>) {
        self.update(name, |status| status.looking_since = Some(at));
    }

    /// Notes a look that dealt with this many things.
    pub fn succeeded(&self, name: &'static str, done: usize, at: DateTime<Utc>) {
        self.update(name, |status| {
            status.ticks += 1;
            status.looking_since = None;
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
            status.looking_since = None;
            status.failures += 1;
            status.last_tick_at = Some(at);
            status.last_failure_at = Some(at);
            status.error = Some(problem);
        });
    }

    /// Notes that a piece of work panicked, and logs it; what it comes to for whoever waits for it.
    pub fn panicked(&self, name: &'static str, panic: &Panicked, at: DateTime<Utc>) -> Problem {
        let problem = Problem::new(ErrorCode::Internal, panic.to_string());
        tracing::error!(agent = name, %problem, "a piece of work panicked; it alone has ended");
        self.failed(name, problem.clone(), at);
        problem
    }

    /// All of them, by name.
    pub fn all(&self) -> BTreeMap<&'static str, AgentStatus> {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the last look at the invariants found; `None` before the first.
    pub fn invariants(&self) -> Option<InvariantReport> {
        self.invariants.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes what a look at the invariants found.
    pub fn set_invariants(&self, report: InvariantReport) {
        *self.invariants.lock().unwrap_or_else(PoisonError::into_inner) = Some(report);
    }

    fn update(&self, name: &'static str, change: impl FnOnce(&mut AgentStatus)) {
        change(self.by_name.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default());
    }
}

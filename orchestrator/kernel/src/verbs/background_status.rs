//! What background agents last did, for `GET /background` and for tests. Kept in memory: it is about this process.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use chiffon_process::Panicked;
use chiffon_protocol::{ErrorCode, Problem};
use chrono::{DateTime, TimeDelta, Utc};
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
    returned: Mutex<BTreeMap<String, Returned>>,
}

/// Messages for one queue that came back, because the broker has no such queue, with none that went through since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Returned {
    /// How many in a row.
    pub times: u32,
    /// When the first of them came back.
    pub since: DateTime<Utc>,
    /// When the last one did.
    pub last_at: DateTime<Utc>,
}

/// What came back longer ago says nothing about now.
const RETURNED_FOR: TimeDelta = TimeDelta::minutes(10);
/// So many in a row are no coincidence.
const KEEPS_COMING_BACK: u32 = 3;
/// No more queues are watched at a time.
const WATCHED: usize = 256;

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

    /// Notes whether a message for a queue went through (else it came back).
    pub fn published(&self, queue: &str, went_through: bool, at: DateTime<Utc>) {
        let mut returned = self.returned.lock().unwrap_or_else(PoisonError::into_inner);
        if went_through {
            returned.remove(queue);
            return;
        }
        returned.retain(|_, back| at - back.last_at < RETURNED_FOR);
        if let Some(back) = returned.get_mut(queue) {
            (back.times, back.last_at) = (back.times.saturating_add(1), at);
        } else if returned.len() < WATCHED {
            returned.insert(queue.to_owned(), Returned { times: 1, since: at, last_at: at });
        }
    }

    /// The queues whose messages keep coming back.
    pub fn keep_coming_back(&self, now: DateTime<Utc>) -> Vec<(String, Returned)> {
        let returned = self.returned.lock().unwrap_or_else(PoisonError::into_inner);
        let is_so = |back: &Returned| back.times >= KEEPS_COMING_BACK && now - back.last_at < RETURNED_FOR;
        returned.iter().filter(|(_, back)| is_so(back)).map(|(queue, back)| (queue.clone(), *back)).collect()
    }

    fn update(&self, name: &'static str, change: impl FnOnce(&mut AgentStatus)) {
        change(self.by_name.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_coming_back_is_named_until_something_goes_through_or_it_is_long_ago() {
        let (statuses, now) = (BackgroundStatuses::default(), DateTime::UNIX_EPOCH);
        for times in 1..=4 {
            statuses.published("agent.desktop.den", false, now + TimeDelta::seconds(times));
        }
        statuses.published("agent.infrastructure", false, now);
        let back = statuses.keep_coming_back(now + TimeDelta::minutes(1));
        assert_eq!(back.iter().map(|(queue, back)| (queue.as_str(), back.times)).collect::<Vec<_>>(), [("agent.desktop.den", 4)]);
        assert!(statuses.keep_coming_back(now + TimeDelta::hours(1)).is_empty());
        statuses.published("agent.desktop.den", true, now);
        assert!(statuses.keep_coming_back(now + TimeDelta::minutes(1)).is_empty());
    }
}

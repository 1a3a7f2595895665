//! What bounds each state that is not an end: how long it may last, who moves it on, and to what.
//!
//! Nothing waits for ever without saying so. Where only a person can decide, there is no end by itself, but a reminder.

use std::time::Duration;

use chiffon_engine::domain::task::Task;
use chiffon_protocol::ErrorCode;
use serde::Deserialize;

use super::request::Status;

/// How long states may last, from configuration.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deadlines {
    /// A request that has no plan by then expires.
    #[serde(with = "humantime_serde")]
    pub plan_within: Duration,
    /// A question without an answer by then ends its request.
    #[serde(with = "humantime_serde")]
    pub answer_within: Duration,
    /// Discoveries or previews that have not ended by then end their request.
    #[serde(with = "humantime_serde")]
    pub prepare_within: Duration,
    /// How often a request that only a person can move says so again.
    #[serde(with = "humantime_serde")]
    pub remind_every: Duration,
    /// How long a run may go on beyond its time limit before it is asked to stop, and after that before it is given up.
    #[serde(with = "humantime_serde")]
    pub run_margin: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            plan_within: Duration::from_hours(24),
            answer_within: Duration::from_hours(7 * 24),
            prepare_within: Duration::from_hours(24),
            remind_every: Duration::from_hours(24),
            run_margin: Duration::from_mins(1),
        }
    }
}

/// What happens at the time that bounds a request's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// The request expires: nothing that was wanted has happened.
    Expire,
    /// The person who has to decide is reminded.
    Remind,
}

/// The bound of a request's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// How long it may last.
    pub lasts: Duration,
    /// The setting that says so.
    pub setting: &'static str,
    /// What happens then.
    pub then: Then,
}

impl Deadlines {
    /// What bounds this state by itself; `None` where its tasks or its plan's expiry move it, and at an end.
    pub fn of(&self, status: Status) -> Option<Limit> {
        let limit = |lasts, setting, then| Some(Limit { lasts, setting, then });
        match status {
            Status::Planning => limit(self.plan_within, "deadlines.plan_within", Then::Expire),
            Status::NeedsInput => limit(self.answer_within, "deadlines.answer_within", Then::Expire),
            Status::Discovering | Status::Previewing => limit(self.prepare_within, "deadlines.prepare_within", Then::Expire),
            Status::NeedsAttention | Status::Paused => limit(self.remind_every, "deadlines.remind_every", Then::Remind),
            Status::AwaitingApproval
            | Status::Running
            | Status::Completed
            | Status::Failed
            | Status::Cancelled
            | Status::Rejected
            | Status::Expired => None,
        }
    }
}

/// What bounds a state, for people: a row of the table in docs/state-machines.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// The time, and the setting it comes from.
    pub by: &'static str,
    /// Who looks.
    pub who: &'static str,
    /// What follows.
    pub then: &'static str,
    /// With which code.
    pub code: Option<ErrorCode>,
}

const fn bound(by: &'static str, who: &'static str, then: &'static str, code: Option<ErrorCode>) -> Bound {
    Bound { by, who, then, code }
}

/// What bounds this state of a request; `None` at an end.
pub fn of_request(status: Status) -> Option<Bound> {
    match status {
        Status::Planning => Some(bound(
            "`planning.tries` times `planning.lease`, then failed with the planner's code; without an agent `deadlines.plan_within`",
            "planning, deadline_reaper",
            "expired",
            Some(ErrorCode::WaitedTooLong),
        )),
        Status::NeedsInput => Some(bound("`deadlines.answer_within`", "deadline_reaper", "expired", Some(ErrorCode::WaitedTooLong))),
        Status::Discovering | Status::Previewing => Some(bound(
            "its tasks, and `deadlines.prepare_within`",
            "deadline_reaper",
            "expired; what runs is told to stop",
            Some(ErrorCode::WaitedTooLong),
        )),
        Status::AwaitingApproval => Some(bound("`policy.plan_valid_for`", "deadline_reaper", "expired", Some(ErrorCode::PlanExpired))),
        Status::Running => {
            Some(bound("its tasks: the end of the last one moves it", "whoever ends a task", "completed, failed or cancelled", None))
        }
        Status::NeedsAttention => Some(bound(
            "a person: no end by itself, because nobody knows what is right; every `deadlines.remind_every` it says so again",
            "deadline_reaper",
            "needs_attention",
            None,
        )),
        Status::Paused => {
            Some(bound("a person: no end by itself; every `deadlines.remind_every` it says so again", "deadline_reaper", "paused", None))
        }
        Status::Completed | Status::Failed | Status::Cancelled | Status::Rejected | Status::Expired => None,
    }
}

/// What bounds this state of a task; `None` at an end.
pub fn of_task(task: &Task) -> Option<Bound> {
    match task {
        Task::Pending => Some(bound(
            "the steps before it, which are bounded",
            "whoever ends a task",
            "waiting, or skipped",
            Some(ErrorCode::DependencyFailed),
        )),
        Task::Waiting => Some(bound(
            "what it says that it waits for; discoveries and previews end with their request's deadline",
            "dispatcher",
            "dispatched, offered",
            None,
        )),
        Task::Offered { .. } => Some(bound("`dispatch.claim_within` (`claim_by`)", "dispatcher", "waiting", Some(ErrorCode::Unclaimed))),
        Task::Claimed(_) => Some(bound(
            "silence: `dispatch.agent_lease`. Else `dispatch.start_within`, the action's timeout and `deadlines.run_margin` (`deadline_at`)",
            "lease_reaper",
            "unknown; when its agent is heard of, it is asked to stop first",
            Some(ErrorCode::RunTooLong),
        )),
        Task::Running(_) => Some(bound(
            "silence: `dispatch.agent_lease`. Else the action's timeout, which the agent enforces, and `deadlines.run_margin` (`deadline_at`)",
            "lease_reaper",
            "unknown; when its agent is heard of, it is asked to stop first",
            Some(ErrorCode::RunTooLong),
        )),
        Task::Unknown(_) => Some(bound(
            "its owner's report, or a person. `repeatable: yes`: `dispatch.start_within`, the action's timeout and `retry.margin` after its \
             claim. Else no end by itself. After `deadline_at` its owner can only report its end, not that it runs",
            "lease_reaper; deadline_reaper reminds",
            "waiting, tried again; or unknown, and its request says so again",
            None,
        )),
        Task::Completed | Task::Failed | Task::Cancelled | Task::Interrupted { .. } | Task::Skipped => None,
    }
}

#[cfg(test)]
#[path = "deadline_table.rs"]
mod table;

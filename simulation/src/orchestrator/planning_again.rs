//! Planning the same steps again: where all that was given out was refused, or the previews do not hold any more. The new revision needs
//! its own approvals.

use chiffon_engine::domain::task::{Event, Task};
use chiffon_protocol::message::Outcome;
use chiffon_requests::domain::request;
use serde_json::json;

use super::Desk;
use crate::bug::Bug;
use crate::records::TaskRow;

impl Desk<'_> {
    /// Makes the next revision of the plan.
    pub(super) fn propose(&mut self) {
        let request = &mut self.records.request;
        request.revision += 1;
        request.outdated = false;
        if self.bug != Some(Bug::OldApprovalsCount) {
            request.approvals.clear();
        }
        let revision = request.revision;
        self.records.tell(self.now, "plan.proposed", json!({"revision": revision}));
    }

    /// Plans the steps again; `false` where the request does not stand so, or something of its plan was begun. `refused` is the task
    /// whose refusal is the reason.
    pub(super) fn plan_again(&mut self, refused: Option<usize>) -> bool {
        let Ok(planning) = self.records.request.status.on(request::Event::PlanAgain) else { return false };
        if self.was_begun(refused) {
            return false;
        }
        let Ok(proposed) = planning.on(request::Event::Propose) else { return false };
        let revision = self.records.request.revision;
        for index in 0..self.records.tasks.len() {
            let row = &mut self.records.tasks[index];
            if row.revision == revision
                && let Ok(next) = row.state.clone().on(Event::CancelRequested)
            {
                row.state = next;
                self.records.unlock(index);
            }
        }
        self.records.request.status = proposed;
        self.records.request.round += 1;
        self.records.tell(self.now, "plan.made_again", json!({"revision": revision}));
        self.propose();
        true
    }

    /// Whether an agent has begun a change of this plan, or may have.
    fn was_begun(&self, refused: Option<usize>) -> bool {
        let of_plan = self.records.tasks.iter().enumerate().filter(|(_, row)| row.revision == self.records.request.revision);
        of_plan.into_iter().any(|(index, row)| {
            let is_refused = row.refused || refused == Some(index);
            let is_untouched = matches!(row.state, Task::Pending | Task::Waiting | Task::Offered { .. });
            !(is_refused || is_untouched) || tries(row) > usize::from(is_refused)
        })
    }
}

/// Attempts that an agent had, but for those that it has not begun.
fn tries(row: &TaskRow) -> usize {
    row.attempts.iter().filter(|attempt| attempt.claim_id.is_some() && attempt.finished != Some(Outcome::NotStarted)).count()
}

//! What the engine asks of whoever ordered the work: whether a step runs, whether what failed is tried again, what becomes of what follows
//! it; and further tasks of a step, made while the run is under way.

use std::time::Duration;

use chiffon_engine::domain::late::{Made, Wanted, check};
use chiffon_engine::domain::task::{Event, Status, Task, doubled, spread};
use chiffon_plans::domain::asks::OnFailure;
use chiffon_protocol::message::Outcome;
use chiffon_requests::domain::request;
use serde_json::json;
use uuid::Uuid;

use super::{Desk, cut_off};
use crate::bug::Bug;
use crate::records::{TaskRow, WaitKey};

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

impl Desk<'_> {
    /// Asks about a task whose turn has come, in a transaction of its own; `false` where nobody is to be asked.
    pub(super) fn ask(&mut self, index: usize) -> bool {
        let row = &mut self.records.tasks[index];
        if !row.asks.when || row.state != Task::Pending || self.bug == Some(Bug::WhenNotAsked) {
            return false;
        }
        row.asks.when = false;
        if row.planned.holds {
            return true;
        }
        let left_out = row.state.clone().on(Event::DependenciesMet).and_then(|ready| ready.on(Event::LeaveOut));
        if let Ok(next) = left_out {
            row.state = next;
            row.consequence = Some(OnFailure::Continue);
            self.wake_steps_after(index);
            self.records.tell(self.now, "task.left_out", json!({"task": index}));
            self.settle();
        }
        true
    }

    /// Whether an attempt of which its owner says that it has failed is followed by another.
    pub(super) fn is_tried_again(&mut self, index: usize, number: i32) -> bool {
        let now = self.now;
        let row = &mut self.records.tasks[index];
        let failed = cut_off(row);
        let may_follow = failed.may_follow_failure().is_ok() || self.bug == Some(Bug::FailureRepeated);
        if !row.asks.retry || !may_follow || failed.tries >= row.planned.attempts {
            return false;
        }
        let Ok(next) = row.state.clone().on(Event::TryAgain { attempt: number }) else { return false };
        row.state = next;
        row.not_before = now + spread(doubled(FIRST_PAUSE, LONGEST_PAUSE, failed.tries), Uuid::from_u128(index as u128), failed.tries);
        row.waits_by = Some(WaitKey::Time);
        self.records.unlock(index);
        self.records.tell(now, "task.attempt_failed", json!({"task": index, "attempt": number, "outcome": Outcome::Failed}));
        self.settle();
        true
    }

    /// What becomes of what follows a task that has just ended.
    pub(super) fn follow(&mut self, index: usize, was_to_stop: bool) {
        let row = &mut self.records.tasks[index];
        if row.state == Task::Failed && row.asks.on_failure && !was_to_stop {
            row.consequence = Some(row.planned.on_failure).filter(|consequence| *consequence != OnFailure::Abort);
        }
        self.wake_steps_after(index);
    }

    /// The run gives a step another task once its first is completed, in the transaction that settles it.
    pub(super) fn add_late(&mut self) {
        let request = &self.records.request;
        if !matches!(request.status, request::Status::Running | request::Status::NeedsAttention | request::Status::Paused) {
            return;
        }
        let is_due =
            |row: &&TaskRow| row.revision == request.revision && row.planned.grows && row.iteration == 0 && row.state == Task::Completed;
        let Some(first) = self.records.tasks.iter().find(is_due) else { return };
        let of_run: Vec<&TaskRow> = self.records.tasks.iter().filter(|row| row.revision == first.revision).collect();
        if of_run.iter().any(|row| row.step == first.step && row.iteration > 0) {
            return;
        }
        let made: Vec<Made> = of_run.iter().map(|row| made(row)).collect();
        let wanted = Wanted { step_id: first.step.to_string(), iteration: 1, depends_on: depends_on(first) };
        if check(&made, &[wanted]).is_err() {
            return;
        }
        let mut late = TaskRow::new(first.revision, (first.step, 1), first.planned);
        if self.records.is_next(&late, false) {
            late.waits_by = None;
        }
        self.records.tell(self.now, "tasks.created", json!({"step": late.step, "iteration": 1}));
        self.records.tasks.push(late);
    }
}

fn made(row: &TaskRow) -> Made {
    Made {
        step_id: row.step.to_string(),
        iteration: row.iteration,
        status: row.state.status(),
        cancel_requested: row.cancel_requested() || row.state.status() == Status::Cancelled,
        lets_go_on: row.consequence == Some(OnFailure::Continue),
        depends_on: depends_on(row),
    }
}

fn depends_on(row: &TaskRow) -> Vec<String> {
    row.after.iter().map(usize::to_string).collect()
}

//! What people decide (RELIABILITY 13, 15, 18).

use std::time::Duration;

use chiffon_engine::domain::task::{Asked, Decision as Resolution, Event, Refusal, Task, resolve};
use chiffon_requests::domain::request::{self, Status};
use serde_json::json;

use super::{Desk, proof};
use crate::bug::Bug;
use crate::records::{Step, TaskRow, WaitKey};

impl Desk<'_> {
    /// Whether this approval started the run. `seen` is the revision that the person looked at.
    pub(crate) fn approve(&mut self, person: u32, seen: u32, plan: &[Step]) -> bool {
        let request = &mut self.records.request;
        if request.revision != seen {
            return false;
        }
        let next = request.status.on(request::Event::Approve);
        let forgotten = self.bug == Some(Bug::ApprovalNotConsumed) && request.status == Status::Running;
        if next.is_err() && !forgotten {
            return false;
        }
        if request.outdated {
            self.plan_again(None);
            return false;
        }
        request.approved_by.entry(seen).or_default().insert(person);
        let is_first = request.approvals.insert(person);
        if !is_first && !forgotten || request.approvals.len() < request.approvals_needed {
            return false;
        }
        request.status = next.unwrap_or(request.status);
        *request.runs.entry(seen).or_default() += 1;
        let rows = plan.iter().enumerate().map(|(step, planned)| TaskRow::new(seen, (step, 0), *planned));
        self.records.tasks.extend(rows);
        self.records.tell(self.now, "plan.approved", json!({"revision": seen, "by": person}));
        true
    }

    pub(crate) fn revise(&mut self) {
        let request = &mut self.records.request;
        if let Ok(status) = request.status.on(request::Event::Say) {
            request.status = status;
            request.round += 1;
            request.planning_until = Duration::ZERO;
            let round = request.round;
            self.records.tell(self.now, "plan.revision_wanted", json!({"round": round}));
        }
    }

    pub(crate) fn cancel(&mut self) {
        let Ok(status) = self.records.request.status.on(request::Event::Cancel) else { return };
        self.records.request.status = status;
        self.records.tell(self.now, "request.cancel_wanted", json!({}));
        for index in 0..self.records.tasks.len() {
            let row = &mut self.records.tasks[index];
            if let Ok(next) = row.state.clone().on(Event::CancelRequested) {
                row.state = next;
                if row.state == Task::Cancelled {
                    self.records.unlock(index);
                }
            }
        }
        self.settle();
    }

    pub(crate) fn hold(&mut self, held: bool) {
        let event = if held { request::Event::Pause } else { request::Event::Resume };
        let Ok(status) = self.records.request.status.on(event) else { return };
        self.records.request.status = status;
        self.records.request.held = held;
        for index in 0..self.records.tasks.len() {
            if let Some(Ok(Task::Waiting)) = held.then(|| self.records.tasks[index].state.clone().on(Event::Hold)) {
                self.back_to_waiting(index, None);
            }
            let row = &mut self.records.tasks[index];
            if held && matches!(row.state, Task::Pending | Task::Waiting) && row.waits_by != Some(WaitKey::Steps) {
                row.waits_by = Some(WaitKey::Resume);
            }
            if !held && row.waits_by == Some(WaitKey::Resume) {
                row.waits_by = None;
            }
        }
    }

    /// A person gives a reserved host back; whether it was one.
    pub(crate) fn release(&mut self, host: usize) -> bool {
        let is_kept = self.records.is_kept(host);
        if is_kept {
            self.records.host_locks.remove(&host);
            self.records.tell(self.now, "host.released", json!({"host": host}));
        }
        is_kept
    }

    /// A person decides about a task; whether that was taken.
    pub(crate) fn resolve(&mut self, index: usize, decision: Resolution, not_running: bool) -> bool {
        let now = self.now;
        let Some(row) = self.task(index) else { return false };
        let proof = proof(row, now);
        let asked = Asked { decision, attempt: row.newest(), has_comment: true, not_running };
        let next = match resolve(row.state.clone(), asked, proof) {
            Ok(next) => next,
            Err(Refusal::NotHere | Refusal::OtherAttempt | Refusal::Cancelled | Refusal::CommentMissing | Refusal::MayStillRun) => {
                return false;
            }
        };
        row.by_word |= proof.is_none();
        row.decided = next != Task::Waiting;
        row.tried_by_person += usize::from(next == Task::Waiting);
        row.not_before = now;
        row.state = next;
        row.waits_by = None;
        self.records.unlock(index);
        self.follow(index, false);
        self.records.tell(now, "task.resolved", json!({"task": index, "decision": decision.as_str()}));
        self.settle();
        true
    }
}

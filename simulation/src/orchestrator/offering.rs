//! Offers, and who claims them (RELIABILITY 6 to 9, 12).

use std::collections::BTreeSet;

use chiffon_engine::domain::task::{Claim, Claimed, Event, Task, claim, next_offer};
use chiffon_protocol::message::Decision;
use chiffon_requests::domain::request::Status;
use serde_json::json;

use super::{AGENT_LEASE, CLAIM_WITHIN, Desk};
use crate::bug::Bug;
use crate::network::{Key, Message, Queue};
use crate::records::{Attempt, HostLock, TaskRow, WaitKey};

impl Desk<'_> {
    /// Offers what is ready, as far as an agent lives that may take it. Of those that wait for one thing only the first is looked
    /// at, once that may be there; those behind it follow when it goes, or comes to wait for something else.
    pub(crate) fn dispatch(&mut self) {
        let request = &self.records.request;
        if !matches!(request.status, Status::Running | Status::NeedsAttention) || request.held {
            return;
        }
        let mut seen = BTreeSet::new();
        while let Some(index) = (0..self.records.tasks.len()).find(|index| !seen.contains(index) && self.is_worth_a_look(*index, &seen)) {
            seen.insert(index);
            // What was asked about is offered by another look: whoever asks may die before it.
            if self.missing(index) == Some(WaitKey::Steps) || !self.ask(index) {
                self.offer(index);
            }
        }
    }

    fn is_worth_a_look(&self, index: usize, seen: &BTreeSet<usize>) -> bool {
        let row = &self.records.tasks[index];
        if row.revision != self.records.request.revision || !matches!(row.state, Task::Pending | Task::Waiting) {
            return false;
        }
        let Some(key) = &row.waits_by else { return true };
        let lock = |host: &usize| self.records.host_locks.get(host);
        let may_be_there = match key {
            WaitKey::Steps | WaitKey::Resume => false,
            WaitKey::Time => return row.not_before <= self.now,
            WaitKey::Host(host) => lock(host).is_none_or(|lock| lock.kept_at.is_some()),
            WaitKey::Kept(host) => lock(host).is_none_or(|lock| lock.kept_at.is_none()),
            WaitKey::Agent(_) => true,
        };
        // While the first still waits for the same, so do all behind it.
        let waits_behind = seen.iter().any(|before| self.records.tasks[*before].waits_by.as_ref() == Some(key));
        may_be_there && !waits_behind
    }

    /// What keeps a task from going at this moment.
    fn missing(&self, index: usize) -> Option<WaitKey> {
        let row = &self.records.tasks[index];
        if row.state == Task::Pending && !self.records.is_next(row, self.bug == Some(Bug::LateOneNotWaitedFor)) {
            return Some(WaitKey::Steps);
        }
        if row.state == Task::Waiting && row.not_before > self.now {
            return Some(WaitKey::Time);
        }
        let alive = |agent: usize| self.records.agents[agent].lease_until > self.now && !row.excluded.contains(&agent);
        if !(0..self.records.agents.len()).any(alive) {
            return Some(WaitKey::Agent(row.excluded.clone()));
        }
        match self.records.host_locks.get(&row.host) {
            Some(lock) if lock.kept_at.is_some() => (self.bug != Some(Bug::KeptHostGivenOut)).then_some(WaitKey::Kept(row.host)),
            Some(lock) => (lock.task != index).then_some(WaitKey::Host(row.host)),
            None => None,
        }
    }

    /// Lets the steps be looked at that waited for this one, if they go on after it.
    pub(super) fn wake_steps_after(&mut self, index: usize) {
        let row = &self.records.tasks[index];
        let (revision, step) = (row.revision, row.step);
        if !row.is_passed() || self.bug == Some(Bug::StepsNotWoken) {
            return;
        }
        let waits = |row: &&mut TaskRow| row.revision == revision && row.after == Some(step) && row.waits_by == Some(WaitKey::Steps);
        for row in self.records.tasks.iter_mut().filter(waits) {
            row.waits_by = None;
        }
    }

    pub(super) fn offer(&mut self, index: usize) {
        let missing = self.missing(index);
        let row = &mut self.records.tasks[index];
        row.waits_by.clone_from(&missing);
        if missing.is_some() {
            return;
        }
        let Some(next) = next_offer(row.state.clone(), row.known(), (row.newest(), row.offer), 0) else { return };
        let (host, now) = (row.host, self.now);
        let kept_at = self.records.host_locks.get(&host).and_then(|lock| lock.kept_at);
        self.records.host_locks.insert(host, HostLock { task: index, attempt: next.attempt, kept_at });
        let row = &mut self.records.tasks[index];
        if next.is_new {
            row.attempts.push(Attempt {
                claim_id: None,
                agent: None,
                claimed_at: now,
                lease_until: now,
                finished: None,
                conflicting_reports: 0,
            });
        }
        row.offer = next.offer;
        row.claim_by = now + CLAIM_WITHIN;
        row.state = Task::Offered { attempt: next.attempt, offer: next.offer };
        row.given_out_at = self.records.audit.len();
        self.records.send(Queue::Work, Message::Work { key: (index, next.attempt), offer: next.offer });
        self.records.tell(now, "task.offered", json!({"task": index, "attempt": next.attempt, "offer": next.offer}));
    }

    /// Takes back what nobody claimed in time: the offer's number goes up.
    pub(crate) fn take_back_unclaimed(&mut self) {
        for index in 0..self.records.tasks.len() {
            let row = &self.records.tasks[index];
            let expired = Event::OfferExpired { attempt: row.newest(), offer: row.offer };
            if row.claim_by <= self.now && row.state.clone().on(expired).is_ok() {
                self.back_to_waiting(index, None);
            }
        }
    }

    pub(super) fn back_to_waiting(&mut self, index: usize, without: Option<usize>) {
        let row = &mut self.records.tasks[index];
        row.state = Task::Waiting;
        row.waits_by = None;
        row.offer += 1;
        row.excluded.extend(without);
        self.records.unlock(index);
    }

    pub(super) fn decline(&mut self, key: Key, offer: i32, agent: usize) {
        let Some(row) = self.task(key.0) else { return };
        if row.state.clone().on(Event::Decline { attempt: key.1, offer }).is_ok() {
            self.back_to_waiting(key.0, Some(agent));
        }
    }

    pub(super) fn claim(&mut self, asked: Claim<'_>, index: usize, agent: usize) -> Decision {
        let now = self.now;
        let Some(row) = self.records.tasks.get_mut(index) else { return Decision::Refused };
        match claim(row.state.clone(), row.known(), asked) {
            Claimed::GrantedBefore => return Decision::Granted,
            Claimed::Over | Claimed::Taken | Claimed::NotOffered(_) => return Decision::Refused,
            Claimed::Granted => {}
        }
        let has_host = |lock: &HostLock| lock.task == index && lock.attempt == asked.attempt;
        if !self.records.host_locks.get(&row.host).is_some_and(has_host) {
            return Decision::Refused;
        }
        let event = Event::Claim { attempt: asked.attempt, offer: asked.offer, agent_id: asked.agent_id.to_owned() };
        if let Ok(next) = row.state.clone().on(event) {
            row.state = next;
        }
        row.given_out_at = self.records.audit.len();
        if let Some(attempt) = row.attempt_mut(asked.attempt) {
            attempt.claim_id = Some(asked.claim_id);
            attempt.agent = Some(agent);
            attempt.claimed_at = now;
            attempt.lease_until = now + AGENT_LEASE;
        }
        self.records.tell(now, "task.claimed", json!({"task": index, "attempt": asked.attempt, "agent": agent}));
        Decision::Granted
    }
}

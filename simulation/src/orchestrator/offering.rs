//! Offers, and who claims them (RELIABILITY 6 to 9, 12).

use chiffon_orchestrator::domain::request::Status;
use chiffon_orchestrator::domain::task::{Claim, Claimed, Event, Task, claim, next_offer};
use chiffon_protocol::message::Decision;
use serde_json::json;

use super::{AGENT_LEASE, CLAIM_WITHIN, Desk};
use crate::bug::Bug;
use crate::network::{Key, Message, Queue};
use crate::records::{Attempt, HostLock};

impl Desk<'_> {
    /// Offers what is ready, as far as an agent lives that may take it.
    pub(crate) fn dispatch(&mut self) {
        let request = &self.records.request;
        if !matches!(request.status, Status::Running | Status::NeedsAttention) || request.held {
            return;
        }
        for index in 0..self.records.tasks.len() {
            self.offer(index);
        }
    }

    pub(super) fn offer(&mut self, index: usize) {
        let row = &self.records.tasks[index];
        let alive = |agent: usize| self.records.agents[agent].lease_until > self.now && !row.excluded.contains(&agent);
        let is_ready = match row.state {
            Task::Pending => row.after.is_none_or(|after| self.records.tasks[after].state == Task::Completed),
            _ => row.not_before <= self.now,
        };
        let is_free = match self.records.host_locks.get(&row.host) {
            Some(lock) if lock.kept_at.is_some() => self.bug == Some(Bug::KeptHostGivenOut),
            Some(lock) => lock.task == index,
            None => true,
        };
        if !is_ready || !is_free || !(0..self.records.agents.len()).any(alive) {
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

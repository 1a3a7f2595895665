//! What agents say (RELIABILITY 10, 14 to 16).

use chiffon_engine::domain::task::{Event, Reported, Task, given_back, result};
use chiffon_protocol::message::Outcome;
use serde_json::json;

use super::{AGENT_LEASE, Desk, Replies};
use crate::bug::Bug;
use crate::network::{Aside, Key, Message, Queue};
use crate::records::WaitKey;

impl Desk<'_> {
    pub(super) fn hello(&mut self, agent: usize, incarnation: u64, unfinished: &[Key]) {
        let now = self.now;
        let known = &mut self.records.agents[agent];
        if known.incarnation > incarnation {
            return;
        }
        let is_new = known.incarnation < incarnation;
        known.incarnation = incarnation;
        known.lease_until = now + AGENT_LEASE;
        self.renew(agent, unfinished);
        for index in 0..self.records.tasks.len() {
            let row = &mut self.records.tasks[index];
            if is_new && row.excluded.remove(&agent) && row.waits_by != Some(WaitKey::Resume) {
                row.waits_by = None;
            }
            let newest = row.newest();
            let is_lost = row.attempts.last().is_some_and(|attempt| {
                attempt.agent == Some(agent) && attempt.finished.is_none() && !unfinished.contains(&(index, newest))
            });
            // Owned by an earlier start, and not in this one's journal: nobody can say what became of it.
            if is_new && is_lost {
                self.lose((index, newest));
            }
        }
    }

    pub(super) fn renew(&mut self, agent: usize, keys: &[Key]) {
        let until = self.now + AGENT_LEASE;
        for (index, number) in keys {
            let attempt = self.records.tasks.get_mut(*index).and_then(|row| row.attempt_mut(*number));
            if let Some(attempt) = attempt.filter(|attempt| attempt.agent == Some(agent)) {
                attempt.lease_until = until;
            }
        }
    }

    pub(super) fn heartbeat(&mut self, agent: usize, incarnation: u64, running: &[Key]) -> Replies {
        let known = self.records.agents[agent].incarnation;
        if known < incarnation {
            return vec![(Queue::Control(agent, incarnation), Message::HelloWanted)];
        }
        if known > incarnation {
            return Vec::new();
        }
        self.records.agents[agent].lease_until = self.now + AGENT_LEASE;
        self.renew(agent, running);
        for key in running {
            self.started(*key, agent);
        }
        let to_stop = running.iter().filter_map(|&(task, number)| {
            let row = self.records.tasks.get(task)?;
            // What outlived a decision or a newer attempt is stopped by its number; a cancel means all of the task.
            let is_outlived = number < row.newest() || row.decided;
            (is_outlived || row.cancel_requested()).then(|| Message::Cancel { task, attempt: is_outlived.then_some(number) })
        });
        to_stop.map(|message| (Queue::Control(agent, incarnation), message)).collect()
    }

    pub(super) fn started(&mut self, key: Key, agent: usize) {
        let Some(row) = self.task(key.0) else { return };
        if row.attempt(key.1).is_none_or(|attempt| attempt.agent != Some(agent) || attempt.finished.is_some()) {
            return;
        }
        let was_unknown = matches!(row.state, Task::Unknown(_));
        if let Ok(next) = row.state.clone().on(Event::Progress { attempt: key.1 }) {
            row.state = next;
            if was_unknown {
                self.settle();
            }
        }
    }

    pub(super) fn result(&mut self, key: Key, agent: usize, (outcome, aside): (Outcome, Aside)) -> Replies {
        let now = self.now;
        let incarnation = self.records.agents[agent].incarnation;
        let bug = self.bug;
        let Some(row) = self.records.tasks.get_mut(key.0) else { return Vec::new() };
        let number = if bug == Some(Bug::NoFenceOnResults) { row.newest() } else { key.1 };
        let Some(attempt) = row.attempt(number) else { return Vec::new() };
        if attempt.agent != Some(agent) && bug != Some(Bug::NoFenceOnResults) {
            return self.not_owned(key, agent, outcome);
        }
        let state = row.state.clone();
        let reported = result(state.clone(), attempt.known(number), outcome);
        if let Some(attempt) = row.attempt_mut(number) {
            match reported {
                Reported::Ends(_) | Reported::NotStarted => attempt.finished = Some(outcome),
                Reported::Fenced => {
                    attempt.finished = Some(outcome);
                    attempt.conflicting_reports += 1;
                }
                Reported::Conflicting => attempt.conflicting_reports += 1,
                Reported::Repeated => {}
            }
        }
        let host = row.host;
        if matches!(reported, Reported::Ends(_)) {
            row.refused = aside == Aside::Refused;
        }
        if aside == Aside::LeftRunning && matches!(reported, Reported::Ends(_) | Reported::Fenced) {
            self.records.keep(host, (key.0, number), now);
        }
        match reported {
            Reported::Ends(_) if outcome == Outcome::Failed && aside == Aside::Nothing && self.is_tried_again(key.0, number) => {}
            Reported::Ends(_) => {
                let was_to_stop = self.records.tasks[key.0].cancel_requested();
                if let Ok(next) = state.on(Event::Finish { attempt: number, outcome }) {
                    self.records.tasks[key.0].state = next;
                }
                self.records.unlock(key.0);
                self.follow(key.0, was_to_stop);
                self.records.tell(now, "task.finished", json!({"task": key.0, "attempt": number, "outcome": outcome}));
                if aside != Aside::Refused || !self.plan_again(Some(key.0)) {
                    self.settle();
                }
            }
            Reported::NotStarted => {
                let row = &mut self.records.tasks[key.0];
                row.state = Task::Waiting;
                row.not_before = now;
                row.waits_by = None;
                self.records.unlock(key.0);
                self.settle();
            }
            Reported::Conflicting | Reported::Fenced => {
                self.records.tell(now, "task.conflicting_report", json!({"task": key.0, "attempt": number}));
            }
            Reported::Repeated => {}
        }
        vec![(Queue::Control(agent, incarnation), Message::Stored { key })]
    }

    /// A report of who does not own the attempt counts for nothing, except that it was not begun (RELIABILITY 8).
    pub(super) fn not_owned(&mut self, key: Key, agent: usize, outcome: Outcome) -> Replies {
        if outcome != Outcome::NotStarted {
            return Vec::new();
        }
        let row = &mut self.records.tasks[key.0];
        let is_free = row.attempt(key.1).is_some_and(|attempt| attempt.claim_id.is_none() && attempt.finished.is_none());
        if let Some(next) = given_back(row.state.clone(), (row.newest(), row.offer), key.1, is_free) {
            row.state = next;
            row.waits_by = None;
            if let Some(attempt) = row.attempt_mut(key.1) {
                attempt.finished = Some(outcome);
            }
            self.records.unlock(key.0);
            self.settle();
        }
        vec![(Queue::Control(agent, self.records.agents[agent].incarnation), Message::Stored { key })]
    }
}

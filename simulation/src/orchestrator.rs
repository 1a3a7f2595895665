//! The orchestrators: each verb is one transaction, decided by the orchestrator's own domain and carried out here as its services
//! do it with SQL. What they answer directly, without the outbox, is returned: a crash after the commit loses it.

use std::time::Duration;

use chiffon_orchestrator::domain::request::{self, Status};
use chiffon_orchestrator::domain::task::{
    Asked, Claim, Claimed, CutOff, Decision as Resolution, Event, Limits, Next, Proof, Purpose, Refusal, Reported, Task, claim, given_back,
    next_offer, over_at, resolve, result,
};
use chiffon_protocol::action::Repeatable;
use chiffon_protocol::message::{Decision, Outcome};
use chrono::DateTime;
use serde_json::json;

use crate::bug::Bug;
use crate::network::{Key, Message, Queue};
use crate::records::{Attempt, Records, TaskRow};

/// Times, as a configuration would have them.
pub(crate) const CLAIM_WITHIN: Duration = Duration::from_secs(5);
pub(crate) const START_WITHIN: Duration = Duration::from_secs(4);
pub(crate) const AGENT_LEASE: Duration = Duration::from_secs(10);
pub(crate) const SINGLETON_LEASE: Duration = Duration::from_secs(10);
pub(crate) const OUTBOX_LEASE: Duration = Duration::from_secs(5);
pub(crate) const PLANNING_LEASE: Duration = Duration::from_secs(8);
pub(crate) const RESEND_AFTER: Duration = Duration::from_secs(10);
/// The longest that a run may take: it is stopped then.
pub(crate) const RUN_WITHIN: Duration = Duration::from_secs(20);
const MARGIN: Duration = Duration::from_secs(5);

/// What an orchestrator holds in memory between two transactions; a crash loses it, a stop keeps it.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Published and confirmed, not yet deleted.
    pub(crate) published: Vec<u64>,
    /// Seen as silent, under this epoch of the reaper's lease.
    pub(crate) silent: Option<(u64, Vec<Key>)>,
    /// The round that is being planned, and the epoch of its lease.
    pub(crate) planning: Option<(u32, u64)>,
}

/// One process.
#[derive(Debug)]
pub(crate) struct Orchestrator {
    pub(crate) up: bool,
    pub(crate) stopped: bool,
    pub(crate) memory: Memory,
}

/// A transaction's surroundings.
pub(crate) struct Desk<'a> {
    pub(crate) records: &'a mut Records,
    pub(crate) now: Duration,
    pub(crate) bug: Option<Bug>,
}

type Replies = Vec<(Queue, Message)>;

impl Desk<'_> {
    /// Takes in a delivery.
    pub(crate) fn receive(&mut self, message: &Message, memory: &mut Memory) -> Replies {
        match message {
            Message::PlanWanted { round } => {
                self.take_planning(*round, memory);
                Vec::new()
            }
            Message::Claim { claim_id, key, offer, agent, incarnation } => {
                let decision =
                    self.claim(Claim { claim_id: *claim_id, attempt: key.1, offer: *offer, agent_id: name(*agent) }, key.0, *agent);
                vec![(Queue::Control(*agent, *incarnation), Message::Grant { claim_id: *claim_id, key: *key, decision })]
            }
            Message::Decline { key, offer, agent } => {
                self.decline(*key, *offer, *agent);
                Vec::new()
            }
            Message::Hello { agent, incarnation, unfinished } => {
                self.hello(*agent, *incarnation, unfinished);
                Vec::new()
            }
            Message::Heartbeat { agent, incarnation, running } => self.heartbeat(*agent, *incarnation, running),
            Message::Started { key, agent } => {
                self.started(*key, *agent);
                Vec::new()
            }
            Message::Result { key, agent, outcome } => self.result(*key, *agent, *outcome),
            Message::Work { .. } | Message::Grant { .. } | Message::Stored { .. } | Message::Cancel { .. } | Message::HelloWanted => {
                Vec::new()
            }
        }
    }

    fn task(&mut self, index: usize) -> Option<&mut TaskRow> {
        self.records.tasks.get_mut(index)
    }

    // --- planning (RELIABILITY 19)

    fn take_planning(&mut self, round: u32, memory: &mut Memory) {
        let request = &mut self.records.request;
        if request.status == Status::Planning && request.round == round && request.planning_until <= self.now {
            request.planning_epoch += 1;
            request.planning_until = self.now + PLANNING_LEASE;
            memory.planning = Some((round, request.planning_epoch));
        }
    }

    /// The model has answered: stored only where the conversation has not moved, and nobody took the round over.
    pub(crate) fn store_plan(&mut self, memory: &mut Memory) {
        let Some((round, epoch)) = memory.planning.take() else { return };
        let request = &mut self.records.request;
        if request.round != round || request.planning_epoch != epoch {
            return;
        }
        let Ok(status) = request.status.on(request::Event::Propose) else { return };
        request.status = status;
        request.revision += 1;
        request.approvals.clear();
        let revision = request.revision;
        self.records.tell(self.now, "plan.proposed", json!({"revision": revision}));
    }

    /// What waits for a message is announced again (RELIABILITY 1).
    pub(crate) fn announce_again(&mut self) {
        let request = &mut self.records.request;
        if request.status == Status::Planning && request.resend_at <= self.now && request.planning_until <= self.now {
            request.resend_at = self.now + RESEND_AFTER;
            let round = request.round;
            self.records.send(Queue::Requests, Message::PlanWanted { round });
        }
    }

    // --- people (RELIABILITY 13, 15, 18)

    /// Whether this approval started the run. `seen` is the revision that the person looked at.
    pub(crate) fn approve(&mut self, person: u32, seen: u32, plan: &[(usize, Option<usize>, Repeatable)]) -> bool {
        let request = &mut self.records.request;
        if request.revision != seen {
            return false;
        }
        let next = request.status.on(request::Event::Approve);
        let forgotten = self.bug == Some(Bug::ApprovalNotConsumed) && request.status == Status::Running;
        if next.is_err() && !forgotten {
            return false;
        }
        let is_first = request.approvals.insert(person);
        if !is_first && !forgotten || request.approvals.len() < request.approvals_needed {
            return false;
        }
        request.status = next.unwrap_or(request.status);
        *request.runs.entry(seen).or_default() += 1;
        let first = self.records.tasks.len();
        for (host, after, repeatable) in plan {
            self.records.tasks.push(TaskRow {
                revision: seen,
                host: *host,
                after: after.map(|after| first + after),
                repeatable: *repeatable,
                state: Task::Pending,
                offer: 0,
                attempts: Vec::new(),
                claim_by: Duration::ZERO,
                not_before: Duration::ZERO,
                excluded: std::collections::BTreeSet::new(),
                decided: false,
                tried_by_person: 0,
                by_word: false,
            });
        }
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
            self.records.send(Queue::Requests, Message::PlanWanted { round });
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
        }
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
        self.records.unlock(index);
        self.records.tell(now, "task.resolved", json!({"task": index, "decision": decision.as_str()}));
        self.settle();
        true
    }

    // --- offering (RELIABILITY 9, 12)

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

    fn offer(&mut self, index: usize) {
        let row = &self.records.tasks[index];
        let alive = |agent: usize| self.records.agents[agent].lease_until > self.now && !row.excluded.contains(&agent);
        let is_ready = match row.state {
            Task::Pending => row.after.is_none_or(|after| self.records.tasks[after].state == Task::Completed),
            _ => row.not_before <= self.now,
        };
        let is_free = self.records.host_locks.get(&row.host).is_none_or(|owner| *owner == index);
        if !is_ready || !is_free || !(0..self.records.agents.len()).any(alive) {
            return;
        }
        let Some(next) = next_offer(row.state.clone(), row.known(), (row.newest(), row.offer), 0) else { return };
        let (host, now) = (row.host, self.now);
        self.records.host_locks.insert(host, index);
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

    fn back_to_waiting(&mut self, index: usize, without: Option<usize>) {
        let row = &mut self.records.tasks[index];
        row.state = Task::Waiting;
        row.offer += 1;
        row.excluded.extend(without);
        self.records.unlock(index);
    }

    fn decline(&mut self, key: Key, offer: i32, agent: usize) {
        let Some(row) = self.task(key.0) else { return };
        if row.state.clone().on(Event::Decline { attempt: key.1, offer }).is_ok() {
            self.back_to_waiting(key.0, Some(agent));
        }
    }

    // --- claims (RELIABILITY 6 to 8)

    fn claim(&mut self, asked: Claim<'_>, index: usize, agent: usize) -> Decision {
        let now = self.now;
        let Some(row) = self.records.tasks.get_mut(index) else { return Decision::Refused };
        match claim(row.state.clone(), row.known(), asked) {
            Claimed::GrantedBefore => return Decision::Granted,
            Claimed::Over | Claimed::Taken | Claimed::NotOffered(_) => return Decision::Refused,
            Claimed::Granted => {}
        }
        if self.records.host_locks.get(&row.host) != Some(&index) {
            return Decision::Refused;
        }
        let event = Event::Claim { attempt: asked.attempt, offer: asked.offer, agent_id: asked.agent_id.to_owned() };
        if let Ok(next) = row.state.clone().on(event) {
            row.state = next;
        }
        if let Some(attempt) = row.attempt_mut(asked.attempt) {
            attempt.claim_id = Some(asked.claim_id);
            attempt.agent = Some(agent);
            attempt.claimed_at = now;
            attempt.lease_until = now + AGENT_LEASE;
        }
        self.records.tell(now, "task.claimed", json!({"task": index, "attempt": asked.attempt, "agent": agent}));
        Decision::Granted
    }

    // --- what agents say (RELIABILITY 10, 14 to 16)

    fn hello(&mut self, agent: usize, incarnation: u64, unfinished: &[Key]) {
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
            if is_new {
                row.excluded.remove(&agent);
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

    fn renew(&mut self, agent: usize, keys: &[Key]) {
        let until = self.now + AGENT_LEASE;
        for (index, number) in keys {
            let attempt = self.records.tasks.get_mut(*index).and_then(|row| row.attempt_mut(*number));
            if let Some(attempt) = attempt.filter(|attempt| attempt.agent == Some(agent)) {
                attempt.lease_until = until;
            }
        }
    }

    fn heartbeat(&mut self, agent: usize, incarnation: u64, running: &[Key]) -> Replies {
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
        let to_stop = running.iter().filter(|(index, number)| {
            self.records.tasks.get(*index).is_some_and(|row| row.cancel_requested() || *number < row.newest() || row.decided)
        });
        to_stop.map(|(index, _)| (Queue::Control(agent, incarnation), Message::Cancel { task: *index })).collect()
    }

    fn started(&mut self, key: Key, agent: usize) {
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

    fn result(&mut self, key: Key, agent: usize, outcome: Outcome) -> Replies {
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
        match reported {
            Reported::Ends(_) => {
                if let Ok(next) = state.on(Event::Finish { attempt: number, outcome }) {
                    row.state = next;
                }
                self.records.unlock(key.0);
                self.records.tell(now, "task.finished", json!({"task": key.0, "attempt": number, "outcome": outcome}));
                self.settle();
            }
            Reported::NotStarted => {
                row.state = Task::Waiting;
                row.not_before = now;
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
    fn not_owned(&mut self, key: Key, agent: usize, outcome: Outcome) -> Replies {
        if outcome != Outcome::NotStarted {
            return Vec::new();
        }
        let row = &mut self.records.tasks[key.0];
        let is_free = row.attempt(key.1).is_some_and(|attempt| attempt.claim_id.is_none() && attempt.finished.is_none());
        if let Some(next) = given_back(row.state.clone(), (row.newest(), row.offer), key.1, is_free) {
            row.state = next;
            if let Some(attempt) = row.attempt_mut(key.1) {
                attempt.finished = Some(outcome);
            }
            self.records.unlock(key.0);
            self.settle();
        }
        vec![(Queue::Control(agent, self.records.agents[agent].incarnation), Message::Stored { key })]
    }

    // --- silence (RELIABILITY 10, 12, 13)

    /// Takes the reaper's lease, or keeps it, and looks for silent attempts.
    pub(crate) fn look_for_silence(&mut self, who: usize, memory: &mut Memory) {
        let lease = &mut self.records.reaper;
        if lease.until <= self.now {
            lease.epoch += 1;
            lease.holder = who;
        } else if lease.holder != who {
            return;
        }
        lease.until = self.now + SINGLETON_LEASE;
        let epoch = lease.epoch;
        let silent = self.records.tasks.iter().enumerate().filter_map(|(index, row)| {
            let attempt = row.attempts.last()?;
            let is_owned = attempt.claim_id.is_some() && attempt.finished.is_none();
            (is_owned && attempt.lease_until < self.now).then(|| (index, row.newest()))
        });
        memory.silent = Some((epoch, silent.collect()));
    }

    /// Marks what it saw, if its epoch counts and nothing was heard since.
    pub(crate) fn mark_silent(&mut self, memory: &mut Memory) {
        let Some((epoch, keys)) = memory.silent.take() else { return };
        for key in keys {
            let lease = &self.records.reaper;
            let counts = lease.epoch == epoch && lease.until > self.now;
            let attempt = self.records.tasks.get(key.0).and_then(|row| row.attempt(key.1));
            if counts && attempt.is_some_and(|attempt| attempt.lease_until < self.now) {
                self.lose(key);
            }
        }
    }

    fn lose(&mut self, key: Key) {
        let Some(row) = self.task(key.0) else { return };
        if let Ok(next) = row.state.clone().on(Event::LeaseExpired { attempt: key.1 }) {
            row.state = next;
            self.records.tell(self.now, "task.unknown", json!({"task": key.0, "attempt": key.1}));
            self.settle();
        }
    }

    /// Tries cut-off work again where that is proved to be safe and its action says that it may be.
    pub(crate) fn try_again(&mut self, limits: &Limits) {
        for index in 0..self.records.tasks.len() {
            let now = self.now;
            let row = &mut self.records.tasks[index];
            if !matches!(row.state, Task::Unknown(_) | Task::Interrupted { .. }) || proof(row, now).is_none() {
                continue;
            }
            let Next::Again { after, .. } = limits.next(&cut_off(row)) else { continue };
            let attempt = row.newest();
            if let Ok(next) = row.state.clone().on(Event::Retry { attempt }) {
                row.state = next;
                row.not_before = now + after;
                self.records.unlock(index);
                self.records.tell(now, "task.retried", json!({"task": index, "after": attempt}));
                self.settle();
            }
        }
    }

    // --- the request

    /// Moves the request on: it looks at what is, not at what happened.
    pub(crate) fn settle(&mut self) {
        for index in 0..self.records.tasks.len() {
            let row = &self.records.tasks[index];
            let before = row.after.map(|after| &self.records.tasks[after]);
            let failed = before.is_some_and(|before| is_over(before) && before.state != Task::Completed);
            if failed && let Ok(next @ Task::Skipped) = row.state.clone().on(Event::DependencyFailed) {
                self.records.tasks[index].state = next;
            }
        }
        let request = &self.records.request;
        let tasks: Vec<&TaskRow> = self.records.tasks.iter().filter(|row| row.revision == request.revision).collect();
        let needs_person = |row: &&TaskRow| matches!(row.state, Task::Unknown(_)) || !is_over(row) && is_cut_off(row);
        let event = if tasks.is_empty() {
            return;
        } else if tasks.iter().any(needs_person) {
            request::Event::Alarm
        } else if tasks.iter().any(|row| !is_over(row)) {
            if request.held { request::Event::Hold } else { request::Event::GoOn }
        } else if tasks.iter().any(|row| row.state == Task::Cancelled || is_cut_off(row)) {
            request::Event::Stop
        } else if tasks.iter().all(|row| row.state == Task::Completed) {
            request::Event::Complete
        } else {
            request::Event::Fail
        };
        if let Ok(status) = request.status.on(event) {
            self.records.request.status = status;
        }
    }
}

fn is_cut_off(row: &TaskRow) -> bool {
    matches!(row.state, Task::Interrupted { .. })
}

/// Whether nothing more happens to it by itself or by a person.
pub(crate) fn is_over(row: &TaskRow) -> bool {
    match &row.state {
        Task::Completed | Task::Failed | Task::Cancelled | Task::Skipped => true,
        Task::Interrupted { cancel_requested, .. } => *cancel_requested,
        Task::Pending | Task::Waiting | Task::Offered { .. } | Task::Claimed(_) | Task::Running(_) | Task::Unknown(_) => false,
    }
}

/// What proves that the newest attempt does not run any more.
fn proof(row: &TaskRow, now: Duration) -> Option<Proof> {
    let attempt = row.attempts.last()?;
    if attempt.finished == Some(Outcome::Interrupted) {
        return Some(Proof::ItsReport);
    }
    let time = |at: Duration| DateTime::from_timestamp_millis(i64::try_from(at.as_millis()).ok()?);
    let over = over_at(time(attempt.claimed_at)?, START_WITHIN, RUN_WITHIN, MARGIN);
    (time(now)? > over).then_some(Proof::RunTimeOver)
}

fn cut_off(row: &TaskRow) -> CutOff {
    let tries = row.attempts.iter().filter(|attempt| attempt.claim_id.is_some() && attempt.finished != Some(Outcome::NotStarted)).count();
    CutOff {
        purpose: Purpose::Apply,
        repeatable: row.repeatable,
        can_be_checked: true,
        cancel_requested: row.cancel_requested(),
        verified: true,
        tries: u32::try_from(tries).unwrap_or(u32::MAX),
    }
}

pub(crate) fn name(agent: usize) -> &'static str {
    ["agent-0", "agent-1", "agent-2"].get(agent).copied().unwrap_or("agent")
}

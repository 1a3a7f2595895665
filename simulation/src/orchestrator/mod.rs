//! The orchestrators: each verb is one transaction, decided by the orchestrator's own domain and carried out here as its services
//! do it with SQL. What they answer directly, without the outbox, is returned: a crash after the commit loses it.

mod offering;
mod people;
mod planning;
mod planning_again;
mod reports;
mod running;
mod silence;

use std::time::Duration;

use chiffon_engine::domain::standing::Standing;
use chiffon_engine::domain::task::{Claim, CutOff, Event, Proof, Purpose, Task, over_at};
use chiffon_protocol::message::Outcome;
use chiffon_requests::domain::run_outcome::outcome;
use chrono::DateTime;

use crate::bug::Bug;
use crate::network::{Key, Message, Queue};
use crate::records::{Records, TaskRow};

/// Times, as a configuration would have them.
pub(crate) const CLAIM_WITHIN: Duration = Duration::from_secs(5);
pub(crate) const START_WITHIN: Duration = Duration::from_secs(4);
pub(crate) const AGENT_LEASE: Duration = Duration::from_secs(10);
pub(crate) const SINGLETON_LEASE: Duration = Duration::from_secs(10);
pub(crate) const OUTBOX_LEASE: Duration = Duration::from_secs(5);
pub(crate) const PLANNING_LEASE: Duration = Duration::from_secs(8);
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
    pub(crate) fn receive(&mut self, message: &Message) -> Replies {
        match message {
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
            Message::Result { key, agent, outcome, aside } => self.result(*key, *agent, (*outcome, *aside)),
            Message::Work { .. } | Message::Grant { .. } | Message::Stored { .. } | Message::Cancel { .. } | Message::HelloWanted => {
                Vec::new()
            }
        }
    }

    fn task(&mut self, index: usize) -> Option<&mut TaskRow> {
        self.records.tasks.get_mut(index)
    }

    // --- the request

    /// Moves the request on: it looks at what is, not at what happened.
    pub(crate) fn settle(&mut self) {
        for index in 0..self.records.tasks.len() {
            let row = &self.records.tasks[index];
            let Some(after) = row.after.filter(|_| row.state == Task::Pending) else { continue };
            let is_failed =
                |before: &&TaskRow| before.revision == row.revision && before.step == after && is_over(before) && !before.is_passed();
            let Some(consequence) = self.records.tasks.iter().find(is_failed).map(|before| before.consequence) else { continue };
            if let Ok(next @ Task::Skipped) = row.state.clone().on(Event::DependencyFailed) {
                self.records.tasks[index].state = next;
                self.records.tasks[index].consequence = consequence;
            }
        }
        self.add_late();
        let request = &self.records.request;
        let tasks: Vec<&TaskRow> = self.records.tasks.iter().filter(|row| row.revision == request.revision).collect();
        if tasks.is_empty() {
            return;
        }
        let standing = |row: &&TaskRow| Standing {
            status: row.state.status(),
            cancel_requested: row.cancel_requested(),
            forgiven: row.consequence.is_some(),
        };
        let standings: Vec<Standing> = tasks.iter().map(standing).collect();
        let Some(event) = outcome(request.status, request.held, &standings) else { return };
        if let Ok(status) = request.status.on(event) {
            self.records.request.status = status;
        }
    }
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

//! What PostgreSQL would hold. Each verb of [`crate::orchestrator`] is one transaction on it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chiffon_engine::domain::task::{Asks, Known, Task};
use chiffon_kernel::domain::audit;
use chiffon_plans::domain::asks::OnFailure;
use chiffon_protocol::action::Repeatable;
use chiffon_protocol::message::Outcome;
use chiffon_requests::domain::request;
use chrono::DateTime;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::network::{Key, Message, Queue};

/// One try of a task.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) claim_id: Option<Uuid>,
    pub(crate) agent: Option<usize>,
    pub(crate) claimed_at: Duration,
    pub(crate) lease_until: Duration,
    pub(crate) finished: Option<Outcome>,
    pub(crate) conflicting_reports: u32,
}

impl Attempt {
    /// As decisions see it.
    pub(crate) fn known(&self, number: i32) -> Known<'_> {
        Known { attempt: number, claim_id: self.claim_id, finished: self.finished.is_some(), outcome: self.finished.map(Outcome::as_str) }
    }
}

/// What keeps a task out of the dispatchers' look.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum WaitKey {
    /// Steps before it: whoever completes the last of them lets it go.
    Steps,
    /// Its time.
    Time,
    /// A person who lets its request go on.
    Resume,
    /// Another task, which changes its host.
    Host(usize),
    /// A person who gives its host back.
    Kept(usize),
    /// An agent other than these.
    Agent(BTreeSet<usize>),
}

/// A step of the plan, with what the run answers when it is asked about it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pub(crate) host: usize,
    /// The step before it.
    pub(crate) after: Option<usize>,
    pub(crate) repeatable: Repeatable,
    pub(crate) asks: Asks,
    /// Whether it is to run.
    pub(crate) holds: bool,
    pub(crate) on_failure: OnFailure,
    /// How often it is tried, where it fails.
    pub(crate) attempts: u32,
    /// Whether the run gives it another task when its first is completed.
    pub(crate) grows: bool,
}

/// A task of an approved plan.
#[derive(Debug, Clone)]
pub(crate) struct TaskRow {
    pub(crate) revision: u32,
    /// Which step of the plan it is of.
    pub(crate) step: usize,
    /// Which of the step's tasks.
    pub(crate) iteration: i32,
    pub(crate) planned: Step,
    /// What is still to be asked of the run.
    pub(crate) asks: Asks,
    /// What became of what follows, where that is not as always.
    pub(crate) consequence: Option<OnFailure>,
    pub(crate) host: usize,
    pub(crate) after: Option<usize>,
    pub(crate) repeatable: Repeatable,
    pub(crate) state: Task,
    pub(crate) offer: i32,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) claim_by: Duration,
    pub(crate) not_before: Duration,
    pub(crate) excluded: BTreeSet<usize>,
    /// While it waits; `None` when a dispatcher has still to look at it.
    pub(crate) waits_by: Option<WaitKey>,
    /// A person has decided how it ended.
    pub(crate) decided: bool,
    /// How often a person had it tried again.
    pub(crate) tried_by_person: usize,
    /// A person has said, without proof, that it does not run any more.
    pub(crate) by_word: bool,
    /// Its agent has refused it, and run nothing.
    pub(crate) refused: bool,
    /// How many audit rows there were when it was last given out.
    pub(crate) given_out_at: usize,
}

impl TaskRow {
    /// One that nobody has looked at.
    pub(crate) fn new(revision: u32, (step, iteration): (usize, i32), planned: Step) -> Self {
        Self {
            revision,
            step,
            iteration,
            planned,
            asks: planned.asks,
            consequence: None,
            host: planned.host,
            after: planned.after,
            repeatable: planned.repeatable,
            state: Task::Pending,
            offer: 0,
            attempts: Vec::new(),
            claim_by: Duration::ZERO,
            not_before: Duration::ZERO,
            excluded: BTreeSet::new(),
            waits_by: planned.after.map(|_| WaitKey::Steps),
            decided: false,
            tried_by_person: 0,
            by_word: false,
            refused: false,
            given_out_at: 0,
        }
    }

    /// Whether what follows goes on.
    pub(crate) fn is_passed(&self) -> bool {
        self.state == Task::Completed || self.consequence == Some(OnFailure::Continue)
    }

    pub(crate) fn newest(&self) -> i32 {
        i32::try_from(self.attempts.len()).unwrap_or(i32::MAX)
    }

    pub(crate) fn attempt(&self, number: i32) -> Option<&Attempt> {
        self.attempts.get(index(number)?)
    }

    pub(crate) fn attempt_mut(&mut self, number: i32) -> Option<&mut Attempt> {
        self.attempts.get_mut(index(number)?)
    }

    /// The newest attempt as decisions see it.
    pub(crate) fn known(&self) -> Option<Known<'_>> {
        self.attempts.last().map(|attempt| attempt.known(self.newest()))
    }

    /// Whether a cancel was asked for and waits for proof.
    pub(crate) fn cancel_requested(&self) -> bool {
        match &self.state {
            Task::Claimed(owned) | Task::Running(owned) | Task::Unknown(owned) => owned.cancel_requested,
            Task::Interrupted { cancel_requested, .. } => *cancel_requested,
            Task::Pending | Task::Waiting | Task::Offered { .. } | Task::Completed | Task::Failed | Task::Cancelled | Task::Skipped => {
                false
            }
        }
    }
}

fn index(number: i32) -> Option<usize> {
    usize::try_from(number).ok()?.checked_sub(1)
}

/// The request.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) status: request::Status,
    /// Its plan's number stands for the plan's hash.
    pub(crate) revision: u32,
    pub(crate) round: u32,
    pub(crate) planning_epoch: u64,
    pub(crate) planning_until: Duration,
    pub(crate) approvals: BTreeSet<u32>,
    pub(crate) approvals_needed: usize,
    /// Who has ever approved each revision, whatever was made of it.
    pub(crate) approved_by: BTreeMap<u32, BTreeSet<u32>>,
    /// Another request has changed a host since its previews.
    pub(crate) outdated: bool,
    /// How often each revision was run.
    pub(crate) runs: BTreeMap<u32, u32>,
    pub(crate) held: bool,
}

/// A message that is to be published.
#[derive(Debug, Clone)]
pub(crate) struct OutboxRow {
    pub(crate) id: u64,
    pub(crate) queue: Queue,
    pub(crate) message: Message,
    pub(crate) leased_until: Duration,
}

/// An agent as the orchestrators know it.
#[derive(Debug, Clone, Default)]
pub(crate) struct AgentRow {
    pub(crate) incarnation: u64,
    pub(crate) lease_until: Duration,
}

/// The lease of a singleton.
#[derive(Debug, Default)]
pub(crate) struct Lease {
    pub(crate) holder: usize,
    pub(crate) epoch: u64,
    pub(crate) until: Duration,
}

/// Who has a host.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HostLock {
    pub(crate) task: usize,
    pub(crate) attempt: i32,
    /// How many audit rows there were when it was reserved, because something of the attempt may still run there.
    pub(crate) kept_at: Option<usize>,
}

/// A row of the request's chain.
#[derive(Debug, Clone)]
pub(crate) struct AuditRow {
    pub(crate) at: Duration,
    pub(crate) event: &'static str,
    pub(crate) data: Value,
    pub(crate) hash: Option<Vec<u8>>,
}

/// All of it.
#[derive(Debug)]
pub(crate) struct Records {
    pub(crate) request: Request,
    pub(crate) tasks: Vec<TaskRow>,
    pub(crate) host_locks: BTreeMap<usize, HostLock>,
    pub(crate) outbox: Vec<OutboxRow>,
    pub(crate) agents: Vec<AgentRow>,
    pub(crate) reaper: Lease,
    pub(crate) audit: Vec<AuditRow>,
    /// Whether the audit chain is hashed: SHA-256 over canonical JSON costs more than all the rest, so few schedules do.
    pub(crate) hashed: bool,
    last_outbox: u64,
}

impl Records {
    pub(crate) fn new(agents: usize, approvals_needed: usize, hashed: bool) -> Self {
        Self {
            request: Request {
                status: request::Status::Planning,
                revision: 0,
                round: 1,
                planning_epoch: 0,
                planning_until: Duration::ZERO,
                approvals: BTreeSet::new(),
                approvals_needed,
                approved_by: BTreeMap::new(),
                outdated: false,
                runs: BTreeMap::new(),
                held: false,
            },
            tasks: Vec::new(),
            host_locks: BTreeMap::new(),
            outbox: Vec::new(),
            agents: vec![AgentRow::default(); agents],
            reaper: Lease::default(),
            audit: Vec::new(),
            hashed,
            last_outbox: 0,
        }
    }

    pub(crate) fn send(&mut self, queue: Queue, message: Message) {
        self.last_outbox += 1;
        self.outbox.push(OutboxRow { id: self.last_outbox, queue, message, leased_until: Duration::ZERO });
    }

    pub(crate) fn tell(&mut self, at: Duration, event: &'static str, data: Value) {
        let hash = self.hashed.then(|| row_hash(self.audit.last(), self.audit.len(), at, event, &data));
        self.audit.push(AuditRow { at, event, data, hash });
    }

    /// Whether each row's hash covers the row before it.
    pub(crate) fn is_audit_whole(&self) -> bool {
        (0..self.audit.len()).all(|place| {
            let row = &self.audit[place];
            let before = place.checked_sub(1).map(|before| &self.audit[before]);
            row.hash.as_ref().is_none_or(|hash| *hash == row_hash(before, place, row.at, row.event, &row.data))
        })
    }

    /// Whether all tasks of the step before a task are such that it goes on.
    pub(crate) fn is_next(&self, row: &TaskRow, only_first: bool) -> bool {
        let Some(after) = row.after else { return true };
        let mut before = self.tasks.iter().filter(|before| before.revision == row.revision && before.step == after);
        before.all(|before| before.is_passed() || only_first && before.iteration > 0)
    }

    /// Gives a task's hosts back, but for those that are kept.
    pub(crate) fn unlock(&mut self, task: usize) {
        self.host_locks.retain(|_, lock| lock.task != task || lock.kept_at.is_some());
    }

    /// Keeps a host that the task has, or that nobody has, from other work.
    pub(crate) fn keep(&mut self, host: usize, (task, attempt): Key, at: Duration) {
        let kept_at = Some(self.audit.len());
        let lock = self.host_locks.entry(host).or_insert(HostLock { task, attempt, kept_at });
        if lock.task == task {
            *lock = HostLock { task, attempt, kept_at };
            self.tell(at, "host.reserved", json!({"host": host, "task": task, "attempt": attempt}));
        }
    }

    pub(crate) fn is_kept(&self, host: usize) -> bool {
        self.host_locks.get(&host).is_some_and(|lock| lock.kept_at.is_some())
    }
}

fn row_hash(before: Option<&AuditRow>, place: usize, at: Duration, event: &str, data: &Value) -> Vec<u8> {
    let at = DateTime::from_timestamp_millis(i64::try_from(at.as_millis()).unwrap_or(0)).unwrap_or_default();
    let seq = i64::try_from(place + 1).unwrap_or(i64::MAX);
    audit::row_hash(before.and_then(|row| row.hash.as_deref()), "simulated", seq, at, "chiffon", event, data)
}

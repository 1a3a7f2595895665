//! What must hold after every step, and what must hold when all has come to rest. The promises of docs/reliability.md.

use std::collections::BTreeMap;
use std::fmt;

use chiffon_engine::domain::task::Task;
use chiffon_protocol::action::Repeatable;
use chiffon_protocol::message::Outcome;

use crate::records::TaskRow;
use crate::world::World;

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The promise.
    pub invariant: &'static str,
    /// How it was broken.
    pub what: String,
}

impl Violation {
    pub(crate) fn new(invariant: &'static str, what: impl Into<String>) -> Self {
        Self { invariant, what: what.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "broken: {}: {}", self.invariant, self.what)
    }
}

/// An attempt is executed at most once, by whomever.
pub const ONCE: &str = "an attempt is executed at most once";
/// Without a person's word, what is not repeatable is executed once.
pub const NOT_REPEATED: &str = "what is not repeatable is not executed twice without a person's word";
/// Repeatable never means safe side by side.
pub const NOT_SIDE_BY_SIDE: &str = "a task never runs twice at the same time without a person's word";
/// Two tasks never change one host at the same time.
pub const HOSTS_APART: &str = "two tasks never change one host at the same time";
/// The records say of an attempt what its agent's journal says.
pub const RECORDS_TRUE: &str = "the records say of an attempt what its agent has journalled";
/// An approval starts one run.
pub const APPROVED_ONCE: &str = "a revision is run at most once";
/// An approval is for the revision that was looked at.
pub const APPROVED_AS_SEEN: &str = "a revision is run only with as many approvals of its own as it needs";
/// Nothing of a plan that was given up is run.
pub const NO_OLD_PLAN: &str = "what runs is of the newest revision";
/// A host on which something of a stopped run may still run is a person's to give back.
pub const KEPT_APART: &str = "no work is given out for a host that is kept";
/// No stored end is reversed.
pub const ENDS_STAY: &str = "a completed task has an attempt that succeeded, or a person's word";
/// What the run left out is not run.
pub const LEFT_OUT: &str = "what is not to run is not executed";
/// A step waits for all tasks of the step before it.
pub const IN_ORDER: &str = "nothing is given out before all before it is over";
/// The audit chain is whole.
pub const AUDIT_WHOLE: &str = "each audit row's hash covers the row before it";

/// Looks at everything that must always hold.
pub(crate) fn after_each_step(world: &World) -> Result<(), Violation> {
    executed_once(world)?;
    apart(world)?;
    records_are_true(world)?;
    plans_are_as_approved(world)?;
    kept_apart(world)?;
    as_the_run_wants(world)?;
    match world.records.request.runs.iter().find(|(_, runs)| **runs > 1) {
        Some((revision, runs)) => Err(Violation::new(APPROVED_ONCE, format!("revision {revision} was run {runs} times"))),
        None => Ok(()),
    }
}

fn plans_are_as_approved(world: &World) -> Result<(), Violation> {
    let request = &world.records.request;
    for revision in request.runs.keys() {
        let approvals = request.approved_by.get(revision).map_or(0, std::collections::BTreeSet::len);
        if approvals < request.approvals_needed {
            return Err(Violation::new(APPROVED_AS_SEEN, format!("revision {revision} has {approvals} of {}", request.approvals_needed)));
        }
    }
    match world.processes.iter().find(|process| world.records.tasks[process.key.0].revision != request.revision) {
        Some(process) => Err(Violation::new(NO_OLD_PLAN, format!("{:?} runs beside revision {}", process.key, request.revision))),
        None => Ok(()),
    }
}

fn kept_apart(world: &World) -> Result<(), Violation> {
    for (index, row) in world.records.tasks.iter().enumerate() {
        let kept_at = world.records.host_locks.get(&row.host).and_then(|lock| lock.kept_at);
        let is_given_out = matches!(row.state, Task::Offered { .. } | Task::Claimed(_));
        if is_given_out && kept_at.is_some_and(|kept_at| row.given_out_at > kept_at) {
            return Err(Violation::new(KEPT_APART, format!("task {index} is {:?}, host {} is kept", row.state, row.host)));
        }
    }
    Ok(())
}

fn as_the_run_wants(world: &World) -> Result<(), Violation> {
    for process in &world.processes {
        let row = &world.records.tasks[process.key.0];
        if row.planned.asks.when && !row.planned.holds {
            return Err(Violation::new(LEFT_OUT, format!("{:?} runs", process.key)));
        }
    }
    let out = |row: &&TaskRow| matches!(row.state, Task::Offered { .. } | Task::Claimed(_) | Task::Running(_));
    match world.records.tasks.iter().filter(out).find(|row| !world.records.is_next(row, false)) {
        Some(row) => Err(Violation::new(IN_ORDER, format!("{row:?}"))),
        None => Ok(()),
    }
}

fn executed_once(world: &World) -> Result<(), Violation> {
    let mut of_task: BTreeMap<usize, usize> = BTreeMap::new();
    for (key, times) in &world.executions {
        if *times > 1 {
            return Err(Violation::new(ONCE, format!("attempt {} of task {} was executed {times} times", key.1, key.0)));
        }
        *of_task.entry(key.0).or_default() += 1;
    }
    for (index, times) in of_task {
        let row = &world.records.tasks[index];
        if row.repeatable != Repeatable::Yes && times > 1 + row.tried_by_person {
            let asked = row.tried_by_person;
            return Err(Violation::new(NOT_REPEATED, format!("task {index} was executed {times} times; people asked for {asked} retries")));
        }
    }
    Ok(())
}

fn apart(world: &World) -> Result<(), Violation> {
    for (place, one) in world.processes.iter().enumerate() {
        let row = &world.records.tasks[one.key.0];
        for other in &world.processes[place + 1..] {
            let beside = &world.records.tasks[other.key.0];
            if row.by_word || beside.by_word {
                continue;
            }
            if one.key.0 == other.key.0 {
                return Err(Violation::new(NOT_SIDE_BY_SIDE, format!("{:?} beside {:?}", one.key, other.key)));
            }
            if row.host == beside.host {
                return Err(Violation::new(HOSTS_APART, format!("{:?} beside {:?} on host {}", one.key, other.key, row.host)));
            }
        }
    }
    Ok(())
}

fn records_are_true(world: &World) -> Result<(), Violation> {
    for (index, row) in world.records.tasks.iter().enumerate() {
        for (place, attempt) in row.attempts.iter().enumerate() {
            let Some(recorded) = attempt.finished else { continue };
            let key = (index, i32::try_from(place + 1).unwrap_or(i32::MAX));
            // Nobody owns what was given back before its claim arrived: then somebody has said so.
            let said = |agent: usize| world.truth.get(&(key, agent)).map(|(outcomes, _)| outcomes);
            let journalled = attempt.agent.map_or_else(|| (0..world.agents.len()).find_map(said), said);
            if journalled.is_none_or(|outcomes| !outcomes.contains(&recorded)) {
                return Err(Violation::new(RECORDS_TRUE, format!("{key:?} is recorded as {recorded:?}, journalled as {journalled:?}")));
            }
        }
        let succeeded = row.attempts.last().is_some_and(|attempt| attempt.finished == Some(Outcome::Succeeded));
        if row.state == Task::Completed && !succeeded && !row.decided {
            return Err(Violation::new(ENDS_STAY, format!("task {index}: {row:?}")));
        }
    }
    Ok(())
}

/// Whether nothing moves any more.
pub(crate) fn has_settled(world: &World) -> bool {
    unsettled(world).is_empty()
}

/// What still moves.
pub(crate) fn unsettled(world: &World) -> Vec<String> {
    let mut moving = Vec::new();
    let request = &world.records.request;
    if !request.status.is_finished() && !world.is_explained_wait() {
        moving.push(format!("the request is {}", request.status));
    }
    if !world.records.outbox.is_empty() {
        moving.push(format!("{} rows in the outbox", world.records.outbox.len()));
    }
    for agent in world.agents.iter().filter(|agent| agent.up && !agent.journal.is_empty()) {
        moving.push(format!("agent {}'s journal holds {:?}", agent.number, agent.journal));
    }
    for (index, row) in world.records.tasks.iter().enumerate() {
        if matches!(row.state, Task::Offered { .. } | Task::Claimed(_) | Task::Running(_)) || will_be_tried_again(world, row) {
            moving.push(format!("task {index} is {:?}", row.state));
        }
    }
    if !world.processes.is_empty() {
        moving.push(format!("{:?} run", world.processes));
    }
    moving
}

/// Waits for its pause to be over.
fn will_be_tried_again(world: &World, row: &TaskRow) -> bool {
    row.state == Task::Waiting && row.not_before > world.now
}

/// Looks at what must hold when all has come to rest.
pub(crate) fn at_the_end(world: &World) -> Result<(), Violation> {
    for ((key, agent), (outcomes, journal_exists)) in &world.truth {
        let attempt = world.records.tasks.get(key.0).and_then(|row| row.attempt(key.1));
        let is_recorded = attempt.is_some_and(|attempt| attempt.finished.is_some() || attempt.agent != Some(*agent));
        if *journal_exists && world.agents[*agent].up && !is_recorded {
            return Err(Violation::new("no result is lost", format!("{key:?} ended as {outcomes:?}; recorded is {attempt:?}")));
        }
    }
    for (host, lock) in world.records.host_locks.iter().filter(|(_, lock)| lock.kept_at.is_none()) {
        let row = &world.records.tasks[lock.task];
        if crate::orchestrator::is_over(row) || matches!(row.state, Task::Waiting | Task::Pending) {
            return Err(Violation::new("no host stays taken for nothing", format!("host {host} by task {}: {:?}", lock.task, row.state)));
        }
    }
    if world.records.is_audit_whole() { Ok(()) } else { Err(Violation::new(AUDIT_WHOLE, "the chain is broken")) }
}

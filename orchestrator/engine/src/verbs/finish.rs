//! Ending the tasks of results: what became of attempts and hosts, what is to be said about it, and what follows, for many in one
//! transaction.

use std::time::Duration;

use chiffon_fleet::store::variables;
use chiffon_kernel::domain::audit::AuditEvent;
use chiffon_kernel::store;
use chiffon_kernel::store::stored_json::read_json;
use chiffon_kernel::verbs::work::Work;
use chiffon_plans::domain::prediction::{self, OnHost};
use chiffon_protocol::message::{Mode, Outcome as Ending, Preview, WorkResult};
use chiffon_protocol::{ErrorCode, Problem};
use serde_json::{Value, json};
use uuid::Uuid;

use super::end_task::{self, By, End};
use super::{Context, failed_attempt, keep_hosts, log_lines, retry, task_story};
use crate::domain::task::{Next, Proof, Status, Task as State};
use crate::store::attempts::{self, Finished};
use crate::store::host_results;
use crate::store::logs::Whole;
use crate::store::task_changes::Ended;
use crate::store::task_locks::Locked;

/// A result that ends its task.
pub(super) struct Finish<'r> {
    locked: Locked,
    to: Status,
    ending: Ending,
    result: &'r WorkResult,
    problem: Option<Problem>,
    warnings: Vec<String>,
    /// Its whole log, where that came along.
    log: Option<Whole>,
}

impl<'r> Finish<'r> {
    /// One that ends its task so.
    pub(super) fn new(locked: Locked, to: Status, ending: Ending, result: &'r WorkResult, log: Option<Whole>) -> Self {
        let problem = (to != Status::Completed).then(|| problem(to, result));
        Self { locked, to, ending, result, problem, warnings: result.warnings.clone(), log }
    }
}

/// Ends the tasks, and looks at their requests.
pub(super) async fn run(context: &Context, work: &mut Work, finishing: Vec<Finish<'_>>) -> Result<(), store::Error> {
    if finishing.is_empty() {
        return Ok(());
    }
    let mut finished: Vec<Finished<'_>> = finishing
        .iter()
        .map(|Finish { locked, ending, result, log, .. }| Finished {
            attempt: locked.task.attempt,
            outcome: *ending,
            result,
            log: log.as_ref(),
        })
        .collect();
    finished.sort_by_key(|finished| finished.result.task_id);
    let now = work.now();
    let are_sealed = attempts::set_finished(work, &finished, now).await?;
    for one in &finishing {
        told_with_it(work, one, are_sealed);
    }
    let mut ending = Vec::with_capacity(finishing.len());
    for mut one in finishing {
        let task = &one.locked.task;
        if let Some(variables) = one.result.variables.as_ref().filter(|_| task.mode == Mode::Check) {
            variables::set(work, task.id, variables).await?;
        }
        keep_hosts::run(work, task, one.result).await?;
        if !is_tried_again(context, work, &mut one).await? {
            ending.push(one);
        }
    }
    warn(work, &mut ending).await?;
    if ending.is_empty() {
        return Ok(());
    }
    let mut request_ids: Vec<Uuid> = ending.iter().map(|one| one.locked.task.request_id).collect();
    request_ids.sort_unstable();
    request_ids.dedup();
    end_task::run(context, work, ending.iter().map(end).collect()).await?;
    end_task::settle(context, work, &request_ids).await
}

/// What only the result has told of a run: that it began, and its log.
fn told_with_it(work: &mut Work, one: &Finish<'_>, are_sealed: bool) {
    let task = &one.locked.task;
    if let (State::Claimed(owned), Some(at)) = (one.locked.state(), one.result.started_at) {
        let data = json!({
            "task_id": task.id, "step_id": task.step_id, "purpose": task.purpose, "attempt": task.attempt, "agent_id": owned.agent_id,
            "started_at": at,
        });
        work.audit(task.request_id, AuditEvent::new(&owned.agent_id, "task.started", data));
    }
    if let Some(log) = &one.log {
        log_lines::show(work, task.request_id, task.purpose, (task.id, task.attempt), (1, log.seal().lines));
        if are_sealed {
            work.audit(task.request_id, log.seal().event());
        }
    }
}

/// Whether it was cut off and is tried again by itself, or has failed and is by the word of its run; where it is not, its problem says why.
async fn is_tried_again(context: &Context, work: &mut Work, one: &mut Finish<'_>) -> Result<bool, store::Error> {
    if one.to == Status::Failed && one.locked.task.asks.retry {
        return match one.problem.as_mut() {
            Some(problem) => failed_attempt::is_tried_again(context, work, &one.locked, one.result, problem).await,
            None => Ok(false),
        };
    }
    // What contradicts itself, because it had said that it runs, is never repeated without a person.
    // A dry run that has changed something is none that may be repeated.
    let is_only_a_look = one.result.hosts.iter().all(|host| host.made.is_empty());
    if one.to != Status::Interrupted || one.ending != Ending::Interrupted || !is_only_a_look {
        return Ok(false);
    }
    let next = retry::judge(context, work, &one.locked).await?;
    if let Next::Again { after, number } = next {
        interrupted(context, work, &one.locked, (after, number), one.result).await?;
        return Ok(true);
    }
    if let Some(problem) = one.problem.as_mut() {
        let prospect = retry::prospect(context, &one.locked, next, true);
        problem.message = format!("{}. {prospect}", problem.message.trim_end_matches('.'));
    }
    Ok(false)
}

fn end<'f>(one: &'f Finish<'_>) -> End<'f> {
    let Finish { locked, to, ending, result, problem, warnings, .. } = one;
    let task = &locked.task;
    let is_verified = locked.attempt.as_ref().is_none_or(|owner| owner.verified);
    let preview = result.preview.as_ref().filter(|_| task.mode == Mode::Check);
    let ended = Ended {
        task_id: task.id,
        from: task.status,
        to: *to,
        output: Some(&result.output),
        outputs: Value::Object(result.outputs.clone()),
        changed: is_verified.then_some(result.changed),
        warnings: json!(warnings),
        preview: preview.map(|preview| json!(preview)),
        error: problem.as_ref(),
        started_at: result.started_at,
    };
    let agent = locked.attempt.as_ref().and_then(|owner| owner.agent_id.as_deref()).unwrap_or("chiffon");
    let mut particulars = json!({
        "agent_id": agent, "outcome": ending, "exit_code": result.exit_code, "changed": is_verified.then_some(result.changed),
        "duration_seconds": result.duration_seconds, "warnings": warnings, "error": problem,
    });
    if !is_verified {
        particulars["verified"] = json!(false);
    }
    let has_told = task.attempt == 1 && !result.hosts.is_empty();
    End { task, ended, by: By { actor: agent, event: "task.finished" }, particulars, has_told }
}

/// Adds to what the agents warn of where a run was not the first try, or not what its dry run had foretold.
async fn warn(work: &mut Work, ending: &mut [Finish<'_>]) -> Result<(), store::Error> {
    let changes: Vec<Uuid> =
        ending.iter().map(|one| &one.locked.task).filter(|task| task.mode == Mode::Apply).map(|task| task.id).collect();
    if changes.is_empty() {
        return Ok(());
    }
    let foretold = host_results::foretold(work, &changes).await?;
    for one in ending {
        let task_id = one.locked.task.id;
        if one.locked.task.mode == Mode::Apply && one.locked.tries > 1 {
            let number = one.result.attempt;
            let earlier = if one.locked.task.asks.retry {
                "what the earlier ones did stands in their own logs"
            } else {
                "what an earlier one did as it was cut off may stand in no log"
            };
            one.warnings.push(format!("this was try {number}; {earlier}"));
        }
        let Some(preview) = foretold.get(&task_id).filter(|_| !one.result.hosts.is_empty()) else { continue };
        let preview = read_json::<Preview>("tasks", "preview", &format!("the preview of task {task_id}"), preview);
        let (preview, hosts) = match (preview, host_results::ran(work, task_id).await) {
            (Ok(preview), Ok(hosts)) => (preview, hosts),
            (Err(error @ store::Error::BadData { .. }), _) | (_, Err(error @ store::Error::BadData { .. })) => {
                one.warnings.push(format!("it was not compared with its preview: {}", Problem::from(error).message));
                continue;
            }
            (Err(error), _) | (_, Err(error)) => return Err(error),
        };
        let others = host_results::places_of_others(work, task_id).await?;
        let ran = hosts.iter().map(|on| OnHost {
            host: &on.host,
            is_completed: on.is_completed,
            attempts: on.attempts,
            changes: &on.changes,
            written: &on.written,
            others: &others,
        });
        one.warnings.extend(prediction::differences(&preview, &ran.collect::<Vec<_>>()));
    }
    Ok(())
}

/// Its owner says that it was cut off, and it may be repeated: it is tried again without a person.
async fn interrupted(
    context: &Context,
    work: &mut Work,
    locked: &Locked,
    next: (Duration, u32),
    result: &WorkResult,
) -> Result<(), store::Error> {
    let agent = locked.attempt.as_ref().and_then(|owner| owner.agent_id.as_deref()).unwrap_or("chiffon");
    let particulars = json!({
        "agent_id": agent, "outcome": Ending::Interrupted, "exit_code": result.exit_code, "changed": result.changed,
        "duration_seconds": result.duration_seconds, "warnings": result.warnings, "error": problem(Status::Interrupted, result),
    });
    task_story::tell(work, &locked.task, Status::Interrupted, agent, "task.interrupted", particulars);
    retry::by_itself(context, work, locked, next, Proof::ItsReport).await
}

/// What the agent says went wrong, or what its silence about that means.
fn problem(to: Status, result: &WorkResult) -> Problem {
    if let Some(error) = &result.error {
        return Problem::from(error.clone());
    }
    let (code, words) = match to {
        Status::Cancelled => (ErrorCode::CancelledByPerson, "it was stopped by a person; what it had done by then stays done"),
        Status::Interrupted => (ErrorCode::Interrupted, "its agent was stopped under it; look at the log for what was done"),
        Status::Failed
        | Status::Pending
        | Status::Waiting
        | Status::Dispatched
        | Status::Running
        | Status::Completed
        | Status::Unknown
        | Status::Skipped => (ErrorCode::PlayFailed, "the agent gave no reason; look at the log"),
    };
    Problem::new(code, words)
}

//! The end of an attempt, as its owner reports it: applied once, acknowledged as often as it comes (RELIABILITY 13 to 16).

use std::time::Duration;

use chiffon_fleet::store::{agents, variables};
use chiffon_kernel::domain::audit::AuditEvent;
use chiffon_kernel::store;
use chiffon_kernel::store::storable::{storable, storable_json};
use chiffon_kernel::store::stored_json::read_json;
use chiffon_kernel::verbs::outcome::Outcome;
use chiffon_kernel::verbs::reply::{About, Addressee};
use chiffon_kernel::verbs::work::Work;
use chiffon_plans::domain::prediction::{self, OnHost};
use chiffon_protocol::message::{ErrorReport, Mode, Outcome as Ending, Preview, ResultAck, ResultStatus, WorkResult};
use chiffon_protocol::{ErrorCode, Problem};
use serde_json::{Value, json};

use super::end_task::{self, By};
use super::status::{is_owner, not_the_owner, owner};
use super::{Context, keep_hosts, late_report, retry, task_story, variables_changed, wait};
use crate::domain::placement::Wait;
use crate::domain::task::{self as domain, Next, Proof, Reported, Status, given_back};
use crate::store::attempts::{self, Attempt};
use crate::store::task_changes::{Ended, Waiting};
use crate::store::tasks::{self, Locked, OfRequest, Task};
use crate::store::{host_locks, host_results};

/// An agent that never starts this often is not asked again.
const NOT_STARTED_AT_MOST: i32 = 3;

/// Applies a result. `signer` is the id of the key that signed it.
pub async fn run(context: &Context, signer: &str, result: &WorkResult) -> Result<Outcome, store::Error> {
    let result = &storable_result(result);
    let mut work = context.begin().await?;
    let request = tasks::lock_request_of(&mut work, result.task_id).await?;
    let by = late_report::By { signer, agent_id: &result.agent_id, task_id: result.task_id, attempt: result.attempt };
    if request.is_none() {
        // What is kept of a stray one is a transaction of its own, and needs this one's connection.
        drop(work);
        if late_report::stray(context, by, "result", result, Some(result.last_seq)).await? {
            return Ok(Outcome::Done);
        }
        work = context.begin().await?;
    }
    let (locked, attempt) = late_report::find(context, &mut work, by).await?;
    let (Some(request), Some(locked), Some(attempt)) = (request, locked, attempt) else {
        let message = format!("a result for attempt {} of task {}, which does not exist", result.attempt, result.task_id);
        return Ok(Outcome::rejected(ErrorCode::TaskNotFound, message));
    };
    if !is_owner(&attempt, signer) {
        return not_owned(context, work, &request, &locked, &attempt, Signed { signer, result }).await;
    }
    let ending = ending(result);
    match domain::result(locked.state(), attempt.known(), ending) {
        Reported::Ends(to) => finish(context, &mut work, &locked, to, ending, result).await?,
        Reported::NotStarted => {
            let agent = attempt.agent_id.as_deref().unwrap_or("its agent");
            not_started(context, &mut work, &request, &locked, agent, result).await?;
        }
        Reported::Repeated => {}
        Reported::Conflicting => conflicting(&mut work, &locked, &attempt, ending).await?,
        Reported::Fenced => fenced(context, &mut work, &locked, &attempt, ending, result).await?,
    }
    if let Some(to) = owner(&attempt) {
        acknowledge(&mut work, to, &request, result, attempt.stored_seq.unsigned_abs());
    }
    work.commit().await?;
    Ok(Outcome::Done)
}

fn acknowledge(work: &mut Work, to: Addressee, request: &OfRequest, result: &WorkResult, last_seq: u64) {
    let about = About { request_id: request.id, trace_id: request.trace_id.clone() };
    work.reply(to, about, ResultAck { task_id: result.task_id, attempt: result.attempt, last_seq, result_stored: true });
}

/// A result with the id of the key that signed it.
#[derive(Clone, Copy)]
struct Signed<'r> {
    signer: &'r str,
    result: &'r WorkResult,
}

/// A result of somebody who does not own the attempt counts for nothing, except that it was not begun: an agent that was
/// stopped before its claim was answered can't know that it owns nothing, and keeps the attempt in its journal until it is told.
async fn not_owned(
    context: &Context,
    mut work: Work,
    request: &OfRequest,
    locked: &Locked,
    attempt: &Attempt,
    Signed { signer, result }: Signed<'_>,
) -> Result<Outcome, store::Error> {
    let agent = agents::get(&mut work, &result.agent_id).await?;
    let Some(agent) = agent.filter(|agent| agent.key_id == signer && ending(result) == Ending::NotStarted) else {
        return Ok(not_the_owner(attempt, signer));
    };
    let newest = (locked.task.attempt, locked.task.offer);
    let is_free = attempt.claim_id.is_none() && attempt.finished_at.is_none();
    if given_back(locked.state(), newest, attempt.attempt, is_free).is_some() {
        not_started(context, &mut work, request, locked, &agent.id, result).await?;
    }
    let to = Addressee { agent_id: agent.id, incarnation: agent.incarnation };
    acknowledge(&mut work, to, request, result, result.last_seq);
    work.commit().await?;
    Ok(Outcome::Done)
}

/// How it ended; a peer that knows only the fixed fields says it in two words.
fn ending(result: &WorkResult) -> Ending {
    result.outcome.unwrap_or(match result.status {
        ResultStatus::Completed => Ending::Succeeded,
        ResultStatus::Failed => Ending::Failed,
    })
}

async fn finish(
    context: &Context,
    work: &mut Work,
    locked: &Locked,
    to: Status,
    ending: Ending,
    result: &WorkResult,
) -> Result<(), store::Error> {
    let task = &locked.task;
    if variables_changed::run(context, work, locked, ending, result).await? {
        return Ok(());
    }
    attempts::set_finished(work, task.attempt, ending, result, context.clock.now()).await?;
    if let Some(variables) = result.variables.as_ref().filter(|_| task.mode == Mode::Check) {
        variables::set(work, task.id, variables).await?;
    }
    keep_hosts::run(context, work, task, result).await?;
    let mut problem = (to != Status::Completed).then(|| problem(to, result));
    // What contradicts itself, because it had said that it runs, is never repeated without a person.
    // A dry run that has changed something is none that may be repeated.
    let is_only_a_look = result.hosts.iter().all(|host| host.made.is_empty());
    if to == Status::Interrupted && ending == Ending::Interrupted && is_only_a_look {
        let next = retry::judge(context, work, locked).await?;
        if let Next::Again { after, number } = next {
            return interrupted(context, work, locked, (after, number), result).await;
        }
        if let Some(problem) = problem.as_mut() {
            problem.message = format!("{}. {}", problem.message.trim_end_matches('.'), retry::prospect(context, locked, next, true));
        }
    }
    let warnings = warnings(work, task, result).await?;
    let is_verified = locked.attempt.as_ref().is_none_or(|owner| owner.verified);
    let preview = result.preview.as_ref().filter(|_| task.mode == Mode::Check);
    let ended = Ended {
        task_id: task.id,
        from: task.status,
        to,
        output: Some(&result.output),
        outputs: Value::Object(result.outputs.clone()),
        changed: is_verified.then_some(result.changed),
        warnings: json!(warnings),
        preview: preview.map(|preview| json!(preview)),
        error: problem.as_ref(),
    };
    let agent = locked.attempt.as_ref().and_then(|owner| owner.agent_id.as_deref()).unwrap_or("chiffon");
    let mut particulars = json!({
        "agent_id": agent, "outcome": ending, "exit_code": result.exit_code, "changed": is_verified.then_some(result.changed),
        "duration_seconds": result.duration_seconds, "warnings": warnings, "error": problem,
    });
    if !is_verified {
        particulars["verified"] = json!(false);
    }
    end_task::run(context, work, task, &ended, By { actor: agent, event: "task.finished" }, particulars).await?;
    end_task::settle(context, work, task.request_id).await
}

/// What the agent warns of, and where the run was not what its dry run had foretold.
async fn warnings(work: &mut Work, task: &Task, result: &WorkResult) -> Result<Vec<String>, store::Error> {
    let mut warnings = result.warnings.clone();
    if task.mode == Mode::Apply && attempts::count_tries(work, task.id).await? > 1 {
        warnings.push(format!("this was try {}; what an earlier one did as it was cut off may stand in no log", result.attempt));
    }
    if task.mode != Mode::Apply || result.hosts.is_empty() {
        return Ok(warnings);
    }
    let foretold = host_results::foretold(work, task.id).await?;
    let Some(foretold) = foretold else { return Ok(warnings) };
    let preview = read_json::<Preview>("tasks", "preview", &format!("the preview of task {}", task.id), &foretold);
    let hosts = host_results::ran(work, task.id).await;
    let (preview, hosts) = match (preview, hosts) {
        (Ok(preview), Ok(hosts)) => (preview, hosts),
        (Err(error @ store::Error::BadData { .. }), _) | (_, Err(error @ store::Error::BadData { .. })) => {
            warnings.push(format!("it was not compared with its preview: {}", Problem::from(error).message));
            return Ok(warnings);
        }
        (Err(error), _) | (_, Err(error)) => return Err(error),
    };
    let others = host_results::places_of_others(work, task.id).await?;
    let ran = hosts.iter().map(|on| OnHost {
        host: &on.host,
        is_completed: on.is_completed,
        attempts: on.attempts,
        changes: &on.changes,
        written: &on.written,
        others: &others,
    });
    warnings.extend(prediction::differences(&preview, &ran.collect::<Vec<_>>()));
    Ok(warnings)
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

/// The agent's journal proves that nothing was executed: it is offered again, as a new attempt, without a person.
async fn not_started(
    context: &Context,
    work: &mut Work,
    request: &OfRequest,
    locked: &Locked,
    agent: &str,
    result: &WorkResult,
) -> Result<(), store::Error> {
    let task = &locked.task;
    attempts::set_finished(work, task.attempt, Ending::NotStarted, result, context.clock.now()).await?;
    host_locks::release(work, task.id).await?;
    let reason = result.error.as_ref().map_or(result.output.as_str(), |error| error.message.as_str());
    let text = format!("{agent} did not start it: {reason}");
    task_story::tell(work, task, Status::Waiting, agent, "task.not_started", json!({"agent_id": agent, "reason": reason}));
    let waiting_for = wait::value(context, task, &Wait::new("agent", &text));
    let waiting = Waiting {
        task_id: task.id,
        from: task.status,
        waiting_for: &waiting_for,
        wait_key: None,
        not_before: None,
        excluded: (task.attempt >= NOT_STARTED_AT_MOST).then_some(agent),
        message: &text,
        next_offer: false,
    };
    wait::back(context, work, request, task, &waiting).await?;
    end_task::settle(context, work, task.request_id).await
}

/// Another result than the one that is stored is flagged.
async fn conflicting(work: &mut Work, locked: &Locked, attempt: &Attempt, ending: Ending) -> Result<(), store::Error> {
    attempts::add_late_report(work, attempt.task_id, attempt.attempt).await?;
    flag(work, locked, attempt, json!({"reported": ending, "stored": attempt.outcome}));
    Ok(())
}

/// A result for an attempt that was superseded, or after a person's decision: recorded, flagged, acknowledged, and nothing else.
async fn fenced(
    context: &Context,
    work: &mut Work,
    locked: &Locked,
    attempt: &Attempt,
    ending: Ending,
    result: &WorkResult,
) -> Result<(), store::Error> {
    attempts::set_finished(work, attempt.attempt, ending, result, context.clock.now()).await?;
    keep_hosts::run(context, work, &locked.task, result).await?;
    attempts::add_late_report(work, attempt.task_id, attempt.attempt).await?;
    flag(work, locked, attempt, json!({"reported": ending, "task_status": locked.task.status}));
    Ok(())
}

fn flag(work: &mut Work, locked: &Locked, attempt: &Attempt, mut data: Value) {
    data["task_id"] = json!(attempt.task_id);
    data["attempt"] = json!(attempt.attempt);
    let actor = attempt.agent_id.as_deref().unwrap_or("chiffon");
    let event = AuditEvent::new(actor, "task.conflicting_report", data);
    work.audit(locked.task.request_id, event);
}

fn storable_result(result: &WorkResult) -> WorkResult {
    let mut clean = result.clone();
    clean.output = storable(&clean.output).into_owned();
    clean.warnings = clean.warnings.iter().map(|warning| storable(warning).into_owned()).collect();
    if let Value::Object(outputs) = storable_json(Value::Object(clean.outputs)) {
        clean.outputs = outputs;
    } else {
        clean.outputs = serde_json::Map::new();
    }
    clean.error = clean.error.map(|error| ErrorReport {
        code: error.code,
        message: storable(&error.message).into_owned(),
        details: storable_json(error.details),
    });
    for change in clean.preview.iter_mut().flat_map(|preview| &mut preview.changes) {
        change.diff = storable(&change.diff).into_owned();
        change.name = storable(&change.name).into_owned();
        for written in &mut change.written {
            written.name = storable(&written.name).into_owned();
            written.place = storable(&written.place).into_owned();
        }
    }
    clean
}

//! The ends of attempts, as their owners report them: applied once, acknowledged as often as it comes (RELIABILITY 13 to 16).

use std::collections::{BTreeMap, BTreeSet};
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
use uuid::Uuid;

use super::end_task::{self, By, End};
use super::status::{is_owner, not_the_owner, owner};
use super::{Context, keep_hosts, late_report, retry, task_story, variables_changed, wait};
use crate::domain::placement::Wait;
use crate::domain::task::{self as domain, Next, Proof, Reported, Status, given_back};
use crate::store::attempts::{self, Attempt, Finished};
use crate::store::task_changes::{Ended, Waiting};
use crate::store::tasks::{self, Locked, OfRequest};
use crate::store::{host_locks, host_results};

/// An agent that never starts this often is not asked again.
const NOT_STARTED_AT_MOST: i32 = 3;

/// A result with the id of the key that signed it.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'r> {
    /// The id of the signer's key.
    pub signer: &'r str,
    /// What it says.
    pub result: &'r WorkResult,
}

/// A result that ends its task.
struct Finish<'r> {
    locked: Locked,
    to: Status,
    ending: Ending,
    result: &'r WorkResult,
    problem: Option<Problem>,
    warnings: Vec<String>,
}

/// Applies results in the order in which they came, in one transaction.
pub async fn run(context: &Context, results: &[Signed<'_>]) -> Result<Vec<Outcome>, store::Error> {
    let clean: Vec<WorkResult> = results.iter().map(|signed| storable_result(signed.result)).collect();
    let mut work = context.begin().await?;
    let task_ids: Vec<Uuid> = clean.iter().map(|result| result.task_id).collect();
    let requests: BTreeMap<Uuid, OfRequest> =
        tasks::lock_requests_of(&mut work, &task_ids).await?.into_iter().map(|request| (request.id, request)).collect();
    let mut known: BTreeMap<Uuid, Locked> =
        tasks::lock_all(&mut work, &task_ids).await?.into_iter().map(|locked| (locked.task.id, locked)).collect();
    let (mut outcomes, mut finishing, mut seen) = (Vec::with_capacity(results.len()), Vec::new(), BTreeSet::new());
    for (signed, result) in results.iter().zip(&clean) {
        if !seen.insert(result.task_id) {
            // What was said before about the same task counts for this.
            finish(context, &mut work, std::mem::take(&mut finishing)).await?;
            known.extend(tasks::lock(&mut work, result.task_id).await?.map(|locked| (result.task_id, locked)));
        }
        let found = known.get(&result.task_id).and_then(|locked| Some((requests.get(&locked.task.request_id)?, locked)));
        outcomes.push(match found {
            Some((request, locked)) => Some(apply(context, &mut work, (request, locked), signed.signer, result, &mut finishing).await?),
            None => None,
        });
    }
    finish(context, &mut work, finishing).await?;
    work.commit().await?;
    let mut all = Vec::with_capacity(results.len());
    for ((signed, result), outcome) in results.iter().zip(&clean).zip(outcomes) {
        all.push(match outcome {
            Some(outcome) => outcome,
            None if late_report::stray(context, by(signed.signer, result), "result", result, Some(result.last_seq)).await? => Outcome::Done,
            None => not_found(result),
        });
    }
    Ok(all)
}

fn by<'r>(signer: &'r str, result: &'r WorkResult) -> late_report::By<'r> {
    late_report::By { signer, agent_id: &result.agent_id, task_id: result.task_id, attempt: result.attempt }
}

fn not_found(result: &WorkResult) -> Outcome {
    let message = format!("a result for attempt {} of task {}, which does not exist", result.attempt, result.task_id);
    Outcome::rejected(ErrorCode::TaskNotFound, message)
}

/// Applies one; what ends its task is left in `finishing`, to be written with others.
async fn apply<'r>(
    context: &Context,
    work: &mut Work,
    (request, known): (&OfRequest, &Locked),
    signer: &str,
    result: &'r WorkResult,
    finishing: &mut Vec<Finish<'r>>,
) -> Result<Outcome, store::Error> {
    let (locked, attempt) = late_report::find(context, work, known, by(signer, result)).await?;
    let Some(attempt) = attempt else { return Ok(not_found(result)) };
    if !is_owner(&attempt, signer) {
        return not_owned(context, work, (request, &locked), &attempt, signer, result).await;
    }
    let ending = ending(result);
    match domain::result(locked.state(), attempt.known(), ending) {
        Reported::Ends(to) => {
            if !variables_changed::run(context, work, &locked, ending, result).await? {
                let problem = (to != Status::Completed).then(|| problem(to, result));
                finishing.push(Finish { locked, to, ending, result, problem, warnings: result.warnings.clone() });
            }
        }
        Reported::NotStarted => {
            let agent = attempt.agent_id.as_deref().unwrap_or("its agent");
            not_started(context, work, request, &locked, agent, result).await?;
        }
        Reported::Repeated => {}
        Reported::Conflicting => conflicting(work, &locked, &attempt, ending).await?,
        Reported::Fenced => fenced(work, &locked, &attempt, ending, result).await?,
    }
    if let Some(to) = owner(&attempt) {
        acknowledge(work, to, request, result, attempt.stored_seq.unsigned_abs());
    }
    Ok(Outcome::Done)
}

fn acknowledge(work: &mut Work, to: Addressee, request: &OfRequest, result: &WorkResult, last_seq: u64) {
    let about = About { request_id: request.id, trace_id: request.trace_id.clone() };
    work.reply(to, about, ResultAck { task_id: result.task_id, attempt: result.attempt, last_seq, result_stored: true });
}

/// A result of somebody who does not own the attempt counts for nothing, except that it was not begun: an agent that was
/// stopped before its claim was answered can't know that it owns nothing, and keeps the attempt in its journal until it is told.
async fn not_owned(
    context: &Context,
    work: &mut Work,
    (request, locked): (&OfRequest, &Locked),
    attempt: &Attempt,
    signer: &str,
    result: &WorkResult,
) -> Result<Outcome, store::Error> {
    let agent = agents::get(work, &result.agent_id).await?;
    let Some(agent) = agent.filter(|agent| agent.key_id == signer && ending(result) == Ending::NotStarted) else {
        return Ok(not_the_owner(attempt, signer));
    };
    let newest = (locked.task.attempt, locked.task.offer);
    let is_free = attempt.claim_id.is_none() && attempt.finished_at.is_none();
    if given_back(locked.state(), newest, attempt.attempt, is_free).is_some() {
        not_started(context, work, request, locked, &agent.id, result).await?;
    }
    let to = Addressee { agent_id: agent.id, incarnation: agent.incarnation };
    acknowledge(work, to, request, result, result.last_seq);
    Ok(Outcome::Done)
}

/// How it ended; a peer that knows only the fixed fields says it in two words.
fn ending(result: &WorkResult) -> Ending {
    result.outcome.unwrap_or(match result.status {
        ResultStatus::Completed => Ending::Succeeded,
        ResultStatus::Failed => Ending::Failed,
    })
}

/// Ends the tasks of results, and looks at their requests.
async fn finish(context: &Context, work: &mut Work, finishing: Vec<Finish<'_>>) -> Result<(), store::Error> {
    if finishing.is_empty() {
        return Ok(());
    }
    let finished: Vec<Finished<'_>> = finishing
        .iter()
        .map(|Finish { locked, ending, result, .. }| Finished { attempt: locked.task.attempt, outcome: *ending, result })
        .collect();
    let now = work.now();
    attempts::set_finished(work, &finished, now).await?;
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

/// Whether it was cut off and is tried again by itself; where it is not, its problem says why.
async fn is_tried_again(context: &Context, work: &mut Work, one: &mut Finish<'_>) -> Result<bool, store::Error> {
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
    let Finish { locked, to, ending, result, problem, warnings } = one;
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
            one.warnings.push(format!("this was try {number}; what an earlier one did as it was cut off may stand in no log"));
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
    let finished = Finished { attempt: task.attempt, outcome: Ending::NotStarted, result };
    let now = work.now();
    attempts::set_finished(work, &[finished], now).await?;
    host_locks::release(work, &[task.id]).await?;
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
    wait::back(work, request, task, &waiting).await?;
    end_task::settle(context, work, &[task.request_id]).await
}

/// Another result than the one that is stored is flagged.
async fn conflicting(work: &mut Work, locked: &Locked, attempt: &Attempt, ending: Ending) -> Result<(), store::Error> {
    attempts::add_late_report(work, attempt.task_id, attempt.attempt).await?;
    flag(work, locked, attempt, json!({"reported": ending, "stored": attempt.outcome}));
    Ok(())
}

/// A result for an attempt that was superseded, or after a person's decision: recorded, flagged, acknowledged, and nothing else.
async fn fenced(work: &mut Work, locked: &Locked, attempt: &Attempt, ending: Ending, result: &WorkResult) -> Result<(), store::Error> {
    let finished = Finished { attempt: attempt.attempt, outcome: ending, result };
    let now = work.now();
    attempts::set_finished(work, &[finished], now).await?;
    keep_hosts::run(work, &locked.task, result).await?;
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

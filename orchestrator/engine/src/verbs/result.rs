//! The ends of attempts, as their owners report them: applied once, acknowledged as often as it comes (RELIABILITY 13 to 16).

use chiffon_kernel::domain::waiting::{Wait, What};
use std::collections::{BTreeMap, BTreeSet};

use chiffon_fleet::store::agents;
use chiffon_kernel::domain::audit::AuditEvent;
use chiffon_kernel::store;
use chiffon_kernel::store::storable::{storable, storable_json};
use chiffon_kernel::verbs::outcome::Outcome;
use chiffon_kernel::verbs::reply::{About, Addressee};
use chiffon_kernel::verbs::work::Work;
use chiffon_protocol::ErrorCode;
use chiffon_protocol::message::{ErrorReport, Outcome as Ending, ResultAck, ResultStatus, WorkResult};
use serde_json::{Value, json};
use uuid::Uuid;

use super::finish::{self, Finish};
use super::log_lines::{self, Lines};
use super::status::{is_owner, not_the_owner, owner};
use super::{Context, end_task, keep_hosts, late_report, task_story, variables_changed, wait};
use crate::domain::task::{self as domain, Purpose, Reported, Status, Task as State, given_back};
use crate::store::attempts::{self, Attempt, Finished};
use crate::store::held::{self, Held};
use crate::store::host_locks;
use crate::store::logs::Whole;
use crate::store::task_locks;
use crate::store::task_locks::{Locked, OfRequest};
use crate::store::task_waits::Waiting;

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

/// Applies results in the order in which they came, in one transaction.
pub async fn run(context: &Context, results: &[Signed<'_>]) -> Result<Vec<Outcome>, store::Error> {
    let clean: Vec<WorkResult> = results.iter().map(|signed| storable_result(signed.result)).collect();
    let mut work = context.begin().await?;
    let task_ids: Vec<Uuid> = clean.iter().map(|result| result.task_id).collect();
    let mut held = held::hold(&mut work, &task_ids).await?;
    let (mut outcomes, mut finishing, mut seen) = (Vec::with_capacity(results.len()), Vec::new(), BTreeSet::new());
    let mut received = Vec::with_capacity(results.len());
    for (signed, result) in results.iter().zip(&clean) {
        if !seen.insert(result.task_id) {
            // What was said before about the same task counts for this.
            finish::run(context, &mut work, std::mem::take(&mut finishing)).await?;
            task_locks::lock(&mut work, result.task_id).await?.into_iter().for_each(|locked| held.set(locked));
        }
        outcomes.push(match held.get(result.task_id) {
            Some(found) => {
                let (outcome, taken_in) = apply(context, &mut work, found, signed.signer, result, &mut finishing).await?;
                received.extend(taken_in);
                Some(outcome)
            }
            None => None,
        });
    }
    finish::run(context, &mut work, finishing).await?;
    acknowledge(&mut work, &held, &received).await?;
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

/// A result that its owner does not have to say again.
struct Received<'r> {
    to: Addressee,
    attempt: Attempt,
    purpose: Purpose,
    result: &'r WorkResult,
    /// Up to which number its events are stored, or will be by the end of its transaction.
    last_seq: u64,
    /// Whether its events have still to be stored.
    has_lines: bool,
}

/// Applies one; what ends its task is left in `finishing`, to be written with others.
async fn apply<'r>(
    context: &Context,
    work: &mut Work,
    (request, known): (&OfRequest, &Locked),
    signer: &str,
    result: &'r WorkResult,
    finishing: &mut Vec<Finish<'r>>,
) -> Result<(Outcome, Option<Received<'r>>), store::Error> {
    let (locked, attempt) = late_report::find(context, work, known, by(signer, result)).await?;
    let Some(attempt) = attempt else { return Ok((not_found(result), None)) };
    if !is_owner(&attempt, signer) {
        return not_owned(context, work, (request, &locked), &attempt, signer, result).await;
    }
    let (ending, purpose) = (ending(result), locked.task.purpose);
    let mut last_seq = attempt.stored_seq.unsigned_abs();
    let mut has_lines = !result.events.is_empty();
    match domain::result(locked.state(), attempt.known(), ending) {
        Reported::Ends(to) => {
            if !variables_changed::run(context, work, &locked, ending, result).await? {
                // Where nothing was heard of it before, its whole log is written with its end.
                let is_first = matches!(locked.state(), State::Claimed(_)) && attempt.stored_seq == 0;
                let log = is_first.then(|| Whole::of(&attempt, result)).flatten();
                if let Some(log) = &log {
                    (last_seq, has_lines) = (log.seal().lines.unsigned_abs(), false);
                }
                finishing.push(Finish::new(locked, to, ending, result, log));
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
    Ok((Outcome::Done, owner(&attempt).map(|to| Received { to, attempt, purpose, result, last_seq, has_lines })))
}

/// Stores the lines that came along and are not stored yet, and tells each owner that all is.
async fn acknowledge(work: &mut Work, held: &Held, received: &[Received<'_>]) -> Result<(), store::Error> {
    let mut lines: BTreeMap<(Uuid, i32), Lines<'_>> = BTreeMap::new();
    for one in received.iter().filter(|one| one.has_lines) {
        let request_id = held.get(one.result.task_id).map(|(request, _)| request.id).unwrap_or_default();
        let said = Lines { request_id, purpose: one.purpose, attempt: &one.attempt, events: Vec::new() };
        lines.entry((one.attempt.task_id, one.attempt.attempt)).or_insert(said).events.extend(&one.result.events);
    }
    let stored = log_lines::store(work, &lines.into_values().collect::<Vec<_>>()).await?;
    for one in received {
        let Some((request, _)) = held.get(one.result.task_id) else { continue };
        let about = About { request_id: request.id, trace_id: request.trace_id.clone() };
        let last_seq = stored.get(&(one.attempt.task_id, one.attempt.attempt)).copied().unwrap_or_default().max(one.last_seq);
        let ack = ResultAck { task_id: one.result.task_id, attempt: one.result.attempt, last_seq, result_stored: true };
        work.reply(one.to.clone(), about, ack);
    }
    Ok(())
}

/// A result of somebody who does not own the attempt counts for nothing, except that it was not begun: an agent that was
/// stopped before its claim was answered can't know that it owns nothing, and keeps the attempt in its journal until it is told.
async fn not_owned<'r>(
    context: &Context,
    work: &mut Work,
    (request, locked): (&OfRequest, &Locked),
    attempt: &Attempt,
    signer: &str,
    result: &'r WorkResult,
) -> Result<(Outcome, Option<Received<'r>>), store::Error> {
    let agent = agents::get(work, &result.agent_id).await?;
    let Some(agent) = agent.filter(|agent| agent.key_id == signer && ending(result) == Ending::NotStarted) else {
        return Ok((not_the_owner(attempt, signer), None));
    };
    let newest = (locked.task.attempt, locked.task.offer);
    let is_free = attempt.claim_id.is_none() && attempt.finished_at.is_none();
    if given_back(locked.state(), newest, attempt.attempt, is_free).is_some() {
        not_started(context, work, request, locked, &agent.id, result).await?;
    }
    let to = Addressee { agent_id: agent.id, incarnation: agent.incarnation };
    let purpose = locked.task.purpose;
    Ok((Outcome::Done, Some(Received { to, attempt: attempt.clone(), purpose, result, last_seq: result.last_seq, has_lines: false })))
}

/// How it ended; a peer that knows only the fixed fields says it in two words.
fn ending(result: &WorkResult) -> Ending {
    result.outcome.unwrap_or(match result.status {
        ResultStatus::Completed => Ending::Succeeded,
        ResultStatus::Failed => Ending::Failed,
    })
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
    let finished = Finished { attempt: task.attempt, outcome: Ending::NotStarted, result, log: None };
    let now = work.now();
    attempts::set_finished(work, &[finished], now).await?;
    host_locks::release(work, &[task.id]).await?;
    let reason = result.error.as_ref().map_or(result.output.as_str(), |error| error.message.as_str());
    let text = format!("{agent} did not start it: {reason}");
    task_story::tell(work, task, Status::Waiting, agent, "task.not_started", json!({"agent_id": agent, "reason": reason}));
    let waiting_for = wait::value(context, task, &Wait::new(What::Agent, &text));
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
    let finished = Finished { attempt: attempt.attempt, outcome: ending, result, log: None };
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

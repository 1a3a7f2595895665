//! Progress and log lines of running work. Lines are stored once however often they come; progress only rises; nothing that
//! came late reverses an end (RELIABILITY 16).

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use chiffon_kernel::store;
use chiffon_kernel::store::storable::storable;
use chiffon_kernel::verbs::outcome::Outcome;
use chiffon_kernel::verbs::reply::{About, Addressee};
use chiffon_kernel::verbs::work::Work;
use chiffon_protocol::ErrorCode;
use chiffon_protocol::message::{ResultAck, WorkStatus};
use serde_json::json;
use uuid::Uuid;

use super::log_lines::{self, Lines};
use super::{Context, end_task, late_report, task_story, unverified};
use crate::domain::task::{Event, Status, Task as State};
use crate::store::attempts::{self, Attempt};
use crate::store::held::{self, Held};
use crate::store::task_changes::{Running, set_running};
use crate::store::task_locks;
use crate::store::task_locks::Locked;

/// A report with the key that signed it.
#[derive(Debug, Clone, Copy)]
pub struct Report<'r> {
    /// The id of the signer's key.
    pub signer: &'r str,
    /// What it says.
    pub status: &'r WorkStatus,
}

/// What the owner of one attempt has reported, in the order in which it came.
struct Said<'r> {
    locked: Locked,
    attempt: Attempt,
    statuses: Vec<&'r WorkStatus>,
}

/// Takes in reports in the order in which they came, in one transaction.
pub async fn run(context: &Context, reports: &[Report<'_>]) -> Result<Vec<Outcome>, store::Error> {
    let mut work = context.begin().await?;
    let task_ids: Vec<Uuid> = reports.iter().map(|report| report.status.task_id).collect();
    let mut held = held::hold(&mut work, &task_ids).await?;
    let mut outcomes: Vec<Option<Outcome>> = vec![None; reports.len()];
    let mut said: BTreeMap<(Uuid, u32), Said<'_>> = BTreeMap::new();
    for (report, outcome) in reports.iter().zip(&mut outcomes) {
        let status = report.status;
        let key = (status.task_id, status.attempt);
        let Some((_, known)) = held.get(status.task_id) else { continue };
        let of_attempt = match said.entry(key) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let (found, attempt) = late_report::find(context, &mut work, known, by(report)).await?;
                let Some(attempt) = attempt else {
                    *outcome = Some(not_found(status));
                    continue;
                };
                held.set(found.clone());
                entry.insert(Said { locked: found, attempt, statuses: Vec::new() })
            }
        };
        *outcome = Some(if is_owner(&of_attempt.attempt, report.signer) {
            of_attempt.statuses.push(status);
            Outcome::Done
        } else {
            not_the_owner(&of_attempt.attempt, report.signer)
        });
    }
    let owned: Vec<Said<'_>> = said.into_values().filter(|said| !said.statuses.is_empty()).collect();
    store_lines(&mut work, &owned, &held).await?;
    let running: Vec<Runs<'_>> = owned.iter().map(progress).collect();
    run_all(context, &mut work, &running).await?;
    work.commit().await?;
    let mut all = Vec::with_capacity(reports.len());
    for (report, outcome) in reports.iter().zip(outcomes) {
        all.push(match outcome {
            Some(outcome) => outcome,
            None => about_nothing(context, report).await?,
        });
    }
    Ok(all)
}

fn by<'r>(report: &Report<'r>) -> late_report::By<'r> {
    let status = report.status;
    late_report::By { signer: report.signer, agent_id: &status.agent_id, task_id: status.task_id, attempt: status.attempt }
}

fn not_found(status: &WorkStatus) -> Outcome {
    Outcome::rejected(ErrorCode::TaskNotFound, format!("task {} has no attempt {}", status.task_id, status.attempt))
}

/// A report about a task that is not here: made after the backup that the database was restored from, or mistaken.
async fn about_nothing(context: &Context, report: &Report<'_>) -> Result<Outcome, store::Error> {
    let stored = late_report::stray(context, by(report), "status", report.status, None).await?;
    Ok(if stored { Outcome::Done } else { not_found(report.status) })
}

/// Whether the signer of a report owns the attempt (RELIABILITY 4).
pub(super) fn is_owner(attempt: &Attempt, signer: &str) -> bool {
    attempt.claim_id.is_some() && attempt.key_id.as_deref() == Some(signer)
}

pub(super) fn not_the_owner(attempt: &Attempt, signer: &str) -> Outcome {
    let owner = attempt.agent_id.as_deref().unwrap_or("nobody");
    let message =
        format!("attempt {} of task {} belongs to {owner}, not to the signer with key {signer}", attempt.attempt, attempt.task_id);
    Outcome::rejected(ErrorCode::AgentNotEnrolled, message)
}

/// Where the owner of an attempt listens at this moment.
pub(super) fn owner(attempt: &Attempt) -> Option<Addressee> {
    Some(Addressee { agent_id: attempt.agent_id.clone()?, incarnation: attempt.incarnation? })
}

/// Stores new lines, and tells each owner up to which number all are stored.
async fn store_lines(work: &mut Work, said: &[Said<'_>], held: &Held) -> Result<(), store::Error> {
    let lines: Vec<Lines<'_>> = said
        .iter()
        .map(|Said { locked, attempt, statuses }| Lines {
            request_id: locked.task.request_id,
            purpose: locked.task.purpose,
            attempt,
            events: statuses.iter().flat_map(|status| &status.events).collect(),
        })
        .collect();
    let stored = log_lines::store(work, &lines).await?;
    for Said { attempt, .. } in said {
        let Some(&last_seq) = stored.get(&(attempt.task_id, attempt.attempt)) else { continue };
        if let (Some(to), Some((request, _))) = (owner(attempt), held.get(attempt.task_id)) {
            let about = About { request_id: request.id, trace_id: request.trace_id.clone() };
            let attempt_number = attempt.attempt.unsigned_abs();
            work.reply(to, about, ResultAck { task_id: attempt.task_id, attempt: attempt_number, last_seq, result_stored: false });
        }
    }
    Ok(())
}

/// An attempt that is said to run.
struct Runs<'r> {
    locked: &'r Locked,
    attempt: i32,
    progress: i16,
    message: Option<String>,
}

fn progress<'r>(said: &'r Said<'_>) -> Runs<'r> {
    let highest = said.statuses.iter().map(|status| status.progress.min(100)).max().unwrap_or(0);
    let message = said.statuses.last().map(|status| storable(&status.message).into_owned()).filter(|message| !message.is_empty());
    Runs { locked: &said.locked, attempt: said.attempt.attempt, progress: i16::from(highest), message }
}

/// Notes that attempts run. A report of one that ended or was superseded changes nothing.
async fn run_all(context: &Context, work: &mut Work, runs: &[Runs<'_>]) -> Result<(), store::Error> {
    let is_first = |runs: &Runs<'_>| matches!(runs.locked.state(), State::Claimed(_));
    let is_possible = |runs: &&Runs<'_>| {
        let attempt = runs.attempt;
        let event = if is_first(runs) { Event::Start { attempt } } else { Event::Progress { attempt } };
        runs.locked.state().on(event).is_ok()
    };
    let possible: Vec<&Runs<'_>> = runs.iter().filter(is_possible).collect();
    if possible.is_empty() {
        return Ok(());
    }
    let running: Vec<Running<'_>> = possible
        .iter()
        .map(|runs| Running {
            task_id: runs.locked.task.id,
            from: runs.locked.task.status,
            progress: runs.progress,
            message: runs.message.as_deref(),
        })
        .collect();
    let now = work.now();
    let changed = set_running(work, &running, context.settings.run_margin, now).await?;
    let (mut started, mut resumed) = (Vec::new(), Vec::new());
    for runs in possible.into_iter().filter(|runs| changed.contains(&runs.locked.task.id)) {
        let (task, owner) = (&runs.locked.task, runs.locked.attempt.as_ref());
        if task.status == Status::Running {
            let message = runs.message.as_deref().unwrap_or(&task.message);
            let shown = json!({"status": "running", "progress": runs.progress.max(task.progress), "message": message});
            task_story::show(work, task, &shown);
            continue;
        }
        let agent = owner.and_then(|owner| owner.agent_id.as_deref()).unwrap_or("chiffon");
        let is_verified = owner.is_none_or(|owner| owner.verified);
        let lease = if is_verified { context.settings.agent_lease } else { unverified::time_to_report(context, task.timeout_seconds) };
        started.push((task.id, runs.attempt, lease));
        let what = if is_first(runs) { "task.started" } else { "task.resumed" };
        task_story::tell(work, task, Status::Running, agent, what, json!({"agent_id": agent}));
        if !is_first(runs) {
            resumed.push(task.request_id);
        }
    }
    if !started.is_empty() {
        attempts::set_started(work, &started, now).await?;
    }
    if !resumed.is_empty() {
        end_task::settle(context, work, &resumed).await?;
    }
    Ok(())
}

/// The owner of a task that counted as unknown says that it runs (RELIABILITY 13).
pub async fn resolved_by_owner(context: &Context, task_id: Uuid) -> Result<(), store::Error> {
    let mut work = context.begin().await?;
    if task_locks::lock_request_of(&mut work, task_id).await?.is_none() {
        return Ok(());
    }
    let Some(locked) = task_locks::lock(&mut work, task_id).await?.filter(|locked| locked.task.status == Status::Unknown) else {
        return Ok(());
    };
    let runs = Runs { locked: &locked, attempt: locked.task.attempt, progress: locked.task.progress, message: None };
    run_all(context, &mut work, &[runs]).await?;
    work.commit().await
}

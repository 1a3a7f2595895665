//! Progress and log lines of running work. Lines are stored once however often they come; progress only rises; nothing that
//! came late reverses an end (RELIABILITY 16).

use chiffon_kernel::store;
use chiffon_kernel::store::storable::storable;
use chiffon_kernel::verbs::outcome::Outcome;
use chiffon_kernel::verbs::reply::{About, Addressee};
use chiffon_kernel::verbs::work::Work;
use chiffon_protocol::ErrorCode;
use chiffon_protocol::message::{LogEvent, ResultAck, WorkStatus};
use serde_json::json;
use uuid::Uuid;

use super::{Context, end_task, late_report, task_story, unverified};
use crate::domain::task::{Event, Status, Task as State};
use crate::store::attempts::{self, Attempt};
use crate::store::logs;
use crate::store::task_changes::set_running;
use crate::store::tasks::{self, Locked};

/// A report with the key that signed it.
#[derive(Debug, Clone, Copy)]
pub struct Report<'r> {
    /// The id of the signer's key.
    pub signer: &'r str,
    /// What it says.
    pub status: &'r WorkStatus,
}

/// Takes in reports of one attempt, in the order in which they came, in one transaction.
pub async fn run(context: &Context, reports: &[Report<'_>]) -> Result<Vec<Outcome>, store::Error> {
    let Some(Report { status: first, .. }) = reports.first() else { return Ok(Vec::new()) };
    let mut work = context.begin().await?;
    let request = tasks::lock_request_of(&mut work, first.task_id).await?;
    if request.is_none() {
        drop(work);
        return about_nothing(context, reports).await;
    }
    let by = by(&reports[0]);
    let (locked, attempt) = late_report::find(context, &mut work, by).await?;
    let (Some(request), Some(locked), Some(attempt)) = (request, locked, attempt) else {
        return Ok(reports.iter().map(|report| not_found(report.status)).collect());
    };
    let mut outcomes = Vec::with_capacity(reports.len());
    let mut owned = Vec::with_capacity(reports.len());
    for report in reports {
        if is_owner(&attempt, report.signer) {
            owned.push(report.status);
            outcomes.push(Outcome::Done);
        } else {
            outcomes.push(not_the_owner(&attempt, report.signer));
        }
    }
    if owned.is_empty() {
        return Ok(outcomes);
    }
    let acknowledged = store_lines(&mut work, &locked, &attempt, &owned).await?;
    progress(context, &mut work, &locked, &attempt, &owned).await?;
    if let (Some(last_seq), Some(to)) = (acknowledged, owner(&attempt)) {
        let about = About { request_id: request.id, trace_id: request.trace_id };
        let last_seq = last_seq.unsigned_abs();
        work.reply(to, about, ResultAck { task_id: attempt.task_id, attempt: first.attempt, last_seq, result_stored: false });
    }
    work.commit().await?;
    Ok(outcomes)
}

fn by<'r>(report: &Report<'r>) -> late_report::By<'r> {
    let status = report.status;
    late_report::By { signer: report.signer, agent_id: &status.agent_id, task_id: status.task_id, attempt: status.attempt }
}

fn not_found(status: &WorkStatus) -> Outcome {
    Outcome::rejected(ErrorCode::TaskNotFound, format!("task {} has no attempt {}", status.task_id, status.attempt))
}

/// Reports about a task that is not here: made after the backup that the database was restored from, or mistaken.
async fn about_nothing(context: &Context, reports: &[Report<'_>]) -> Result<Vec<Outcome>, store::Error> {
    let mut outcomes = Vec::with_capacity(reports.len());
    for report in reports {
        let stored = late_report::stray(context, by(report), "status", report.status, None).await?;
        outcomes.push(if stored { Outcome::Done } else { not_found(report.status) });
    }
    Ok(outcomes)
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

/// Stores new lines; up to which number all are stored, when there were any.
async fn store_lines(work: &mut Work, locked: &Locked, attempt: &Attempt, statuses: &[&WorkStatus]) -> Result<Option<i64>, store::Error> {
    let lines: Vec<&LogEvent> = statuses.iter().flat_map(|status| &status.events).collect();
    if lines.is_empty() {
        return Ok(None);
    }
    let Some(stored) = logs::add(work, attempt, &lines).await? else { return Ok(Some(attempt.stored_seq)) };
    for (from, to) in stored.new {
        let purpose = locked.task.purpose;
        let data = json!({"task_id": attempt.task_id, "purpose": purpose, "attempt": attempt.attempt, "from": from, "to": to});
        work.event(locked.task.request_id, "log", data);
    }
    Ok(Some(stored.contiguous))
}

async fn progress(
    context: &Context,
    work: &mut Work,
    locked: &Locked,
    attempt: &Attempt,
    statuses: &[&WorkStatus],
) -> Result<(), store::Error> {
    let highest = statuses.iter().map(|status| status.progress.min(100)).max().unwrap_or(0);
    let message = statuses.last().map(|status| storable(&status.message)).filter(|message| !message.is_empty());
    runs(context, work, locked, attempt.attempt, i16::from(highest), message.as_deref()).await
}

/// Notes that an attempt runs. A report of one that ended or was superseded changes nothing.
async fn runs(
    context: &Context,
    work: &mut Work,
    locked: &Locked,
    attempt: i32,
    progress: i16,
    message: Option<&str>,
) -> Result<(), store::Error> {
    let now = context.clock.now();
    let task = &locked.task;
    let before = locked.state();
    let is_first = matches!(before, State::Claimed(_));
    let event = if is_first { Event::Start { attempt } } else { Event::Progress { attempt } };
    if before.on(event).is_err() {
        return Ok(());
    }
    if !set_running(work, task.id, task.status, progress, message, context.settings.run_margin, now).await? {
        return Ok(());
    }
    let agent = locked.attempt.as_ref().and_then(|owner| owner.agent_id.as_deref()).unwrap_or("chiffon");
    if task.status == Status::Running {
        let shown = json!({"status": "running", "progress": progress.max(task.progress), "message": message.unwrap_or(&task.message)});
        task_story::show(work, task, &shown);
        return Ok(());
    }
    let is_verified = locked.attempt.as_ref().is_none_or(|owner| owner.verified);
    let lease = if is_verified { context.settings.agent_lease } else { unverified::time_to_report(context, task.timeout_seconds) };
    attempts::set_started(work, task.id, attempt, lease, now).await?;
    let what = if is_first { "task.started" } else { "task.resumed" };
    task_story::tell(work, task, Status::Running, agent, what, json!({"agent_id": agent}));
    if !is_first {
        end_task::settle(context, work, task.request_id).await?;
    }
    Ok(())
}

/// The owner of a task that counted as unknown says that it runs (RELIABILITY 13).
pub async fn resolved_by_owner(context: &Context, task_id: Uuid) -> Result<(), store::Error> {
    let mut work = context.begin().await?;
    if tasks::lock_request_of(&mut work, task_id).await?.is_none() {
        return Ok(());
    }
    let Some(locked) = tasks::lock(&mut work, task_id).await?.filter(|locked| locked.task.status == Status::Unknown) else {
        return Ok(());
    };
    runs(context, &mut work, &locked, locked.task.attempt, locked.task.progress, None).await?;
    work.commit().await
}

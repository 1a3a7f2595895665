//! Stopping tasks: what nobody owns ends at once; what an agent owns is asked to stop, and is shown as such until proven
//! (RELIABILITY 15). In the caller's transaction, which holds the request's row.

use chiffon_kernel::store;
use chiffon_kernel::store::outbox::Message;
use chiffon_kernel::verbs::reply::{About, Addressee, envelope};
use chiffon_kernel::verbs::work::Work;
use chiffon_protocol::message::{Command, Control};
use chiffon_protocol::{ErrorCode, Problem};
use serde_json::json;
use uuid::Uuid;

use super::end_task::{self, By, End};
use super::{Context, task_story};
use crate::domain::task::{Event, Status};
use crate::store::task_changes::{Ended, set_cancel_requested};
use crate::store::task_locks;
use crate::store::task_locks::{Locked, OfRequest};
use crate::store::tasks;

/// A task, for people.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Named {
    /// Its id.
    pub task_id: Uuid,
    /// What it does.
    pub title: String,
}

/// What a cancel came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct CancelReport {
    /// Ended before an agent had them.
    pub cancelled: Vec<Named>,
    /// Owned by an agent that is asked to stop.
    pub stopping: Vec<Named>,
}

/// Stops all unfinished tasks of a request.
pub async fn run(context: &Context, work: &mut Work, request_id: Uuid, reason: &str, actor: &str) -> Result<CancelReport, store::Error> {
    let mut report = CancelReport::default();
    for locked in task_locks::lock_unfinished(work, request_id).await? {
        // Ending one may have skipped the ones after it.
        let Some(locked) = task_locks::lock(work, locked.task.id).await? else { continue };
        if !locked.task.status.is_terminal() {
            stop(context, work, &locked, reason, actor, &mut report).await?;
        }
    }
    Ok(report)
}

/// Stops one task and looks at its request again. `None`: there is no such task; an empty report: it had ended before.
pub async fn run_one(
    context: &Context,
    work: &mut Work,
    task_id: Uuid,
    reason: &str,
    actor: &str,
) -> Result<Option<CancelReport>, store::Error> {
    let Some(OfRequest { id: request_id, .. }) = task_locks::lock_request_of(work, task_id).await? else { return Ok(None) };
    let Some(locked) = task_locks::lock(work, task_id).await? else { return Ok(None) };
    let mut report = CancelReport::default();
    if !locked.task.status.is_terminal() {
        stop(context, work, &locked, reason, actor, &mut report).await?;
        end_task::settle(context, work, &[request_id]).await?;
    }
    Ok(Some(report))
}

/// Stops one task that has no use any more. Its request is not looked at.
pub async fn stop_one(context: &Context, work: &mut Work, task_id: Uuid, reason: &str) -> Result<(), store::Error> {
    let Some(locked) = task_locks::lock(work, task_id).await? else { return Ok(()) };
    stop(context, work, &locked, reason, "chiffon", &mut CancelReport::default()).await
}

async fn stop(
    context: &Context,
    work: &mut Work,
    locked: &Locked,
    reason: &str,
    actor: &str,
    report: &mut CancelReport,
) -> Result<(), store::Error> {
    let task = &locked.task;
    let named = Named { task_id: task.id, title: task.title.clone() };
    let Ok(next) = locked.state().on(Event::CancelRequested) else { return Ok(()) };
    if next.status() == Status::Cancelled {
        let was_cut_off = task.attempt > 0 && locked.tries > 0;
        let had = if was_cut_off { "what its cut-off attempt had done stays done" } else { "no agent had begun it" };
        let problem = Problem::new(ErrorCode::CancelledByPerson, format!("{reason}; {had}"));
        let ended = Ended::without_run(task.id, task.status, Status::Cancelled, &problem);
        let by = By { actor, event: "task.cancelled" };
        end_task::run(context, work, vec![End { task, ended, by, particulars: json!({"reason": reason}), has_told: false }]).await?;
        report.cancelled.push(named);
        return Ok(());
    }
    if task.cancel_requested_at.is_none() {
        set_cancel_requested(work, task.id, reason, context.clock.now()).await?;
        task_story::tell(work, task, task.status, actor, "task.cancel_requested", json!({"reason": reason}));
    }
    send_control(context, work, locked, reason).await?;
    report.stopping.push(named);
    Ok(())
}

async fn send_control(context: &Context, work: &mut Work, locked: &Locked, reason: &str) -> Result<(), store::Error> {
    let owner = locked.attempt.as_ref().and_then(|attempt| Some((attempt.agent_id.clone()?, attempt.incarnation?)));
    let Some((agent_id, incarnation)) = owner else { return Ok(()) };
    let to = Addressee { agent_id, incarnation };
    let trace_id = tasks::trace_id(work, locked.task.request_id).await?;
    let about = About { request_id: locked.task.request_id, trace_id };
    let control = Control { command: Command::Cancel, task_id: Some(locked.task.id), attempt: None, reason: reason.to_owned() };
    let envelope = envelope(context, &about, control);
    work.send(Message::control(&to.queue(), &to.agent_id, &envelope));
    Ok(())
}

//! An attempt whose owner can't be asked: its task becomes `unknown`, with what is known. Not an end: its hosts stay taken,
//! and the owner's later report resolves it (RELIABILITY 12 and 13).

use chiffon_kernel::store;
use chiffon_kernel::verbs::work::Work;
use chiffon_protocol::{ErrorCode, Problem};
use serde_json::json;
use uuid::Uuid;

use super::{Context, end_task, retry, task_story};
use crate::domain::task::{Event, Status};
use crate::store::task_changes::set_unknown;
use crate::store::task_locks;
use crate::store::task_locks::Locked;
use crate::store::{attempt_leases, logs};

/// Who may say so: the holder of a lease, under its epoch.
#[derive(Debug, Clone, Copy)]
pub struct Fence {
    /// The lease's name.
    pub lease: &'static str,
    /// The epoch.
    pub epoch: i64,
}

/// What proves that an attempt can't be waited for any longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Its lease is over.
    Silence,
    /// It was to stop, and its time is over.
    Overdue,
}

/// Marks the task unknown, unless something was heard of the attempt by now. With a fence, what proves it must be true and the
/// fence's epoch must count, both in the same transaction.
pub async fn run(
    context: &Context,
    task_id: Uuid,
    attempt: i32,
    code: ErrorCode,
    why: &str,
    fence: Option<(Fence, Proof)>,
) -> Result<bool, store::Error> {
    let mut work = context.begin().await?;
    let Some(request) = task_locks::lock_request_of(&mut work, task_id).await? else { return Ok(false) };
    let Some(locked) = task_locks::lock(&mut work, task_id).await? else { return Ok(false) };
    if let Some((fence, proof)) = fence {
        let due = (proof == Proof::Overdue).then(|| context.clock.now());
        if !attempt_leases::is_expired(&mut work, task_id, attempt, due, fence.lease, fence.epoch).await? {
            return Ok(false);
        }
    }
    if locked.state().on(Event::LeaseExpired { attempt }).is_err() {
        return Ok(false);
    }
    mark(context, &mut work, &locked, code, why).await?;
    end_task::settle(context, &mut work, &[request.id]).await?;
    work.commit().await?;
    let agent = locked.attempt.as_ref().and_then(|owner| owner.agent_id.clone());
    tracing::warn!(%task_id, attempt, agent, "the outcome of a task is unknown");
    Ok(true)
}

/// Marks a task unknown whose state allows it, with what is known. Its request is not looked at.
pub async fn mark(context: &Context, work: &mut Work, locked: &Locked, code: ErrorCode, why: &str) -> Result<(), store::Error> {
    let task = &locked.task;
    let (task_id, attempt) = (task.id, task.attempt);
    let last = logs::last_text(work, task_id, attempt).await?;
    let known = match (&last, task.status) {
        (Some(line), _) => format!("it was at {} %; the last line is: {line}", task.progress),
        (None, Status::Running) => format!("it was at {} % and had said nothing", task.progress),
        (None, _) => "it had not reported that it began".to_owned(),
    };
    let next = retry::judge(context, work, locked).await?;
    let prospect = retry::prospect(context, locked, next, false);
    let message = format!("{why}; {known}. Bring the agent back, which then says what happened. {prospect}");
    let agent = locked.attempt.as_ref().and_then(|owner| owner.agent_id.clone());
    let details = json!({"agent_id": agent, "attempt": attempt, "progress": task.progress, "last_line": last});
    let problem = Problem::new(code, message).with_details(details);
    set_unknown(work, task_id, task.status, &problem, context.clock.now()).await?;
    task_story::tell(work, task, Status::Unknown, "chiffon", "task.unknown", json!({"error": problem}));
    Ok(())
}

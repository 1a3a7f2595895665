//! What a task waits for, written where people look, and only when it has changed.
//!
//! The request shows the same while nothing of it moves: then it is what the request waits for.

use chiffon_kernel::store;
use chiffon_kernel::verbs::work::Work;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Context, task_story};
use crate::domain::placement::Wait;
use crate::store::task_changes::{Waiting, mirror_wait, set_waiting};
use crate::store::tasks::{self, Locked, OfRequest, Task, waiting_value};

/// Notes that a ready task waits for this, by the key under which it is kept until that may have changed.
pub async fn run(
    context: &Context,
    work: &mut Work,
    request: &OfRequest,
    task: &Task,
    why: &Wait,
    wait_key: &str,
) -> Result<(), store::Error> {
    let waiting_for = value(context, task, why);
    let waiting = Waiting {
        task_id: task.id,
        from: task.status,
        waiting_for: &waiting_for,
        wait_key: Some(wait_key),
        not_before: None,
        excluded: None,
        message: &task.message,
        next_offer: false,
    };
    back(context, work, request, task, &waiting).await
}

/// Puts a task into `waiting` and shows why.
pub async fn back(context: &Context, work: &mut Work, request: &OfRequest, task: &Task, waiting: &Waiting<'_>) -> Result<(), store::Error> {
    let now = context.clock.now();
    set_waiting(work, waiting, now).await?;
    if waiting.wait_key.is_none() {
        work.wake_dispatcher();
    }
    let shown = json!({"status": "waiting", "waiting_for": waiting.waiting_for});
    task_story::show(work, task, &shown);
    mirror(work, request, Some(waiting.waiting_for)).await
}

/// `{what, since, text}`; the time stays while the thing stays the same.
pub fn value(context: &Context, task: &Task, why: &Wait) -> Value {
    let since = task
        .waiting_for
        .as_ref()
        .filter(|before| before["what"] == why.what.as_str())
        .and_then(|before| serde_json::from_value(before["since"].clone()).ok())
        .unwrap_or_else(|| context.clock.now());
    waiting_value(why, since)
}

/// The request does not wait for an agent any more: one of its tasks went out.
pub async fn over(work: &mut Work, request: &OfRequest) -> Result<(), store::Error> {
    mirror(work, request, None).await
}

/// Shows in its request what a task waits for, as far as nothing of it moves. Both are read again.
pub async fn mirror_task(work: &mut Work, task_id: Uuid) -> Result<(), store::Error> {
    let Some(request) = tasks::lock_request_of(work, task_id).await? else { return Ok(()) };
    let Some(Locked { task, .. }) = tasks::lock(work, task_id).await? else { return Ok(()) };
    mirror(work, &request, task.waiting_for.as_ref()).await
}

async fn mirror(work: &mut Work, request: &OfRequest, waiting_for: Option<&Value>) -> Result<(), store::Error> {
    if mirror_wait(work, request.id, waiting_for).await? {
        let data = json!({"status": request.status, "waiting_for": waiting_for});
        work.event(request.id, "request", data);
    }
    Ok(())
}

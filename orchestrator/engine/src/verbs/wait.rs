//! What a task waits for, written where people look, and only when it has changed.
//!
//! The request shows the same while nothing of it moves: then it is what the request waits for.

use std::collections::BTreeMap;

use chiffon_kernel::domain::waiting::{Wait, WaitingFor};
use chiffon_kernel::store;
use chiffon_kernel::verbs::work::Work;
use serde_json::json;
use uuid::Uuid;

use super::{Context, task_story};
use crate::store::task_locks;
use crate::store::task_locks::{Locked, OfRequest};
use crate::store::task_waits::{Waiting, mirror_wait, set_waiting, unmirror_waits};
use crate::store::tasks::Task;

/// A ready task, and what it waits for.
#[derive(Debug)]
pub struct Explained<'e> {
    /// The request.
    pub request: &'e OfRequest,
    /// The task.
    pub task: &'e Task,
    /// What it waits for.
    pub why: &'e Wait,
    /// By which it is kept until that may have changed.
    pub wait_key: &'e str,
}

/// Notes what ready tasks wait for.
pub async fn run(context: &Context, work: &mut Work, explained: &[Explained<'_>]) -> Result<(), store::Error> {
    let values: Vec<WaitingFor> = explained.iter().map(|explained| value(context, explained.task, explained.why)).collect();
    let waiting: Vec<Waiting<'_>> = explained
        .iter()
        .zip(&values)
        .map(|(explained, waiting_for)| Waiting {
            task_id: explained.task.id,
            from: explained.task.status,
            waiting_for,
            wait_key: Some(explained.wait_key),
            not_before: None,
            excluded: None,
            message: &explained.task.message,
            next_offer: false,
        })
        .collect();
    let now = work.now();
    set_waiting(work, &waiting, now).await?;
    let mut mirrored: BTreeMap<Uuid, (&OfRequest, &WaitingFor)> = BTreeMap::new();
    for (explained, waiting_for) in explained.iter().zip(&values) {
        task_story::show(work, explained.task, &json!({"status": "waiting", "waiting_for": waiting_for}));
        mirrored.insert(explained.request.id, (explained.request, waiting_for));
    }
    for (request, waiting_for) in mirrored.into_values() {
        mirror(work, request, waiting_for).await?;
    }
    Ok(())
}

/// Puts a task into `waiting` and shows why.
pub async fn back(work: &mut Work, request: &OfRequest, task: &Task, waiting: &Waiting<'_>) -> Result<(), store::Error> {
    let now = work.now();
    set_waiting(work, std::slice::from_ref(waiting), now).await?;
    if waiting.wait_key.is_none() {
        work.wake_dispatcher();
    }
    task_story::show(work, task, &json!({"status": "waiting", "waiting_for": waiting.waiting_for}));
    mirror(work, request, waiting.waiting_for).await
}

/// The reason with its time, which stays while the thing stays the same.
pub fn value(context: &Context, task: &Task, why: &Wait) -> WaitingFor {
    let before = task.waiting_for.as_ref().filter(|before| before.what == why.what);
    why.clone().since(before.map_or_else(|| context.clock.now(), |before| before.since))
}

/// The requests do not wait for an agent any more: tasks of theirs went out.
pub async fn over(work: &mut Work, requests: &[&OfRequest]) -> Result<(), store::Error> {
    let ids: Vec<Uuid> = requests.iter().map(|request| request.id).collect();
    let shown = unmirror_waits(work, &ids).await?;
    for request in requests.iter().filter(|request| shown.contains(&request.id)) {
        work.event(request.id, "request", json!({"status": request.status, "waiting_for": null}));
    }
    Ok(())
}

/// Shows in its request what a task waits for, as far as nothing of it moves. Both are read again.
pub async fn mirror_task(work: &mut Work, task_id: Uuid) -> Result<(), store::Error> {
    let Some(request) = task_locks::lock_request_of(work, task_id).await? else { return Ok(()) };
    let Some(Locked { task, .. }) = task_locks::lock(work, task_id).await? else { return Ok(()) };
    match &task.waiting_for {
        Some(waiting_for) => mirror(work, &request, waiting_for).await,
        None => over(work, &[&request]).await,
    }
}

async fn mirror(work: &mut Work, request: &OfRequest, waiting_for: &WaitingFor) -> Result<(), store::Error> {
    if mirror_wait(work, request.id, waiting_for).await? {
        work.event(request.id, "request", json!({"status": request.status, "waiting_for": waiting_for}));
    }
    Ok(())
}

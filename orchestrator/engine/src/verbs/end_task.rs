//! Ending a task, however it came to its end: one path for results, cancels, and parameters that can't be filled in.
//!
//! Its hosts are given back, the steps after it are skipped unless it completed, what it did is recorded, and the request is
//! looked at again. All in the caller's transaction, which holds the request's row.

use chiffon_kernel::store;
use chiffon_kernel::verbs::work::Work;
use chiffon_protocol::message::Mode;
use chiffon_protocol::{ErrorCode, Problem};
use chiffon_records::verbs::record;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::domain::task::{Purpose, Status};
use crate::store::task_changes::{Ended, set_ended};
use crate::store::tasks::{self, Task};
use crate::store::{attempts, dispatch, host_locks, host_results, ready};
use crate::verbs::{Context, fresh_preview, task_story};

/// Who ended it, and what the audit log calls that.
#[derive(Debug, Clone, Copy)]
pub struct By<'a> {
    /// The principal's or agent's name, or `chiffon`.
    pub actor: &'a str,
    /// Such as `task.finished`.
    pub event: &'static str,
}

/// Ends it. The request is not looked at: a caller that ends several tasks does that once, with [`settle`].
pub async fn run(
    context: &Context,
    work: &mut Work,
    task: &Task,
    ended: &Ended<'_>,
    by: By<'_>,
    particulars: Value,
) -> Result<(), store::Error> {
    if task.attempt > 0 {
        // Whoever was killed, or does not tell hosts apart, has still said what it changed while it ran.
        host_results::add_from_log(work, task.id, context.clock.now()).await?;
    }
    set_ended(work, ended, context.clock.now()).await?;
    task_story::tell(work, task, ended.to, by.actor, by.event, particulars);
    fresh_preview::say(context, work, task).await?;
    let has_run = ended.changed.is_some() || task.attempt > 0 && attempts::count_tries(work, task.id).await? > 0;
    follow(context, work, task, ended.to, has_run).await
}

/// What follows from an end that is stored and audited.
pub async fn follow(context: &Context, work: &mut Work, task: &Task, to: Status, has_run: bool) -> Result<(), store::Error> {
    host_locks::release(work, task.id).await?;
    // For others its end may be a beginning.
    work.wake_dispatcher();
    work.wake_scribe();
    // What never ran has nothing to record, and what only looked has neither, unless it changed something all the same.
    let is_change = task.purpose == Purpose::Apply && task.mode == Mode::Apply && has_run;
    if is_change || host_results::has_changed(work, task.id).await? {
        record::task_finished(context, work, task.id).await?;
    }
    if to == Status::Completed {
        ready::wake_steps_after(work, task.plan_id, task.purpose.as_str(), &task.step_id).await?;
    }
    // A person may still say that it is done, or try it again: what comes after it waits for that.
    let is_open = to == Status::Interrupted && task.purpose == Purpose::Apply && task.cancel_requested_at.is_none();
    if to != Status::Completed && !is_open {
        skip_dependents(context, work, task, to).await?;
    }
    Ok(())
}

/// Looks at the request again after its tasks have changed.
pub async fn settle(context: &Context, work: &mut Work, request_id: Uuid) -> Result<(), store::Error> {
    context.run.settle(context, work, request_id).await
}

async fn skip_dependents(context: &Context, work: &mut Work, task: &Task, ended: Status) -> Result<(), store::Error> {
    let dependents = dispatch::list_dependents(work, task.plan_id, task.purpose.as_str(), &task.step_id).await?;
    for id in dependents {
        let Some(locked) = tasks::lock(work, id).await? else { continue };
        let message = format!("step `{}` ({}) is {}; this step needs it and was not tried", task.step_id, task.title, ended.as_str());
        let problem = Problem::new(ErrorCode::DependencyFailed, message).with_details(json!({"step_id": task.step_id, "task_id": task.id}));
        let skipped = Ended::without_run(id, locked.task.status, Status::Skipped, &problem);
        set_ended(work, &skipped, context.clock.now()).await?;
        let particulars = json!({"because_of": task.step_id});
        task_story::tell(work, &locked.task, Status::Skipped, "chiffon", "task.skipped", particulars);
    }
    Ok(())
}

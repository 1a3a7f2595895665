//! Ending tasks, however they came to their end: one path for results, cancels, and parameters that can't be filled in.
//!
//! Their hosts are given back, the steps after one are skipped unless it completed, what it did is recorded, and its request is
//! looked at again. All in the caller's transaction, which holds the requests' rows; in one statement for all wherever that can be.

use std::collections::BTreeMap;

use chiffon_kernel::store;
use chiffon_kernel::verbs::work::Work;
use chiffon_protocol::message::Mode;
use chiffon_protocol::{ErrorCode, Problem};
use chiffon_records::verbs::record;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::domain::task::{Purpose, Status};
use crate::store::task_changes::{Ended, set_ended};
use crate::store::task_locks;
use crate::store::tasks::Task;
use crate::store::{attempts, dispatch, host_locks, host_results};
use crate::verbs::{Context, fresh_preview, task_story};

/// Who ended it, and what the audit log calls that.
#[derive(Debug, Clone, Copy)]
pub struct By<'a> {
    /// The principal's or agent's name, or `chiffon`.
    pub actor: &'a str,
    /// Such as `task.finished`.
    pub event: &'static str,
}

/// A task that ends.
#[derive(Debug)]
pub struct End<'e> {
    /// As it was before.
    pub task: &'e Task,
    /// How.
    pub ended: Ended<'e>,
    /// By whom.
    pub by: By<'e>,
    /// What the audit log has beside its names.
    pub particulars: Value,
    /// Whether its owner has told of each host what became of it, and nobody else was its owner before.
    pub has_told: bool,
}

/// Ends them. Their requests are not looked at: a caller that ends several tasks does that once, with [`settle`].
pub async fn run(context: &Context, work: &mut Work, ends: Vec<End<'_>>) -> Result<(), store::Error> {
    let now = work.now();
    let tried: Vec<Uuid> = ends.iter().filter(|end| end.task.attempt > 0 && !end.has_told).map(|end| end.task.id).collect();
    if !tried.is_empty() {
        // Whoever was killed, or does not tell hosts apart, has still said what it changed while it ran.
        host_results::add_from_log(work, &tried, now).await?;
    }
    set_ended(work, &ends.iter().map(|end| &end.ended).collect::<Vec<_>>(), now).await?;
    let unsure: Vec<Uuid> = ends.iter().filter(|end| end.ended.changed.is_none() && end.task.attempt > 0).map(|end| end.task.id).collect();
    let may_have_run = if unsure.is_empty() { BTreeMap::new() } else { attempts::count_tries_of(work, &unsure).await? };
    let mut followed = Vec::with_capacity(ends.len());
    for End { task, ended, by, particulars, .. } in ends {
        task_story::tell(work, task, ended.to, by.actor, by.event, particulars);
        fresh_preview::say(context, work, task).await?;
        followed.push(Followed { task, to: ended.to, has_run: ended.changed.is_some() || may_have_run.contains_key(&task.id) });
    }
    follow(context, work, &followed).await
}

/// A task whose end is stored and audited.
#[derive(Debug, Clone, Copy)]
pub struct Followed<'f> {
    /// As it was before.
    pub task: &'f Task,
    /// What it became.
    pub to: Status,
    /// Whether anything was executed.
    pub has_run: bool,
}

/// What follows from ends.
pub async fn follow(context: &Context, work: &mut Work, ends: &[Followed<'_>]) -> Result<(), store::Error> {
    let completed: Vec<(Uuid, &str, &str)> = ends
        .iter()
        .filter(|end| end.to == Status::Completed)
        .map(|end| (end.task.plan_id, end.task.purpose.as_str(), end.task.step_id.as_str()))
        .collect();
    host_locks::release_after(work, &ends.iter().map(|end| end.task.id).collect::<Vec<_>>(), &completed).await?;
    // For others it may be a beginning.
    work.wake_dispatcher();
    // What never ran has nothing to record, and what only looked has neither, unless it changed something all the same.
    let is_change = |end: &&Followed<'_>| end.task.purpose == Purpose::Apply && end.task.mode == Mode::Apply && end.has_run;
    let (changes, others): (Vec<&Followed<'_>>, Vec<&Followed<'_>>) = ends.iter().partition(is_change);
    let mut recorded: Vec<Uuid> = changes.iter().map(|end| end.task.id).collect();
    if !others.is_empty() {
        recorded.extend(host_results::which_changed(work, &others.iter().map(|end| end.task.id).collect::<Vec<_>>()).await?);
    }
    if !recorded.is_empty() {
        record::tasks_finished(context, work, &recorded).await?;
    }
    for end in ends {
        // A person may still say that it is done, or try it again: what comes after it waits for that.
        let is_open = end.to == Status::Interrupted && end.task.purpose == Purpose::Apply && end.task.cancel_requested_at.is_none();
        if end.to != Status::Completed && !is_open {
            skip_dependents(work, end.task, end.to).await?;
        }
    }
    Ok(())
}

/// Looks at requests again after their tasks have changed.
pub async fn settle(context: &Context, work: &mut Work, request_ids: &[Uuid]) -> Result<(), store::Error> {
    context.run.settle(context, work, request_ids).await
}

async fn skip_dependents(work: &mut Work, task: &Task, ended: Status) -> Result<(), store::Error> {
    let dependents = dispatch::list_dependents(work, task.plan_id, task.purpose.as_str(), &task.step_id).await?;
    if dependents.is_empty() {
        return Ok(());
    }
    let message = format!("step `{}` ({}) is {}; this step needs it and was not tried", task.step_id, task.title, ended.as_str());
    let problem = Problem::new(ErrorCode::DependencyFailed, message).with_details(json!({"step_id": task.step_id, "task_id": task.id}));
    let locked = task_locks::lock_all(work, &dependents).await?;
    let skipped: Vec<Ended<'_>> =
        locked.iter().map(|locked| Ended::without_run(locked.task.id, locked.task.status, Status::Skipped, &problem)).collect();
    let now = work.now();
    set_ended(work, &skipped.iter().collect::<Vec<_>>(), now).await?;
    for locked in &locked {
        let particulars = json!({"because_of": task.step_id});
        task_story::tell(work, &locked.task, Status::Skipped, "chiffon", "task.skipped", particulars);
    }
    Ok(())
}

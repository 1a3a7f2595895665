//! Ending tasks, however they came to their end: one path for results, cancels, and parameters that can't be filled in.
//!
//! Their hosts are given back, the steps after one are skipped unless it completed or its run wants something else, what it did is
//! recorded, and its request is looked at again. All in the caller's transaction, which holds the requests' rows; in one statement for all wherever that can be.

use std::collections::BTreeMap;

use chiffon_kernel::domain::audit::AuditEvent;
use chiffon_kernel::store;
use chiffon_kernel::verbs::work::Work;
use chiffon_plans::domain::asks::OnFailure;
use chiffon_protocol::message::Mode;
use chiffon_protocol::{ErrorCode, Problem};
use chiffon_records::verbs::record;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::domain::task::{Purpose, Status};
use crate::store::task_changes::{Ended, set_consequences, set_ended};
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
        followed
            .push(Followed { has_run: ended.changed.is_some() || may_have_run.contains_key(&task.id), ..Followed::new(task, ended.to) });
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
    /// What becomes of the steps after it, where that is known and the run is not to be asked.
    pub consequence: Option<OnFailure>,
}

impl<'f> Followed<'f> {
    /// One that has executed something, and after which all is as always unless its run says otherwise.
    pub fn new(task: &'f Task, to: Status) -> Self {
        Self { task, to, has_run: true, consequence: None }
    }
}

/// What follows from ends.
pub async fn follow(context: &Context, work: &mut Work, ends: &[Followed<'_>]) -> Result<(), store::Error> {
    let consequences = consequences(context, work, ends).await?;
    let passed: Vec<(Uuid, &str, &str)> = ends
        .iter()
        .filter(|end| end.to == Status::Completed || consequences.get(&end.task.id) == Some(&OnFailure::Continue))
        .map(|end| (end.task.plan_id, end.task.purpose.as_str(), end.task.step_id.as_str()))
        .collect();
    host_locks::release_after(work, &ends.iter().map(|end| end.task.id).collect::<Vec<_>>(), &passed).await?;
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
        if end.to == Status::Completed || is_open {
            continue;
        }
        match consequences.get(&end.task.id).copied().unwrap_or(OnFailure::Abort) {
            OnFailure::Continue => {}
            consequence @ (OnFailure::Abort | OnFailure::Skip) => skip_dependents(work, end.task, end.to, consequence).await?,
        }
    }
    Ok(())
}

/// What becomes of the steps after those that have ended other than completed, where that is not as always; stored with them. The run is
/// asked where it is to be. What a person wanted stopped is as always: that is no failure.
async fn consequences(context: &Context, work: &mut Work, ends: &[Followed<'_>]) -> Result<BTreeMap<Uuid, OnFailure>, store::Error> {
    let mut consequences = BTreeMap::new();
    for end in ends {
        let is_asked = end.to == Status::Failed && end.task.asks.on_failure && end.task.cancel_requested_at.is_none();
        let consequence = match end.consequence {
            None if is_asked => context.run.on_failure(context, work, end.task).await?,
            known => known.unwrap_or(OnFailure::Abort),
        };
        if consequence != OnFailure::Abort {
            consequences.insert(end.task.id, consequence);
        }
    }
    if !consequences.is_empty() {
        set_consequences(work, &consequences.iter().map(|(id, consequence)| (*id, *consequence)).collect::<Vec<_>>()).await?;
    }
    for end in ends {
        if let Some(consequence) = consequences.get(&end.task.id).filter(|_| end.consequence.is_none()) {
            let data = json!({"task_id": end.task.id, "step_id": end.task.step_id, "consequence": consequence});
            work.audit(end.task.request_id, AuditEvent::by_chiffon("task.failure_passed", data));
        }
    }
    Ok(consequences)
}

/// Looks at requests again after their tasks have changed.
pub async fn settle(context: &Context, work: &mut Work, request_ids: &[Uuid]) -> Result<(), store::Error> {
    context.run.settle(context, work, request_ids).await
}

async fn skip_dependents(work: &mut Work, task: &Task, ended: Status, consequence: OnFailure) -> Result<(), store::Error> {
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
    if consequence != OnFailure::Abort {
        set_consequences(work, &locked.iter().map(|locked| (locked.task.id, consequence)).collect::<Vec<_>>()).await?;
    }
    for locked in &locked {
        let particulars = json!({"because_of": task.step_id});
        task_story::tell(work, &locked.task, Status::Skipped, "chiffon", "task.skipped", particulars);
    }
    Ok(())
}

//! The dry run that a person sees before they decide about a change that was cut off and is declared `check_first` (RELIABILITY 13):
//! made once for each such attempt when that is proved not to run any more, shown where people look, and ended when it has no use.

use std::collections::{BTreeMap, BTreeSet};

use chiffon_kernel::store;
use chiffon_kernel::verbs::work::Work;
use serde_json::json;
use uuid::Uuid;

use super::{Context, cancel_tasks, end_task, retry, task_story};
use crate::domain::task::{Next, Purpose, Status};
use crate::store::fresh_previews::{self, Fresh};
use crate::store::progress::TaskLine;
use crate::store::task_locks;
use crate::store::task_locks::{Locked, OfRequest};
use crate::store::tasks::Task;

/// Sees to the fresh dry runs of plans whose changes stand so: makes what is due, ends what has no use any more. Those that a
/// person who decides wants to see.
pub async fn keep(context: &Context, work: &mut Work, changes: &BTreeMap<Uuid, Vec<TaskLine>>) -> Result<Vec<Fresh>, store::Error> {
    let plan_ids: Vec<Uuid> = changes.keys().copied().collect();
    let open: BTreeSet<Uuid> = changes.values().flatten().filter(|task| task.needs_a_person()).map(|task| task.id).collect();
    let any = changes.values().flatten().any(|task| task.was_looked_at_again);
    let mut shown = if any { fresh_previews::list(work, &plan_ids).await? } else { Vec::new() };
    let mut is_changed = false;
    for fresh in &shown {
        let is_wanted = fresh.is_newest && open.contains(&fresh.of);
        if !is_wanted && !fresh.stopping && !fresh.status().is_terminal() {
            let reason = "what was cut off was decided about, or has ended by itself; its dry run has no use any more";
            cancel_tasks::stop_one(context, work, fresh.id, reason).await?;
            is_changed = true;
        }
    }
    let cut_off = changes.values().flatten().filter(|task| task.status == Status::Interrupted.as_str() && task.needs_a_person());
    for task in cut_off {
        if let Some(locked) = task_locks::lock(work, task.id).await? {
            is_changed |= make(context, work, &locked).await?;
        }
    }
    if is_changed {
        shown = fresh_previews::list(work, &plan_ids).await?;
    }
    shown.retain(|fresh| fresh.is_newest && open.contains(&fresh.of));
    Ok(shown)
}

/// Makes it for a change whose attempt is proved not to run any more; whether that was due. The request's row is locked.
pub(super) async fn make(context: &Context, work: &mut Work, locked: &Locked) -> Result<bool, store::Error> {
    if retry::judge(context, work, locked).await? != Next::Check {
        return Ok(false);
    }
    let (task, now) = (&locked.task, context.clock.now());
    let Some(id) = fresh_previews::make(work, task.id, context.ids.new_id(), now).await? else { return Ok(false) };
    let Some(preview) = task_locks::lock(work, id).await? else { return Ok(false) };
    work.wake_dispatcher();
    let particulars = json!({"of": task.id, "after_attempt": task.attempt, "reason": "before a person decides about what was cut off"});
    task_story::tell(work, &preview.task, Status::Pending, "chiffon", "task.previewed_again", particulars);
    Ok(true)
}

/// Says in the conversation what one found that has just ended.
pub(super) async fn say(context: &Context, work: &mut Work, task: &Task) -> Result<(), store::Error> {
    if task.purpose != Purpose::Preview {
        return Ok(());
    }
    let ended = fresh_previews::list(work, &[task.plan_id]).await?.into_iter().find(|fresh| fresh.id == task.id && fresh.is_newest);
    let Some(fresh) = ended.filter(|fresh| !fresh.stopping && fresh.status() != Status::Cancelled) else { return Ok(()) };
    context.run.say(work, task.request_id, &fresh.sentence()).await
}

/// Shows in its request what one waits for, or that it does not wait any more.
pub(super) async fn show(context: &Context, work: &mut Work, request: &OfRequest, task: &Task) -> Result<(), store::Error> {
    if task.purpose == Purpose::Preview && request.status == "needs_attention" {
        end_task::settle(context, work, &[request.id]).await?;
    }
    Ok(())
}

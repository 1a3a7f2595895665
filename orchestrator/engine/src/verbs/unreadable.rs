//! A task that can't be offered because something stored of it can't be read: it is given up with the name of what that is, and all others
//! go on. What stood in its row is kept in the audit log.

use chiffon_kernel::store;
use chiffon_protocol::{ErrorCode, Problem};
use serde_json::json;
use uuid::Uuid;

use super::end_task::{self, By, End};
use crate::domain::task::Status;
use crate::store::task_changes::Ended;
use crate::store::task_locks;
use crate::store::tasks;
use crate::verbs::Context;

/// Gives the task up if this is bad data; every other error goes back.
pub async fn give_up(context: &Context, task_id: Uuid, error: store::Error) -> Result<(), store::Error> {
    if !matches!(error, store::Error::BadData { .. }) {
        return Err(error);
    }
    tracing::error!(%task_id, code = ErrorCode::StoredDataUnreadable.number(), %error, "what is stored can't be read; its task is given up");
    match end(context, task_id, error.into()).await {
        // Not even its end can be written: it stands still by itself.
        Err(store::Error::BadData { table, column, id, .. }) => {
            tracing::error!(%task_id, table, column, id, "nor can its end be written, because this can't be read either");
            Ok(())
        }
        other => other,
    }
}

async fn end(context: &Context, task_id: Uuid, problem: Problem) -> Result<(), store::Error> {
    let mut work = context.begin().await?;
    if task_locks::lock_request_of(&mut work, task_id).await?.is_none() {
        return Ok(());
    }
    let set_aside = tasks::set_unreadable_aside(&mut work, task_id).await?;
    let Some(locked) = task_locks::lock(&mut work, task_id).await? else { return Ok(()) };
    let task = locked.task;
    if !matches!(task.status, Status::Pending | Status::Waiting) {
        return Ok(());
    }
    let ended = Ended::without_run(task.id, task.status, Status::Failed, &problem);
    let by = By { actor: "chiffon", event: "task.failed" };
    let particulars = json!({"error": problem, "set_aside": set_aside});
    end_task::run(context, &mut work, vec![End { task: &task, ended, by, particulars, has_told: false }]).await?;
    end_task::settle(context, &mut work, &[task.request_id]).await?;
    work.commit().await
}

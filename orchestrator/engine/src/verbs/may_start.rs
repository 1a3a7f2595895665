//! Asking the run of a task, once all before it is over, whether it goes: in a transaction of its own, with what follows from the answer.
//!
//! Asked once: a task that may go is not asked about again, however often it is offered.

use chiffon_kernel::store;
use chiffon_kernel::verbs::work::Work;
use chiffon_protocol::Problem;
use serde_json::json;
use uuid::Uuid;

use super::end_task::{self, By, End};
use super::run::Start;
use super::{Context, leave_out};
use crate::domain::task::{Event, Status};
use crate::store::ready;
use crate::store::task_changes::{Ended, set_may_start};
use crate::store::task_locks::{self, Locked};
use crate::store::tasks::Task;

/// Asks, and does what follows; `false` where it is not to be asked any more, or not yet.
pub(super) async fn run(context: &Context, task_id: Uuid) -> Result<bool, store::Error> {
    let mut work = context.begin().await?;
    let Some(request) = task_locks::lock_request_of(&mut work, task_id).await? else { return Ok(false) };
    let Some(Locked { task, .. }) = task_locks::lock(&mut work, task_id).await?.filter(is_open) else { return Ok(false) };
    // Under the request's lock: a task may have been made meanwhile for which this one waits.
    if request.plan_id != Some(task.plan_id) || request.held || !ready::is_ready(&mut work, task_id).await? {
        return Ok(false);
    }
    match context.run.may_start(context, &mut work, &task).await? {
        Start::Go => {
            set_may_start(&mut work, task.id).await?;
            work.wake_dispatcher();
        }
        Start::LeaveOut(reason) => {
            leave_out::one(context, &mut work, &task, "chiffon", &reason).await?;
            end_task::settle(context, &mut work, &[task.request_id]).await?;
        }
        Start::Fail(problem) => fail(context, &mut work, &task, &problem).await?,
    }
    work.commit().await?;
    Ok(true)
}

fn is_open(locked: &Locked) -> bool {
    let next = locked.state().on(Event::DependenciesMet).and_then(|ready| ready.on(Event::LeaveOut));
    locked.task.asks.when && next.is_ok()
}

async fn fail(context: &Context, work: &mut Work, task: &Task, problem: &Problem) -> Result<(), store::Error> {
    let ended = Ended::without_run(task.id, task.status, Status::Failed, problem);
    let by = By { actor: "chiffon", event: "task.failed" };
    end_task::run(context, work, vec![End { task, ended, by, particulars: json!({"error": problem}), has_told: false }]).await?;
    end_task::settle(context, work, &[task.request_id]).await
}

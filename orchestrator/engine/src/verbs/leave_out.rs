//! Leaving tasks out: they are skipped, what follows goes on, and the run does not fail for them. In the caller's transaction.
//!
//! By a person who approves a part of a plan, or by the run of a task whose condition does not hold.

use chiffon_kernel::store;
use chiffon_kernel::verbs::work::Work;
use chiffon_plans::domain::asks::OnFailure;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::end_task::{self, Followed};
use super::{Context, task_story};
use crate::domain::task::{Event, Status};
use crate::store::task_changes::{Ended, set_ended};
use crate::store::task_locks;
use crate::store::tasks::Task;

/// Steps that a person has left out of the plan that they approve.
#[derive(Debug, Clone)]
pub struct LeftOut {
    /// The steps.
    pub steps: Vec<String>,
    /// Who.
    pub by: String,
}

/// Leaves the tasks of these steps out, which have just been made for the plan's run.
pub async fn of_plan(context: &Context, work: &mut Work, plan_id: Uuid, left_out: &LeftOut) -> Result<(), store::Error> {
    let ids = task_locks::list_of_steps(work, plan_id, &left_out.steps).await?;
    let reason = format!("left out by {} at approval", left_out.by);
    for locked in task_locks::lock_all(work, &ids).await? {
        locked.state().on(Event::LeaveOut).map_err(|source| store::Error::Transition {
            table: "tasks",
            id: locked.task.id.to_string(),
            source: source.into(),
        })?;
        one(context, work, &locked.task, &left_out.by, &reason).await?;
    }
    Ok(())
}

/// What follows goes on: a person who wrote "only if" did not mean that everything after it falls away, too.
pub(super) async fn one(context: &Context, work: &mut Work, task: &Task, by: &str, reason: &str) -> Result<(), store::Error> {
    let ended = Ended {
        task_id: task.id,
        from: task.status,
        to: Status::Skipped,
        output: Some(reason),
        outputs: Value::Object(Map::new()),
        changed: None,
        warnings: json!([]),
        preview: None,
        error: None,
        started_at: None,
    };
    let now = work.now();
    set_ended(work, &[&ended], now).await?;
    task_story::tell(work, task, Status::Skipped, by, "task.left_out", json!({"reason": reason}));
    let followed = Followed { has_run: false, consequence: Some(OnFailure::Continue), ..Followed::new(task, Status::Skipped) };
    end_task::follow(context, work, &[followed]).await
}

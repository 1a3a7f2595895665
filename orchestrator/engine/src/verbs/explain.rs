//! Telling people why tasks wait: many in one transaction, each once.

use std::collections::BTreeSet;

use chiffon_kernel::domain::waiting::{Wait, What};
use chiffon_kernel::store;
use uuid::Uuid;

use super::wait::{self, Explained};
use super::{Context, fresh_preview};
use crate::domain::task::Status;
use crate::store::task_locks::Locked;
use crate::store::tasks::Task;
use crate::store::{held, ready};

/// A task of which nobody was told yet why it waits.
#[derive(Debug)]
pub(super) struct Unexplained {
    /// The task.
    pub(super) task_id: Uuid,
    /// Why.
    pub(super) why: Wait,
    /// By which it is kept out of looks.
    pub(super) key: String,
}

/// Tells it, as far as it still is so.
pub(super) async fn run(context: &Context, unexplained: &[Unexplained]) -> Result<(), store::Error> {
    if unexplained.is_empty() {
        return Ok(());
    }
    let mut work = context.begin().await?;
    let ids: Vec<Uuid> = unexplained.iter().map(|unexplained| unexplained.task_id).collect();
    let held = held::hold(&mut work, &ids).await?;
    let (mut explained, mut told, mut planned_again) = (Vec::new(), Vec::new(), BTreeSet::new());
    for Unexplained { task_id, why, key } in unexplained {
        let Some((request, Locked { task, .. })) = held.get(*task_id) else { continue };
        let waits = matches!(task.status, Status::Pending | Status::Waiting) && task.wait_key.as_deref() == Some(key);
        if !waits || planned_again.contains(&request.id) {
            continue;
        }
        if why.what == What::Action && context.run.plan_again(context, &mut work, request.id).await? {
            planned_again.insert(request.id);
        } else if task.status == Status::Waiting && says(task, why) {
            told.push(*task_id);
        } else {
            explained.push(Explained { request, task, why, wait_key: key });
        }
    }
    // Tasks of a plan that is made again wait for nothing any more.
    explained.retain(|explained| !planned_again.contains(&explained.request.id));
    if !told.is_empty() {
        ready::set_explained(&mut work, &told).await?;
    }
    if !explained.is_empty() {
        wait::run(context, &mut work, &explained).await?;
    }
    for explained in explained {
        fresh_preview::show(context, &mut work, explained.request, explained.task).await?;
    }
    work.commit().await
}

fn says(task: &Task, why: &Wait) -> bool {
    task.waiting_for.as_ref().is_some_and(|before| before.text == why.text)
}

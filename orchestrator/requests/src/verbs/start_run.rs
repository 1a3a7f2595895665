//! The start of plans' runs: each is approved, its tasks are made, and its request moves on. One path for what a person has just approved, for
//! what people stand for, and for what needs nobody; in the caller's transaction, with the requests' rows locked.

use chiffon_engine::verbs::create_tasks::{self, NewTasks};
use chiffon_engine::verbs::leave_out::{self, LeftOut};
use chiffon_kernel::store;
use chiffon_kernel::verbs::work::Work;
use chiffon_plans::domain::plan::PlanDocument;
use chiffon_plans::domain::plan_state::State;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::transition::{self, Change};
use crate::store::plans;
use crate::store::requests::Row;
use crate::verbs::{Context, freeze};

/// A plan that is fixed.
#[derive(Debug, Clone, Copy)]
pub struct Fixed<'p> {
    /// Its id.
    pub id: Uuid,
    /// Where it stands.
    pub state: State,
    /// Its hash.
    pub sha256: Option<&'p str>,
    /// That of its steps alone; `None` where the version before has fixed it.
    pub steps_sha256: Option<&'p str>,
    /// The document.
    pub document: &'p PlanDocument,
}

impl<'p> Fixed<'p> {
    /// As it is stored.
    pub fn of(plan: &'p plans::Row) -> Self {
        let (sha256, steps_sha256) = (plan.sha256.as_deref(), plan.steps_sha256.as_deref());
        Self { id: plan.id, state: plan.state, sha256, steps_sha256, document: &plan.document }
    }
}

/// A run to be started.
#[derive(Debug)]
pub struct Start<'s> {
    /// The request.
    pub row: &'s mut Row,
    /// Its plan.
    pub plan: Fixed<'s>,
    /// Moves the request, and says by whose word.
    pub change: Change,
    /// What of it does not run, and who has said so.
    pub left_out: Option<LeftOut>,
}

/// Starts them at this time, which is that of their approvals.
pub async fn run(context: &Context, work: &mut Work, starts: Vec<Start<'_>>, at: DateTime<Utc>) -> Result<(), store::Error> {
    if starts.is_empty() {
        return Ok(());
    }
    plans::approve(work, &starts.iter().map(|start| (start.plan.id, start.plan.state)).collect::<Vec<_>>(), at).await?;
    let tasks: Vec<NewTasks<'_>> = starts.iter().map(|start| freeze::new_tasks(start.row, start.plan.id, start.plan.document)).collect();
    create_tasks::apply(context, work, &tasks).await?;
    for start in &starts {
        if let Some(left_out) = &start.left_out {
            leave_out::of_plan(context, work, start.plan.id, left_out).await?;
        }
    }
    transition::apply_all(context, work, starts.into_iter().map(|start| (start.row, start.change)).collect()).await
}

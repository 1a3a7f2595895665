//! The start of a plan's run: it is approved, its tasks are made, and its request moves on. One path for what a person has just approved, for
//! what people stand for, and for what needs nobody; in the caller's transaction, with the request's row locked.

use chiffon_engine::verbs::create_tasks;
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

/// Starts it at this time, which is that of its approvals. `change` moves the request, and says by whose word.
pub async fn run(
    context: &Context,
    work: &mut Work,
    row: &mut Row,
    plan: &Fixed<'_>,
    at: DateTime<Utc>,
    change: Change,
) -> Result<(), store::Error> {
    plans::approve(work, plan.id, plan.state, at).await?;
    create_tasks::apply(context, work, &freeze::new_tasks(row, plan.id, plan.document)).await?;
    transition::apply(context, work, row, change).await
}

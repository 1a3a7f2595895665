//! Ending a request whose plan nobody has approved in time.

use chiffon_kernel::domain::audit::AuditEvent;
use chiffon_kernel::store;
use chiffon_kernel::verbs::work::Work;
use chiffon_plans::domain::plan_state::Event as PlanEvent;
use chiffon_protocol::{ErrorCode, Problem};
use serde_json::json;

use super::Context;
use super::transition::{self, Change};
use crate::domain::request::{Event, Status};
use crate::store::plans;
use crate::store::requests::Row;

/// Expires the request if its plan's time is over, in a transaction that has locked the row.
pub async fn if_due(context: &Context, work: &mut Work, row: &mut Row) -> Result<bool, store::Error> {
    let (Status::AwaitingApproval, Some(plan_id)) = (row.status, row.plan_id) else { return Ok(false) };
    let plan = plans::get(work, plan_id).await?;
    if_over(context, work, row, &plan).await
}

/// The same, where the plan is read already.
pub async fn if_over(context: &Context, work: &mut Work, row: &mut Row, plan: &plans::Row) -> Result<bool, store::Error> {
    let over = plan.expires_at.filter(|at| row.status == Status::AwaitingApproval && *at <= context.clock.now());
    let Some(expires_at) = over else { return Ok(false) };
    plans::move_on(work, plan.id, plan.state, PlanEvent::Expire).await?;
    let text =
        format!("Nobody approved plan {} before {}. Ask again to get a fresh one.", plan.revision, expires_at.format("%Y-%m-%d %H:%M UTC"));
    transition::say(work, row, None, &text).await?;
    let audit = AuditEvent::by_chiffon("plan.expired", json!({"revision": plan.revision, "sha256": plan.sha256}));
    let problem = Problem::new(ErrorCode::PlanExpired, text);
    let change = Change { error: Some(problem.clone()), ..Change::new(Event::Expire, audit) };
    transition::apply(context, work, row, change).await?;
    Ok(true)
}

//! Fixing a plan: what discovery found goes into it, it gets its hash, and from then on it never changes.
//!
//! A fixed plan is previewed, or waits for its approvers at once, or runs at once where it changes nothing and the policy
//! asks for nobody, or where enough people stand for its steps.

use chiffon_engine::store::progress::TaskLine;
use chiffon_engine::verbs::create_tasks::{self, NewTasks};
use chiffon_fleet::store::catalogue;
use chiffon_kernel::domain::audit::AuditEvent;
use chiffon_kernel::domain::waiting::What;
use chiffon_kernel::store;
use chiffon_kernel::verbs::work::Work;
use chiffon_plans::domain::plan::PlanDocument;
use chiffon_plans::domain::plan_state::{Event as PlanEvent, State};
use chiffon_plans::domain::{assemble, runnable};
use chiffon_protocol::action::Risk;
use chiffon_protocol::{ErrorCode, Problem};
use chrono::TimeDelta;
use serde_json::{Value, json};
use uuid::Uuid;

use super::start_run::{self, Fixed, Start};
use super::transition::{self, Change};
use super::{Context, plan_again, use_standing};
use crate::domain::request::Event;
use crate::store::plans::{self, Frozen};
use crate::store::requests::Row;

/// Puts the outputs of the discoveries into the plan and fixes it. Where they don't fit, the person is told and asked.
pub async fn run(context: &Context, work: &mut Work, row: &mut Row, plan_id: Uuid, discoveries: &[TaskLine]) -> Result<(), store::Error> {
    let plan = plans::get(work, plan_id).await?;
    let (catalogue, _) = catalogue::load(work).await?;
    let runnable = runnable::check(&context.settings.kinds, &plan.document.steps).map(|()| plan.document);
    let frozen = discoveries.iter().fold(runnable, |frozen, task| {
        let document = frozen?;
        let outputs = match &task.outputs {
            Value::Object(outputs) => outputs.clone(),
            _ => serde_json::Map::new(),
        };
        assemble::freeze(&document, &task.step_id, outputs, &catalogue)
    });
    match frozen {
        Ok(document) => fix(context, work, row, plan_id, &document).await,
        Err(problem) if problem.code == ErrorCode::ActionChanged && plan_again::run(context, work, row.id).await? => Ok(()),
        Err(problem) => give_up(context, work, row, plan_id, &problem).await,
    }
}

/// Fixes a plan that has no open discovery.
pub async fn fix(context: &Context, work: &mut Work, row: &mut Row, plan_id: Uuid, document: &PlanDocument) -> Result<(), store::Error> {
    let now = context.clock.now();
    let (sha256, steps_sha256) = (document.sha256(), document.steps_sha256());
    let valid_for = TimeDelta::from_std(context.policy.plan_valid_for).unwrap_or(TimeDelta::days(365));
    let state =
        plans::freeze(work, plan_id, Frozen { document, sha256: &sha256, steps_sha256: &steps_sha256, expires_at: now + valid_for })
            .await?;
    let plan = Fixed { id: plan_id, state, sha256: Some(&sha256), steps_sha256: Some(&steps_sha256), document };
    let data = json!({"plan_id": plan_id, "revision": document.revision, "sha256": sha256, "state": state});
    work.event(row.id, "plan", data);
    if approvals_needed(document) == 0 {
        return run_unasked(context, work, row, &plan).await;
    }
    let audit = AuditEvent::by_chiffon("plan.frozen", json!({"revision": document.revision, "sha256": sha256, "risk": document.risk()}));
    let previews = create_tasks::preview(context, work, &new_tasks(row, plan_id, document)).await?;
    if previews == 0 {
        return propose(context, work, row, &plan, audit, &[]).await;
    }
    plans::move_on(work, plan_id, state, PlanEvent::Preview).await?;
    transition::apply(context, work, row, Change::new(Event::Preview, audit)).await
}

/// Lets a proposed plan wait for its approvers, unless enough people stand for its steps and all of it that can be was previewed: then it
/// runs. `failed`: what of its previews went wrong.
pub async fn propose(
    context: &Context,
    work: &mut Work,
    row: &mut Row,
    plan: &Fixed<'_>,
    audit: AuditEvent,
    failed: &[String],
) -> Result<(), store::Error> {
    let wanted = approvers_wanted(approvals_needed(plan.document), 0);
    let text = if failed.is_empty() { wanted } else { format!("{wanted}; not all of it could be previewed: {}", failed.join("; ")) };
    transition::apply(context, work, row, Change::new(Event::Propose, audit).waiting_for(What::Approval, text)).await?;
    if failed.is_empty() { use_standing::run(context, work, row, plan).await } else { Ok(()) }
}

/// Distinct approvers that a plan needs. The policy may let only what changes nothing run unasked.
pub fn approvals_needed(document: &PlanDocument) -> i32 {
    let wanted = i32::try_from(document.policy.approvals_needed).unwrap_or(i32::MAX);
    if document.risk() == Risk::ReadOnly { wanted } else { wanted.max(1) }
}

/// Says who is missing.
pub fn approvers_wanted(needed: i32, given: i64) -> String {
    match i64::from(needed) - given {
        1 if given == 0 => "one approver".to_owned(),
        1 => format!("one more approver ({given} of {needed} have approved)"),
        missing => format!("{missing} approvers ({given} of {needed} have approved)"),
    }
}

/// What a plan's tasks are made of.
pub fn new_tasks<'d>(row: &Row, plan_id: Uuid, document: &'d PlanDocument) -> NewTasks<'d> {
    NewTasks { request_id: row.id, plan_id, priority: row.priority, document }
}

/// Ends a plan that can't be fixed, and asks the person what to do.
pub async fn give_up(context: &Context, work: &mut Work, row: &mut Row, plan_id: Uuid, problem: &Problem) -> Result<(), store::Error> {
    plans::move_on(work, plan_id, State::Discovering, PlanEvent::Fail).await?;
    transition::say(work, row, None, &problem.message).await?;
    let audit = AuditEvent::by_chiffon("plan.failed", json!({"plan_id": plan_id, "problem": problem}));
    let text = format!("{}; answer what should be done instead", problem.message);
    let change = Change { error: Some(problem.clone()), ..Change::new(Event::Ask, audit) };
    transition::apply(context, work, row, change.waiting_for(What::Answer, text)).await
}

async fn run_unasked(context: &Context, work: &mut Work, row: &mut Row, plan: &Fixed<'_>) -> Result<(), store::Error> {
    let document = plan.document;
    let data = json!({"revision": document.revision, "sha256": plan.sha256, "reasons": document.policy.reasons});
    let change = Change::new(Event::RunUnasked, AuditEvent::by_chiffon("plan.run_by_policy", data));
    start_run::run(context, work, vec![Start { row, plan: *plan, change, left_out: None }], context.clock.now()).await
}

//! Making plans' steps into tasks: their discoveries, their dry runs, or the real thing. In the caller's transaction.
//!
//! Tasks are made `pending`; the dispatcher, which the caller wakes after the commit, takes it from there. Further ones of a run that is
//! under way are [late tasks](super::late_tasks).

use std::collections::BTreeSet;

use chiffon_kernel::domain::audit::AuditEvent;
use chiffon_kernel::store;
use chiffon_kernel::verbs::work::Work;
use chiffon_plans::domain::plan::{Phase, PlanDocument, Step};
use chiffon_plans::domain::reference::references;
use chiffon_protocol::action::CheckSupport;
use chiffon_protocol::message::Mode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Context;
use crate::domain::task::{Asks, Purpose};
use crate::store::new_tasks::{Batch, NewTask, add_all};

/// The plan whose steps become tasks.
#[derive(Debug, Clone, Copy)]
pub struct NewTasks<'a> {
    /// The request.
    pub request_id: Uuid,
    /// The plan's revision.
    pub plan_id: Uuid,
    /// The request's.
    pub priority: i32,
    /// The plan.
    pub document: &'a PlanDocument,
}

/// A task for each discovery that has not run yet; how many.
pub async fn discover(context: &Context, work: &mut Work, new: &NewTasks<'_>) -> Result<usize, store::Error> {
    let steps = new.document.steps.iter().filter(|step| step.phase == Phase::Discover && step.frozen_outputs.is_none()).collect();
    add(context, work, Purpose::Discover, Mode::Apply, vec![(new, steps)]).await
}

/// A dry run for each step that can be previewed; how many. What can't: actions without check mode, and steps with values that
/// are known only after another step.
pub async fn preview(context: &Context, work: &mut Work, new: &NewTasks<'_>) -> Result<usize, store::Error> {
    let steps = new.document.steps.iter().filter(|step| step.phase == Phase::Apply && is_previewable(step)).collect();
    add(context, work, Purpose::Preview, Mode::Check, vec![(new, steps)]).await
}

/// The real thing, of several plans: a task for each step that is not a discovery; how many.
pub async fn apply(context: &Context, work: &mut Work, new: &[NewTasks<'_>]) -> Result<usize, store::Error> {
    let steps = new.iter().map(|new| (new, new.document.steps.iter().filter(|step| step.phase == Phase::Apply).collect()));
    add(context, work, Purpose::Apply, Mode::Apply, steps.collect()).await
}

/// Whether a step has a dry run: its action supports one, and all of its values are known.
pub fn is_previewable(step: &Step) -> bool {
    let is_known = references(&Value::Object(step.parameters.clone())).is_ok_and(|open| open.is_empty());
    step.check != CheckSupport::None && is_known
}

/// Whoever lets a plan run has looked whether its tools can be called.
fn not_an_action(plan_id: Uuid, step: &Step) -> store::Error {
    let value = format!("step `{}` calls {}, which is no action", step.step_id, step.tool.uri);
    store::Error::BadData { table: "plans", column: "body", id: plan_id.to_string(), value }
}

/// What tasks belong to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Of {
    /// The request.
    pub(super) request_id: Uuid,
    /// The plan's revision.
    pub(super) plan_id: Uuid,
    /// The request's.
    pub(super) priority: i32,
}

/// The task of a step, waiting for nothing and asking nothing.
pub(super) fn of_step(context: &Context, of: Of, step: &Step) -> Result<NewTask, store::Error> {
    let Of { request_id, plan_id, priority } = of;
    let action = step.agent_tool().ok_or_else(|| not_an_action(plan_id, step))?;
    Ok(NewTask {
        id: context.ids.new_id(),
        request_id,
        plan_id,
        priority,
        step_id: step.step_id.clone(),
        agent_type: action.kind,
        action: action.action.to_owned(),
        action_sha256: step.tool.sha256.clone(),
        title: step.title.clone(),
        parameters: step.parameters.clone(),
        resources: step.resources_required.clone(),
        hosts: step.hosts.clone(),
        depends_on: Vec::new(),
        risk: step.risk,
        repeatable: step.repeatable,
        timeout_seconds: step.timeout_seconds,
        iteration: 0,
        asks: None,
    })
}

async fn add(
    context: &Context,
    work: &mut Work,
    purpose: Purpose,
    mode: Mode,
    plans: Vec<(&NewTasks<'_>, Vec<&Step>)>,
) -> Result<usize, store::Error> {
    let now = context.clock.now();
    let mut tasks = Vec::new();
    for (new, steps) in plans.into_iter().filter(|(_, steps)| !steps.is_empty()) {
        let of_plan = of_plan(context, new, purpose, &steps)?;
        let named = |task: &NewTask| json!({"task_id": task.id, "step_id": task.step_id, "title": task.title});
        let created: Vec<Value> = of_plan.iter().map(named).collect();
        let data = json!({"plan_id": new.plan_id, "purpose": purpose, "tasks": created});
        work.audit(new.request_id, AuditEvent::by_chiffon("tasks.created", data.clone()));
        work.event(new.request_id, "task", data);
        tasks.extend(of_plan);
    }
    if !tasks.is_empty() {
        add_all(work, Batch { purpose, mode }, &tasks, now).await?;
        work.wake_dispatcher();
    }
    Ok(tasks.len())
}

fn of_plan(context: &Context, new: &NewTasks<'_>, purpose: Purpose, steps: &[&Step]) -> Result<Vec<NewTask>, store::Error> {
    let of = Of { request_id: new.request_id, plan_id: new.plan_id, priority: new.priority };
    let together: BTreeSet<&str> = steps.iter().map(|step| step.step_id.as_str()).collect();
    let task = |step: &&Step| {
        Ok(NewTask {
            // Dry runs change nothing, so none waits for another; a discovery that ran before approval is done.
            depends_on: match purpose {
                Purpose::Preview => Vec::new(),
                Purpose::Discover | Purpose::Apply => {
                    step.depends_on.iter().filter(|needed| together.contains(needed.as_str())).cloned().collect()
                }
            },
            // A dry run is made whatever becomes of the real thing, and once.
            asks: if purpose == Purpose::Preview { None } else { Asks::of(step).words() },
            ..of_step(context, of, step)?
        })
    };
    steps.iter().map(task).collect()
}

//! Adding tasks to a run that is under way, in the transaction that settles it: further ones of a step, or the first of one that had none.
//!
//! What they do is the plan's, which was approved: the tool, its hosts and its risk are those of their step. Only parameters that bear no
//! risk may be others, and they are validated as the plan's were. A run that has ended, or is being stopped, gets none.

use std::collections::BTreeSet;

use chiffon_fleet::store::actions;
use chiffon_kernel::domain::audit::AuditEvent;
use chiffon_kernel::store;
use chiffon_kernel::verbs::work::Work;
use chiffon_plans::domain::assemble::parameters;
use chiffon_plans::domain::plan::{Phase, PlanDocument, Step};
use chiffon_plans::domain::reference::references;
use chiffon_protocol::message::Mode;
use chiffon_protocol::{ActionSpec, ErrorCode, Problem};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Context;
use super::create_tasks::{Of, of_step};
use crate::domain::late::{self, Refusal, Wanted};
use crate::domain::task::{Asks, Purpose};
use crate::store::dispatch::plan_part;
use crate::store::late_tasks::{UnderWay, list_made, lock_run, wake};
use crate::store::new_tasks::{Batch, NewTask, add_all};

/// A task that is to be added.
#[derive(Debug, Clone, PartialEq)]
pub struct Late {
    /// The plan's step.
    pub step_id: String,
    /// Which of the step's tasks, from 0.
    pub iteration: i32,
    /// What it runs with, where that is not what stands in the plan.
    pub parameters: Option<Map<String, Value>>,
    /// Steps for which it waits beside those of the plan; all of their tasks have to be over.
    pub after: Vec<String>,
}

/// Adds them; their ids, in this order. Where they can't be added nothing is, and the problem says why.
pub async fn run(context: &Context, work: &mut Work, run_id: Uuid, late: &[Late]) -> Result<Result<Vec<Uuid>, Problem>, store::Error> {
    let Some(under_way) = lock_run(work, run_id).await? else { return Ok(Err(over(run_id, "not there"))) };
    let Some(plan_id) = under_way.plan_id.filter(|_| is_under_way(&under_way)) else { return Ok(Err(over(run_id, &under_way.status))) };
    let document = plan_part(work, plan_id, Purpose::Apply.as_str()).await?.document;
    let made = list_made(work, plan_id).await?;
    let mut steps: BTreeSet<&str> = made.iter().map(|task| task.step_id.as_str()).collect();
    steps.extend(late.iter().map(|late| late.step_id.as_str()));
    let mut tasks = Vec::with_capacity(late.len());
    for late in late {
        let of = Of { request_id: run_id, plan_id, priority: under_way.priority };
        match task(context, work, (of, &document), &steps, late).await? {
            Ok(task) => tasks.push(task),
            Err(problem) => return Ok(Err(problem)),
        }
    }
    if let Err(refusal) = late::check(&made, &tasks.iter().map(wanted).collect::<Vec<_>>()) {
        return Ok(Err(refused(run_id, &refusal)));
    }
    add(work, run_id, plan_id, &tasks).await?;
    Ok(Ok(tasks.iter().map(|task| task.id).collect()))
}

fn is_under_way(run: &UnderWay) -> bool {
    matches!(run.status.as_str(), "running" | "needs_attention" | "paused")
}

fn over(run_id: Uuid, status: &str) -> Problem {
    let message = format!("request {run_id} is {status}, so nothing can be added to its run");
    Problem::new(ErrorCode::AlreadyFinished, message).with_details(json!({"request_id": run_id, "status": status}))
}

fn refused(run_id: Uuid, refusal: &Refusal) -> Problem {
    let code = match refusal {
        Refusal::TooMany { .. } => ErrorCode::TooMuchAtOnce,
        Refusal::Stopped { .. } | Refusal::Failed { .. } | Refusal::Begun { .. } => ErrorCode::InvalidTransition,
        Refusal::AlreadyThere { .. }
        | Refusal::NoNumber { .. }
        | Refusal::NoFirst { .. }
        | Refusal::Unknown { .. }
        | Refusal::Circle { .. } => ErrorCode::InvalidPlan,
    };
    Problem::new(code, refusal.to_string()).with_details(json!({"request_id": run_id}))
}

fn wanted(task: &NewTask) -> Wanted {
    Wanted { step_id: task.step_id.clone(), iteration: task.iteration, depends_on: task.depends_on.clone() }
}

/// `steps` are those that have tasks: a discovery before the approval has none, and is over.
async fn task(
    context: &Context,
    work: &mut Work,
    (of, document): (Of, &PlanDocument),
    steps: &BTreeSet<&str>,
    late: &Late,
) -> Result<Result<NewTask, Problem>, store::Error> {
    let Some(step) = document.step(&late.step_id).filter(|step| step.phase == Phase::Apply) else {
        let message = format!("the plan has no step `{}` that runs after the approval", late.step_id);
        return Ok(Err(Problem::new(ErrorCode::InvalidPlan, message)));
    };
    let mut task = of_step(context, of, step)?;
    if let Some(parameters) = &late.parameters {
        let spec = actions::get(work, step.action(), &step.tool.sha256).await?;
        if let Err(problem) = fit(step, spec.as_deref(), parameters) {
            return Ok(Err(problem));
        }
        task.parameters.clone_from(parameters);
    }
    let planned = step.depends_on.iter().filter(|needed| steps.contains(needed.as_str()));
    let depends_on: BTreeSet<String> = planned.chain(&late.after).cloned().collect();
    task.depends_on = depends_on.into_iter().collect();
    task.iteration = late.iteration;
    task.asks = Asks::of(step).words();
    Ok(Ok(task))
}

/// What bears risk is what was approved, and all of it fits the action. References are filled in and validated when it goes out.
fn fit(step: &Step, spec: Option<&ActionSpec>, given: &Map<String, Value>) -> Result<(), Problem> {
    let Some(spec) = spec else {
        let message = format!("the action {} of step `{}` is not in the records any more; ask for it again", step.action(), step.step_id);
        return Err(Problem::new(ErrorCode::UnknownAction, message));
    };
    let names: BTreeSet<&String> = step.parameters.keys().chain(given.keys()).collect();
    if let Some(name) = names.into_iter().find(|name| spec.is_risk_bearing(name) && step.parameters.get(*name) != given.get(*name)) {
        let message = format!("step `{}`: `{name}` bears risk, so it stays as it was approved", step.step_id);
        return Err(Problem::new(ErrorCode::InvalidParameters, message).with_details(json!({"step_id": step.step_id, "parameter": name})));
    }
    let is_open = |value: &Value| !references(value).is_ok_and(|open| open.is_empty());
    let open: BTreeSet<String> = given.iter().filter(|(_, value)| is_open(value)).map(|(name, _)| name.clone()).collect();
    parameters::problems(&step.step_id, spec, given, &open).into_iter().next().map_or(Ok(()), Err)
}

async fn add(work: &mut Work, run_id: Uuid, plan_id: Uuid, tasks: &[NewTask]) -> Result<(), store::Error> {
    let (purpose, now) = (Purpose::Apply, work.now());
    add_all(work, Batch { purpose, mode: Mode::Apply }, tasks, now).await?;
    wake(work, &tasks.iter().map(|task| task.id).collect::<Vec<_>>()).await?;
    work.wake_dispatcher();
    let named = |task: &NewTask| json!({"task_id": task.id, "step_id": task.step_id, "iteration": task.iteration, "title": task.title});
    let created: Vec<Value> = tasks.iter().map(named).collect();
    let data = json!({"plan_id": plan_id, "purpose": purpose, "late": true, "tasks": created});
    work.audit(run_id, AuditEvent::by_chiffon("tasks.created", data.clone()));
    work.event(run_id, "task", data);
    Ok(())
}

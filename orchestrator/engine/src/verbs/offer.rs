//! Offering placed tasks: one transaction takes their hosts, counts attempts and offers, and writes the messages with everything that
//! they change.

use std::collections::BTreeMap;

use chiffon_fleet::domain::unverified as peer;
use chiffon_fleet::store::{actions, variables};
use chiffon_kernel::store;
use chiffon_kernel::store::outbox::{Message, Offer};
use chiffon_kernel::verbs::reply::{About, envelope};
use chiffon_kernel::verbs::work::Work;
use chiffon_plans::domain::plan::Step;
use chiffon_plans::domain::reference;
use chiffon_protocol::message::{Resources, Variables, WorkRequest};
use chiffon_protocol::{ErrorCode, Problem};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::end_task::{self, By, End};
use super::{Context, fresh_preview, task_story, unverified, wait};
use crate::domain::task::{self as domain, NextOffer, Status};
use crate::store::attempts::{self, Attempt};
use crate::store::dispatch::{plan_hashes, plan_part};
use crate::store::held;
use crate::store::host_locks::{self, Wanted};
use crate::store::task_changes::{Ended, Offered, set_offered};
use crate::store::task_locks::{Locked, OfRequest};
use crate::store::tasks::Task;

/// A task, and the agent for which there is room.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    /// The task.
    pub(super) task_id: Uuid,
    /// The agent.
    pub(super) agent_id: String,
    /// From where agents like that one take their work.
    pub(super) queue: String,
}

/// A task that goes out.
struct Going<'p> {
    placed: &'p Placed,
    request: &'p OfRequest,
    /// With the attempt and the offer that it has then.
    task: Task,
    from: Status,
    is_new: bool,
    parameters: Map<String, Value>,
    plan_sha256: String,
}

/// Offers them; how many. What can't be offered any more, because a person was quicker, or another dispatcher, is left as it is.
pub(super) async fn run(context: &Context, placed: &[Placed]) -> Result<usize, store::Error> {
    if placed.is_empty() {
        return Ok(0);
    }
    let mut work = context.begin().await?;
    let ids: Vec<Uuid> = placed.iter().map(|placed| placed.task_id).collect();
    let held = held::hold(&mut work, &ids).await?;
    let plan_ids: Vec<Uuid> = held.tasks().map(|locked| locked.task.plan_id).collect();
    let hashes = plan_hashes(&mut work, &plan_ids).await?;
    let mut going = Vec::with_capacity(placed.len());
    for placed in placed {
        let Some((request, locked)) = held.get(placed.task_id) else { continue };
        let Some(NextOffer { attempt, offer, is_new }) = next_offer(locked, request) else { continue };
        if peer::is_one(&placed.agent_id) && attempt != 1 {
            continue;
        }
        let task = Task { attempt, offer, ..locked.task.clone() };
        match filled(&mut work, &task, &hashes).await? {
            Ok((parameters, plan_sha256)) => {
                going.push(Going { placed, request, task, from: locked.task.status, is_new, parameters, plan_sha256 });
            }
            Err(problem) => give_up(context, &mut work, &locked.task, &problem).await?,
        }
    }
    take_hosts(&mut work, &mut going).await?;
    if !going.is_empty() {
        send_all(context, &mut work, &going).await?;
    }
    work.commit().await?;
    Ok(going.len())
}

/// What is offered next; `None` when the task can't be offered any more. Attempts up to the fenced one may have been made after a backup
/// that was restored, and are not made again.
fn next_offer(locked: &Locked, request: &OfRequest) -> Option<NextOffer> {
    let task = &locked.task;
    if request.plan_id != Some(task.plan_id) || request.held {
        return None;
    }
    let newest = (task.attempt, task.offer);
    domain::next_offer(locked.state(), locked.attempt.as_ref().map(Attempt::known), newest, task.fenced_attempt)
}

/// The parameters with references filled in and validated again (RELIABILITY 17), and the plan's hash.
async fn filled(
    work: &mut Work,
    task: &Task,
    hashes: &BTreeMap<Uuid, String>,
) -> Result<Result<(Map<String, Value>, String), Problem>, store::Error> {
    let open = reference::references(&Value::Object(task.parameters.clone()));
    if open.is_ok_and(|open| open.is_empty()) {
        // Validated when the plan was made, and covered by its hash since.
        return Ok(Ok((task.parameters.clone(), hashes.get(&task.plan_id).cloned().unwrap_or_default())));
    }
    let plan = plan_part(work, task.plan_id, task.purpose.as_str()).await?;
    let spec = actions::get(work, &task.action, &task.action_sha256).await?;
    let (Some(step), Some(spec)) = (plan.document.step(&task.step_id), spec) else {
        let message = format!("step `{}` or its action {} is not in the records any more; ask for it again", task.step_id, task.action);
        return Ok(Err(Problem::new(ErrorCode::UnknownAction, message)));
    };
    // One that was made late has parameters of its own.
    let step = Step { parameters: task.parameters.clone(), ..step.clone() };
    Ok(reference::resolve(&step, &spec, &plan.outputs).map(|parameters| (parameters, plan.sha256)))
}

async fn give_up(context: &Context, work: &mut Work, task: &Task, problem: &Problem) -> Result<(), store::Error> {
    let ended = Ended::without_run(task.id, task.status, Status::Failed, problem);
    let by = By { actor: "chiffon", event: "task.failed" };
    end_task::run(context, work, vec![End { task, ended, by, particulars: json!({"error": problem}), has_told: false }]).await?;
    end_task::settle(context, work, &[task.request_id]).await
}

/// Takes their hosts for those that need them for themselves. One whose host another dispatcher has given away does not go.
async fn take_hosts(work: &mut Work, going: &mut Vec<Going<'_>>) -> Result<(), store::Error> {
    let wanted: Vec<Wanted<'_>> = going
        .iter()
        .map(|going| &going.task)
        .filter(|task| task.is_exclusive())
        .map(|task| Wanted { task_id: task.id, attempt: task.attempt, hosts: &task.hosts })
        .collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let now = work.now();
    let taken = host_locks::take(work, &wanted, now).await?;
    going.retain(|going| !going.task.is_exclusive() || taken.contains(&going.task.id));
    Ok(())
}

async fn send_all(context: &Context, work: &mut Work, going: &[Going<'_>]) -> Result<(), store::Error> {
    let now = work.now();
    let new: Vec<(Uuid, i32)> = going.iter().filter(|going| going.is_new).map(|going| (going.task.id, going.task.attempt)).collect();
    if !new.is_empty() {
        attempts::add(work, &new, now).await?;
    }
    let claim_by = now + context.settings.claim_within;
    let offered: Vec<Offered<'_>> = going
        .iter()
        .map(|Going { task, from, parameters, .. }| Offered {
            task_id: task.id,
            from: *from,
            attempt: task.attempt,
            offer: task.offer,
            parameters,
            claim_by,
        })
        .collect();
    set_offered(work, &offered, now).await?;
    let mut bound = variables::get_bound(work, &going.iter().map(|going| going.task.id).collect::<Vec<_>>()).await?;
    for going in going {
        send(context, work, going, bound.remove(&going.task.id));
        let particulars = json!({"offer": going.task.offer, "hosts": going.task.hosts});
        task_story::tell(work, &going.task, Status::Dispatched, "chiffon", "task.offered", particulars);
        if peer::is_one(&going.placed.agent_id) {
            unverified::hand_over(context, work, &going.task, &going.placed.agent_id).await?;
        }
    }
    let requests: BTreeMap<Uuid, &OfRequest> = going.iter().map(|going| (going.request.id, going.request)).collect();
    wait::over(work, &requests.into_values().collect::<Vec<_>>()).await?;
    for going in going {
        fresh_preview::show(context, work, going.request, &going.task).await?;
    }
    Ok(())
}

fn send(context: &Context, work: &mut Work, going: &Going<'_>, variables: Option<Variables>) {
    let task = &going.task;
    let number = |number: i32| number.unsigned_abs();
    let wanted = WorkRequest {
        agent_type: task.agent_type.clone(),
        task_id: task.id,
        action: task.action.clone(),
        parameters: going.parameters.clone(),
        resources_required: Resources { ..task.resources.clone() },
        attempt: number(task.attempt),
        mode: task.mode,
        title: task.title.clone(),
        timeout_seconds: task.timeout_seconds.unsigned_abs(),
        repeatable: task.repeatable,
        plan_sha256: going.plan_sha256.clone(),
        action_sha256: task.action_sha256.clone(),
        hosts: task.hosts.clone(),
        step_id: task.step_id.clone(),
        offer: number(task.offer),
        variables,
    };
    let about = About { request_id: going.request.id, trace_id: going.request.trace_id.clone() };
    let offer = Some(Offer { task_id: task.id, attempt: task.attempt, offer: task.offer });
    work.send(Message { offer, ..Message::work(&going.placed.queue, &envelope(context, &about, wanted)) });
}

//! Sending tasks to agents: each ready task is offered on a queue with a live lease behind it, or says what it waits for.
//!
//! One transaction per task takes its hosts, counts attempt and offer, and writes the message with everything it changes.

use std::collections::BTreeMap;

use chiffon_protocol::message::{AgentType, Resources, WorkRequest};
use chiffon_protocol::topology::{INFRASTRUCTURE, WORK_EXCHANGE, desktop_queue};
use chiffon_protocol::{ErrorCode, Problem};
use serde_json::{Map, Value, json};
use sqlx::PgConnection;

use super::end_task::{self, By};
use super::reply::{About, envelope};
use super::{Context, fresh_preview, task_story, unverified, wait};
use crate::domain::placement::{ACTION, AgentView, HostLock, Placement, Wait, place};
use crate::domain::task::{self as domain, NextOffer, Status};
use crate::domain::unverified as peer;
use crate::domain::{reference, short_id};
use crate::store::attempts::{self, Attempt};
use crate::store::dispatch::{Ready, list_agents, list_ready, plan_part, plan_sha256, sum};
use crate::store::outbox::{self, NewMessage, Offer};
use crate::store::task_changes::{Ended, Offered, set_offered};
use crate::store::tasks::{self, Locked, OfRequest, Task};
use crate::store::{self, actions, host_locks, restores, variables};

/// More are looked at the next time.
const BATCH: i64 = 1_000;

/// Offers what can go and explains what can't; how many tasks were offered.
pub async fn run(context: &Context) -> Result<usize, store::Error> {
    let now = context.clock.now();
    let mut connection = context.store.acquire().await?;
    let ready = list_ready(&mut connection, now, BATCH).await?;
    if ready.is_empty() {
        return Ok(0);
    }
    let mut agents = list_agents(&mut connection).await?;
    let mut locks = host_locks::list(&mut connection).await?;
    drop(connection);
    let mut offered = 0;
    for task in ready {
        match place(&task.wanted, &agents, &locks, now) {
            Placement::Fit { agent_id, hostname } => {
                if let Some(title) = offer(context, &task, &agent_id, &hostname).await? {
                    offered += 1;
                    reserve(&mut agents, &mut locks, &task, &agent_id, &title);
                }
            }
            Placement::Wait(why) => {
                let why = advised(why, &task);
                if task.waiting_text.as_deref() != Some(&why.text) {
                    explain(context, &task, &why).await?;
                }
            }
        }
    }
    if offered > 0 {
        context.wakes.outbox.notify_one();
    }
    Ok(offered)
}

/// Counts the offer in what the rest of this look sees.
fn reserve(agents: &mut [AgentView], locks: &mut BTreeMap<String, HostLock>, task: &Ready, agent_id: &str, title: &str) {
    if let Some(agent) = agents.iter_mut().find(|agent| agent.id == agent_id) {
        agent.reserved = sum(&[std::mem::take(&mut agent.reserved), task.wanted.resources.clone()]);
    }
    if task.wanted.exclusive {
        let lock = HostLock { task_id: task.task_id, title: title.to_owned(), kept: None };
        locks.extend(task.wanted.hosts.iter().map(|host| (host.clone(), lock.clone())));
    }
}

/// With the way out where only a person has one.
fn advised(why: Wait, task: &Ready) -> Wait {
    if why.what != ACTION {
        return why;
    }
    let id = short_id::short(task.request_id);
    let text = format!("{}; give it the planned version, or end the request (`chiffon cancel {id}`) and ask again", why.text);
    Wait { text, ..why }
}

async fn explain(context: &Context, ready: &Ready, why: &Wait) -> Result<(), store::Error> {
    let mut transaction = context.store.begin().await?;
    let Some(request) = tasks::lock_request_of(&mut transaction, ready.task_id).await? else { return Ok(()) };
    let Some(locked) = tasks::lock(&mut transaction, ready.task_id).await? else { return Ok(()) };
    if matches!(locked.task.status, Status::Pending | Status::Waiting) {
        if why.what == ACTION && context.run.plan_again(context, &mut transaction, request.id).await? {
            store::commit(transaction).await?;
            end_task::wake(context);
            return Ok(());
        }
        wait::run(context, &mut transaction, &request, &locked.task, why).await?;
        fresh_preview::show(context, &mut transaction, &request, &locked.task).await?;
        store::commit(transaction).await?;
    }
    Ok(())
}

/// Offers one task; its title when it went out, `None` when another dispatcher or a person was quicker.
async fn offer(context: &Context, ready: &Ready, agent_id: &str, hostname: &str) -> Result<Option<String>, store::Error> {
    let mut transaction = context.store.begin().await?;
    let Some(request) = tasks::lock_request_of(&mut transaction, ready.task_id).await? else { return Ok(None) };
    let Some(locked) = tasks::lock(&mut transaction, ready.task_id).await? else { return Ok(None) };
    let fenced = restores::fenced_attempt(&mut transaction, ready.task_id).await?;
    let Some(NextOffer { attempt, offer, is_new }) = next_offer(&locked, &request, fenced) else { return Ok(None) };
    if peer::is_one(agent_id) && attempt != 1 {
        return Ok(None);
    }
    let task = Task { attempt, offer, ..locked.task.clone() };
    let (parameters, plan_sha256) = match filled(&mut transaction, &task).await? {
        Ok(filled) => filled,
        Err(problem) => {
            give_up(context, &mut transaction, &locked.task, &problem).await?;
            store::commit(transaction).await?;
            end_task::wake(context);
            return Ok(None);
        }
    };
    let now = context.clock.now();
    if task.is_exclusive() && !host_locks::take(&mut transaction, &task.hosts, task.id, attempt, now).await? {
        return Ok(None);
    }
    if is_new {
        attempts::add(&mut transaction, task.id, attempt, now).await?;
    }
    let claim_by = now + context.settings.claim_within;
    let offered = Offered { task_id: task.id, from: task.status, attempt, offer, parameters: &parameters, claim_by };
    set_offered(&mut transaction, &offered, now).await?;
    send(context, &mut transaction, &request, &task, parameters, plan_sha256, hostname).await?;
    task_story::tell(
        context,
        &mut transaction,
        &task,
        Status::Dispatched,
        "chiffon",
        "task.offered",
        json!({"offer": offer, "hosts": task.hosts}),
    )
    .await?;
    if peer::is_one(agent_id) {
        unverified::hand_over(context, &mut transaction, &task, agent_id).await?;
    }
    wait::over(context, &mut transaction, &request).await?;
    fresh_preview::show(context, &mut transaction, &request, &task).await?;
    store::commit(transaction).await?;
    Ok(Some(task.title))
}

/// What is offered next; `None` when the task can't be offered any more. Attempts up to `fenced` may have been made after a backup
/// that was restored, and are not made again.
fn next_offer(locked: &Locked, request: &OfRequest, fenced: i32) -> Option<NextOffer> {
    let task = &locked.task;
    if request.plan_id != Some(task.plan_id) || request.held {
        return None;
    }
    domain::next_offer(locked.state(), locked.attempt.as_ref().map(Attempt::known), (task.attempt, task.offer), fenced)
}

/// The parameters with references filled in and validated again (RELIABILITY 17), and the plan's hash.
async fn filled(connection: &mut PgConnection, task: &Task) -> Result<Result<(Map<String, Value>, String), Problem>, store::Error> {
    let open = reference::references(&Value::Object(task.parameters.clone()));
    if open.is_ok_and(|open| open.is_empty()) {
        // Validated when the plan was made, and covered by its hash since.
        return Ok(Ok((task.parameters.clone(), plan_sha256(connection, task.plan_id).await?)));
    }
    let plan = plan_part(connection, task.plan_id, task.purpose.as_str()).await?;
    let spec = actions::get(connection, &task.action, &task.action_sha256).await?;
    let (Some(step), Some(spec)) = (plan.document.step(&task.step_id), spec) else {
        let message = format!("step `{}` or its action {} is not in the records any more; ask for it again", task.step_id, task.action);
        return Ok(Err(Problem::new(ErrorCode::UnknownAction, message)));
    };
    Ok(reference::resolve(step, &spec, &plan.outputs).map(|parameters| (parameters, plan.sha256)))
}

async fn give_up(context: &Context, connection: &mut PgConnection, task: &Task, problem: &Problem) -> Result<(), store::Error> {
    let ended = Ended::without_run(task.id, task.status, Status::Failed, problem);
    let by = By { actor: "chiffon", event: "task.failed" };
    end_task::run(context, connection, task, &ended, by, json!({"error": problem})).await?;
    end_task::settle(context, connection, task.request_id).await
}

async fn send(
    context: &Context,
    connection: &mut PgConnection,
    request: &OfRequest,
    task: &Task,
    parameters: Map<String, Value>,
    plan_sha256: String,
    hostname: &str,
) -> Result<(), store::Error> {
    let queue = match task.agent_type {
        AgentType::Infrastructure => INFRASTRUCTURE.to_owned(),
        AgentType::Desktop => desktop_queue(hostname),
    };
    let number = |number: i32| number.unsigned_abs();
    let work = WorkRequest {
        agent_type: task.agent_type,
        task_id: task.id,
        action: task.action.clone(),
        parameters,
        resources_required: Resources { ..task.resources.clone() },
        attempt: number(task.attempt),
        mode: task.mode,
        title: task.title.clone(),
        timeout_seconds: task.timeout_seconds.unsigned_abs(),
        repeatable: task.repeatable,
        plan_sha256,
        action_sha256: task.action_sha256.clone(),
        hosts: task.hosts.clone(),
        step_id: task.step_id.clone(),
        offer: number(task.offer),
        variables: variables::get_bound(connection, task.id).await?,
    };
    let about = About { request_id: request.id, trace_id: request.trace_id.clone() };
    let envelope = envelope(context, &about, work);
    let offer = Some(Offer { task_id: task.id, attempt: task.attempt, offer: task.offer });
    let message = NewMessage { exchange: WORK_EXCHANGE, routing_key: &queue, recipient: &queue, envelope: &envelope, offer };
    outbox::add(connection, &message, context.clock.now()).await
}

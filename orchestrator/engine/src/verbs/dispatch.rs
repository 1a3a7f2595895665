//! Sending tasks to agents: each ready task is offered on a queue with a live lease behind it, or says what it waits for.
//!
//! One transaction per task takes its hosts, counts attempt and offer, and writes the message with everything it changes.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use chiffon_fleet::domain::unverified as peer;
use chiffon_fleet::store::{actions, variables};
use chiffon_kernel::store;
use chiffon_kernel::store::outbox::{Message, Offer};
use chiffon_kernel::verbs::reply::{About, envelope};
use chiffon_kernel::verbs::work::Work;
use chiffon_plans::domain::reference;
use chiffon_protocol::message::{AgentType, Resources, WorkRequest};
use chiffon_protocol::topology::{INFRASTRUCTURE, desktop_queue};
use chiffon_protocol::{ErrorCode, Problem};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::end_task::{self, By};
use super::{Context, fresh_preview, task_story, unreadable, unverified, wait};
use crate::domain::placement::{ACTION, AgentView, HostLock, Placement, Wait, advised, place};
use crate::domain::task::{self as domain, NextOffer, Status};
use crate::domain::wait_key;
use crate::store::attempts::{self, Attempt};
use crate::store::dispatch::{list_agents, plan_part, plan_sha256, sum};
use crate::store::ready::{self, Found, Keyed, Ready};
use crate::store::task_changes::{self, Ended, set_offered};
use crate::store::tasks::{self, Locked, OfRequest, Task};
use crate::store::{host_locks, restores};

/// So many new tasks are looked at together; then come the next.
const BATCH: u16 = 1_000;
/// Of so many it is told in one look why they wait: what can go goes before the rest is explained.
const EXPLAINED: u16 = 50;
/// So many of one key are looked at together at most, once the first of them could go.
const NEXT: i64 = 256;

/// Offers what can go and explains what can't; how many tasks were offered.
pub async fn run(context: &Context) -> Result<usize, store::Error> {
    let mut look = Look { now: context.clock.now(), ..Look::default() };
    loop {
        let mut connection = context.store.acquire().await?;
        let found = ready::list(&mut connection, look.now, &look.seen, i64::from(BATCH), i64::from(EXPLAINED)).await?;
        if found.ready.is_empty() && found.unreadable.is_empty() {
            break;
        }
        if look.seen.is_empty() {
            look.agents = list_agents(&mut connection).await?;
            look.locks = host_locks::list(&mut connection).await?;
        }
        drop(connection);
        let is_all = found.ready.iter().filter(|task| task.wait_key.is_none()).count() < usize::from(BATCH);
        let ready = look.readable(context, found).await?;
        look.place_all(context, ready).await?;
        if is_all {
            break;
        }
    }
    look.explain_some(context).await?;
    Ok(look.offered)
}

/// One look: what it has seen, and what it makes of that.
#[derive(Debug, Default)]
struct Look {
    now: DateTime<Utc>,
    agents: Vec<AgentView>,
    locks: BTreeMap<String, HostLock>,
    offered: usize,
    /// Looked at, and not looked at again by this look.
    seen: Vec<Uuid>,
    /// What they wait for, still to be stored.
    keyed: Vec<Keyed>,
    unexplained: Vec<(Ready, Wait, String)>,
    /// How many were asked for of each key that moves.
    asked: BTreeMap<String, i64>,
}

impl Look {
    /// Looks at these in their order, and at those that wait behind them for what has come.
    async fn place_all(&mut self, context: &Context, found: Vec<Ready>) -> Result<(), store::Error> {
        let order = |task: &Ready| (Reverse(task.priority), task.created_at, task.task_id);
        let mut queue: BTreeMap<_, Ready> = found.into_iter().map(|task| (order(&task), task)).collect();
        self.seen.extend(queue.values().map(|task| task.task_id));
        while let Some((_, task)) = queue.pop_first() {
            let moves = self.place_one(context, &task).await?;
            let Some(key) = task.wait_key.filter(|_| moves) else { continue };
            let next = self.next_of(context, &key).await?;
            self.seen.extend(next.iter().map(|task| task.task_id));
            queue.extend(next.into_iter().map(|task| (order(&task), task)));
        }
        self.store_keys(context).await
    }

    /// Those that can be read; the others are given up.
    async fn readable(&mut self, context: &Context, found: Found) -> Result<Vec<Ready>, store::Error> {
        for (task_id, error) in found.unreadable {
            self.seen.push(task_id);
            unreadable::give_up(context, task_id, error).await?;
        }
        Ok(found.ready)
    }

    /// Whether those behind it are to be looked at: it went, or waits for something else now.
    async fn place_one(&mut self, context: &Context, task: &Ready) -> Result<bool, store::Error> {
        match place(&task.wanted, &self.agents, &self.locks, self.now) {
            Placement::Fit { agent_id, hostname } => {
                let offered = match offer(context, task, &agent_id, &hostname).await {
                    Err(error) => {
                        unreadable::give_up(context, task.task_id, error).await?;
                        Offered::No
                    }
                    Ok(offered) => offered,
                };
                let title = match offered {
                    Offered::Yes(title) => title,
                    Offered::No => return Ok(true),
                    Offered::HostTaken => return Ok(false),
                };
                self.offered += 1;
                self.reserve(task, &agent_id, &title);
                // The others have to wait for this one now.
                let has_their_host =
                    |key: &String| task.wanted.exclusive && task.wanted.hosts.iter().any(|host| *key == wait_key::host(host));
                Ok(!task.wait_key.as_ref().is_some_and(has_their_host))
            }
            Placement::Wait { why, key } => {
                let moves = task.wait_key.as_ref() != Some(&key);
                if moves {
                    self.keyed.push(Keyed { task_id: task.task_id, version: task.version.clone(), key: key.clone() });
                }
                if moves || !task.is_explained {
                    self.unexplained.push((task.clone(), advised(why, task.request_id), key));
                }
                Ok(moves)
            }
        }
    }

    /// The next of a key, twice as many each time.
    async fn next_of(&mut self, context: &Context, key: &str) -> Result<Vec<Ready>, store::Error> {
        self.store_keys(context).await?;
        let asked = self.asked.entry(key.to_owned()).or_insert(0);
        *asked = (*asked * 2).clamp(1, NEXT);
        let found = ready::list_next(&mut *context.store.acquire().await?, key, &self.seen, *asked).await?;
        self.readable(context, found).await
    }

    async fn store_keys(&mut self, context: &Context) -> Result<(), store::Error> {
        if !self.keyed.is_empty() {
            ready::set_keys(&mut *context.store.acquire().await?, &self.keyed).await?;
            self.keyed.clear();
        }
        Ok(())
    }

    /// Counts the offer in what the rest of this look sees.
    fn reserve(&mut self, task: &Ready, agent_id: &str, title: &str) {
        if let Some(agent) = self.agents.iter_mut().find(|agent| agent.id == agent_id) {
            agent.reserved = sum(&[std::mem::take(&mut agent.reserved), task.wanted.resources.clone()]);
        }
        if task.wanted.exclusive {
            let lock = HostLock { task_id: task.task_id, title: title.to_owned(), kept: None };
            self.locks.extend(task.wanted.hosts.iter().map(|host| (host.clone(), lock.clone())));
        }
    }

    /// Tells of some why they wait, and comes back for the rest after another look at what can go.
    async fn explain_some(&self, context: &Context) -> Result<(), store::Error> {
        for (task, why, key) in self.unexplained.iter().take(usize::from(EXPLAINED)) {
            if let Err(error) = explain(context, task, why, key).await {
                unreadable::give_up(context, task.task_id, error).await?;
            }
        }
        if self.unexplained.len() > usize::from(EXPLAINED) {
            context.wakes.dispatcher.notify_one();
        }
        Ok(())
    }
}

async fn explain(context: &Context, ready: &Ready, why: &Wait, key: &str) -> Result<(), store::Error> {
    let mut work = context.begin().await?;
    let Some(request) = tasks::lock_request_of(&mut work, ready.task_id).await? else { return Ok(()) };
    let Some(locked) = tasks::lock(&mut work, ready.task_id).await? else { return Ok(()) };
    if matches!(locked.task.status, Status::Pending | Status::Waiting) && ready::waits_by(&mut work, ready.task_id, key).await? {
        if why.what == ACTION && context.run.plan_again(context, &mut work, request.id).await? {
            work.commit().await?;
            return Ok(());
        }
        let was_told = locked.task.status == Status::Waiting && says(&locked.task, why);
        if was_told {
            ready::set_explained(&mut work, ready.task_id).await?;
            return work.commit().await;
        }
        wait::run(context, &mut work, &request, &locked.task, why, key).await?;
        fresh_preview::show(context, &mut work, &request, &locked.task).await?;
        work.commit().await?;
    }
    Ok(())
}

fn says(task: &Task, why: &Wait) -> bool {
    task.waiting_for.as_ref().is_some_and(|before| before["text"] == why.text.as_str())
}

/// What became of a task that could go.
enum Offered {
    /// It went; its title.
    Yes(String),
    /// It can't be offered any more: a person was quicker, or another dispatcher.
    No,
    /// Another dispatcher gave one of its hosts to another task.
    HostTaken,
}

async fn offer(context: &Context, ready: &Ready, agent_id: &str, hostname: &str) -> Result<Offered, store::Error> {
    let mut work = context.begin().await?;
    let Some(request) = tasks::lock_request_of(&mut work, ready.task_id).await? else { return Ok(Offered::No) };
    let Some(locked) = tasks::lock(&mut work, ready.task_id).await? else { return Ok(Offered::No) };
    let fenced = restores::fenced_attempt(&mut work, ready.task_id).await?;
    let Some(NextOffer { attempt, offer, is_new }) = next_offer(&locked, &request, fenced) else { return Ok(Offered::No) };
    if peer::is_one(agent_id) && attempt != 1 {
        return Ok(Offered::No);
    }
    let task = Task { attempt, offer, ..locked.task.clone() };
    let (parameters, plan_sha256) = match filled(&mut work, &task).await? {
        Ok(filled) => filled,
        Err(problem) => {
            give_up(context, &mut work, &locked.task, &problem).await?;
            work.commit().await?;
            return Ok(Offered::No);
        }
    };
    let now = context.clock.now();
    if task.is_exclusive() && !host_locks::take(&mut work, &task.hosts, task.id, attempt, now).await? {
        return Ok(Offered::HostTaken);
    }
    if is_new {
        attempts::add(&mut work, task.id, attempt, now).await?;
    }
    let claim_by = now + context.settings.claim_within;
    let offered = task_changes::Offered { task_id: task.id, from: task.status, attempt, offer, parameters: &parameters, claim_by };
    set_offered(&mut work, &offered, now).await?;
    send(context, &mut work, &request, &task, parameters, plan_sha256, hostname).await?;
    task_story::tell(&mut work, &task, Status::Dispatched, "chiffon", "task.offered", json!({"offer": offer, "hosts": task.hosts}));
    if peer::is_one(agent_id) {
        unverified::hand_over(context, &mut work, &task, agent_id).await?;
    }
    wait::over(&mut work, &request).await?;
    fresh_preview::show(context, &mut work, &request, &task).await?;
    work.commit().await?;
    Ok(Offered::Yes(task.title))
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
async fn filled(work: &mut Work, task: &Task) -> Result<Result<(Map<String, Value>, String), Problem>, store::Error> {
    let open = reference::references(&Value::Object(task.parameters.clone()));
    if open.is_ok_and(|open| open.is_empty()) {
        // Validated when the plan was made, and covered by its hash since.
        return Ok(Ok((task.parameters.clone(), plan_sha256(work, task.plan_id).await?)));
    }
    let plan = plan_part(work, task.plan_id, task.purpose.as_str()).await?;
    let spec = actions::get(work, &task.action, &task.action_sha256).await?;
    let (Some(step), Some(spec)) = (plan.document.step(&task.step_id), spec) else {
        let message = format!("step `{}` or its action {} is not in the records any more; ask for it again", task.step_id, task.action);
        return Ok(Err(Problem::new(ErrorCode::UnknownAction, message)));
    };
    Ok(reference::resolve(step, &spec, &plan.outputs).map(|parameters| (parameters, plan.sha256)))
}

async fn give_up(context: &Context, work: &mut Work, task: &Task, problem: &Problem) -> Result<(), store::Error> {
    let ended = Ended::without_run(task.id, task.status, Status::Failed, problem);
    let by = By { actor: "chiffon", event: "task.failed" };
    end_task::run(context, work, task, &ended, by, json!({"error": problem})).await?;
    end_task::settle(context, work, task.request_id).await
}

async fn send(
    context: &Context,
    work: &mut Work,
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
    let request_of_work = WorkRequest {
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
        variables: variables::get_bound(work, task.id).await?,
    };
    let about = About { request_id: request.id, trace_id: request.trace_id.clone() };
    let envelope = envelope(context, &about, request_of_work);
    let offer = Some(Offer { task_id: task.id, attempt: task.attempt, offer: task.offer });
    work.send(Message { offer, ..Message::work(&queue, &envelope) });
    Ok(())
}

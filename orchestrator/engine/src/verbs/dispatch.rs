//! Looking for what can go: each ready task is offered on a queue with a live lease behind it ([`offer`]), or says what it waits for.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use chiffon_fleet::domain::unknown_kind;
use chiffon_kernel::domain::waiting::{Wait, What};
use chiffon_kernel::store;
use chiffon_protocol::message::AgentType;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::explain::{self, Unexplained};
use super::offer::{self, Placed};
use super::{Context, may_start, unreadable};
use crate::domain::placement::{AgentView, HostLock, Placement, advised, place};
use crate::domain::wait_key;
use crate::store::dispatch::{list_agents, sum};
use crate::store::host_locks;
use crate::store::ready::{self, Found, Keyed, Ready};

/// So many new tasks are looked at together; then come the next.
const BATCH: u16 = 1_000;
/// Of so many it is told in one look why they wait: what can go goes before the rest is explained.
const EXPLAINED: u16 = 50;
/// So many are offered in one transaction.
const OFFERS: usize = 64;
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
        if !look.has_read {
            look.has_read = true;
            look.agents = list_agents(&mut connection, &context.settings.kinds).await?;
            look.locks = host_locks::list(&mut connection).await?;
        }
        drop(connection);
        let is_all = found.ready.iter().filter(|task| task.wait_key.is_none()).count() < usize::from(BATCH);
        let (asking, ready): (Vec<Ready>, Vec<Ready>) = look.readable(context, found).await?.into_iter().partition(|task| task.asks_when);
        look.place_all(context, ready).await?;
        // What goes by the word of its run is found once more, with what follows what does not.
        let was_answered = !asking.is_empty() && look.ask(context, &asking).await?;
        if is_all && !was_answered {
            break;
        }
    }
    look.explain_some(context).await?;
    for (kind, tasks) in &look.unknown {
        tracing::warn!(%kind, tasks, "tasks are left alone: this orchestrator knows no agents of their kind");
    }
    Ok(look.offered)
}

/// One look: what it has seen, and what it makes of that.
#[derive(Debug, Default)]
struct Look {
    now: DateTime<Utc>,
    /// Whether agents and locks were read.
    has_read: bool,
    agents: Vec<AgentView>,
    locks: BTreeMap<String, HostLock>,
    /// What can go and has not been offered yet.
    placed: Vec<Placed>,
    offered: usize,
    /// Looked at, and not looked at again by this look.
    seen: Vec<Uuid>,
    /// What they wait for, still to be stored.
    keyed: Vec<Keyed>,
    unexplained: Vec<Unexplained>,
    /// How many were asked for of each key that moves.
    asked: BTreeMap<String, i64>,
    /// How many were found that are of a kind which is not known here, and had no key.
    unknown: BTreeMap<AgentType, usize>,
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
        self.offer_placed(context).await?;
        self.store_keys(context).await
    }

    /// Asks the runs of these whether they go; whether any has answered.
    async fn ask(&mut self, context: &Context, asking: &[Ready]) -> Result<bool, store::Error> {
        let mut was_answered = false;
        for Ready { task_id, .. } in asking {
            match may_start::run(context, *task_id).await {
                Ok(true) => was_answered = true,
                // A person was quicker, or another dispatcher.
                Ok(false) => self.seen.push(*task_id),
                Err(error) => {
                    self.seen.push(*task_id);
                    unreadable::give_up(context, *task_id, error).await?;
                }
            }
        }
        Ok(was_answered)
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
        let kinds = &context.settings.kinds;
        let Some(kind) = kinds.get(&task.wanted.agent_type) else {
            return Ok(self.leave(task, unknown_kind::wait(kinds, &task.wanted.agent_type)));
        };
        match place(&task.wanted, &self.agents, &self.locks, self.now) {
            Placement::Fit { agent_id, hostname } => {
                self.reserve(task, &agent_id);
                self.placed.push(Placed { task_id: task.task_id, agent_id, queue: kind.queue(&hostname) });
                if self.placed.len() >= OFFERS {
                    self.offer_placed(context).await?;
                }
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
                    self.unexplained.push(Unexplained { task_id: task.task_id, why: advised(why, task.request_id), key });
                }
                Ok(moves)
            }
        }
    }

    /// Leaves a task to orchestrators that know its kind; the key by which one of them has put it aside stays. Whether those behind it
    /// are to be looked at.
    fn leave(&mut self, task: &Ready, why: String) -> bool {
        let kind = &task.wanted.agent_type;
        let key = task.wait_key.clone().unwrap_or_else(|| wait_key::kind(kind));
        if task.wait_key.is_none() {
            *self.unknown.entry(kind.clone()).or_default() += 1;
            self.keyed.push(Keyed { task_id: task.task_id, version: task.version.clone(), key: key.clone() });
        }
        if task.wait_key.is_none() || !task.is_explained {
            self.unexplained.push(Unexplained { task_id: task.task_id, why: Wait::new(What::Agent, why), key: key.clone() });
        }
        wait_key::is_of_several_kinds(&key)
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

    async fn offer_placed(&mut self, context: &Context) -> Result<(), store::Error> {
        let placed = std::mem::take(&mut self.placed);
        if let Ok(offered) = offer::run(context, &placed).await {
            self.offered += offered;
            return Ok(());
        }
        // One of them can't be read, say: it must not take the others with it.
        for placed in &placed {
            match offer::run(context, std::slice::from_ref(placed)).await {
                Ok(offered) => self.offered += offered,
                Err(error) => unreadable::give_up(context, placed.task_id, error).await?,
            }
        }
        Ok(())
    }

    /// Counts the offer in what the rest of this look sees.
    fn reserve(&mut self, task: &Ready, agent_id: &str) {
        if let Some(agent) = self.agents.iter_mut().find(|agent| agent.id == agent_id) {
            agent.reserved = sum(&[std::mem::take(&mut agent.reserved), task.wanted.resources.clone()]);
        }
        if task.wanted.exclusive {
            let lock = HostLock { task_id: task.task_id, title: task.title.clone(), kept: None };
            self.locks.extend(task.wanted.hosts.iter().map(|host| (host.clone(), lock.clone())));
        }
    }

    /// Tells of some why they wait, and comes back for the rest after another look at what can go.
    async fn explain_some(&self, context: &Context) -> Result<(), store::Error> {
        let some = self.unexplained.get(..usize::from(EXPLAINED)).unwrap_or(&self.unexplained);
        if explain::run(context, some).await.is_err() {
            // One of them can't be read, say: it must not take the others with it.
            for unexplained in some {
                if let Err(error) = explain::run(context, std::slice::from_ref(unexplained)).await {
                    unreadable::give_up(context, unexplained.task_id, error).await?;
                }
            }
        }
        if some.len() < self.unexplained.len() {
            context.wakes.dispatcher.notify_one();
        }
        Ok(())
    }
}

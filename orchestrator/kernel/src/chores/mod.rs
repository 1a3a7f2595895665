//! Background work: small idempotent ticks, each woken by a signal and by a period, on one code path for the happy and the
//! repaired case. What each last did can be read (`GET /background`).

pub mod outbox_listener;
pub mod outbox_relay;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chiffon_process::{Spawner, caught};
use chiffon_protocol::Problem;
use tokio::sync::Notify;

use crate::store;
use crate::verbs::Context;

/// What one look came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TickReport {
    /// How many things were dealt with.
    pub done: usize,
}

impl TickReport {
    /// This many things were dealt with.
    pub fn of(done: usize) -> Self {
        Self { done }
    }
}

/// Something that looks, now and then and when it is woken, whether there is something to do.
#[async_trait]
pub trait Chore: Send + Sync + std::fmt::Debug + 'static {
    /// Its name, as operators see it.
    fn name(&self) -> &'static str;

    /// What wakes it at once.
    fn wake(&self) -> &Notify;

    /// How often it looks by itself.
    fn period(&self, context: &Context) -> Duration {
        context.settings.tick
    }

    /// A look that takes longer is given up, as if the process had been killed: its connection may lead nowhere.
    fn limit(&self, context: &Context) -> Duration {
        context.store.longest_work()
    }

    /// Looks once, and does all that there is to do. Twice in a row does no harm.
    async fn tick(&self) -> Result<TickReport, Problem>;
}

/// Runs an agent until the second stage of the stop. Its first look is at once, which is what repairs after a crash.
pub fn spawn(tasks: &Spawner, context: &Context, agent: Arc<dyn Chore>) {
    let context = context.clone();
    tasks.spawn_loop(agent.name(), move || {
        let (context, agent) = (context.clone(), agent.clone());
        async move {
            loop {
                look(&context, agent.as_ref()).await;
                tokio::select! {
                    () = context.shutdown.stopping() => return,
                    _woken_or_not = tokio::time::timeout(agent.period(&context), agent.wake().notified()) => {}
                }
            }
        }
    });
}

/// One look, with its status noted. A panic fails this look only.
pub async fn look(context: &Context, agent: &dyn Chore) {
    context.background.began(agent.name(), context.clock.now());
    let limit = agent.limit(context);
    let result = caught(tokio::time::timeout(limit, agent.tick())).await;
    let now = context.clock.now();
    match result.map(|in_time| in_time.unwrap_or_else(|_| Err(given_up(limit)))) {
        Ok(Ok(report)) => context.background.succeeded(agent.name(), report.done, now),
        Err(panic) => {
            context.background.panicked(agent.name(), &panic, now);
        }
        Ok(Err(problem)) => {
            tracing::warn!(agent = agent.name(), %problem, "a background agent failed; it looks again");
            context.background.failed(agent.name(), problem, now);
        }
    }
}

fn given_up(limit: Duration) -> Problem {
    store::Error::TookTooLong { seconds: limit.as_secs() }.into()
}

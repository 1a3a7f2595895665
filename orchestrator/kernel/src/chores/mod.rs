//! Background work: small idempotent ticks, each woken by a signal and by a period, on one code path for the happy and the
//! repaired case. What each last did can be read (`GET /background`).

pub mod announcer;
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
    /// Whether there is nothing that time alone would bring forward soon: what comes wakes it.
    pub is_idle: bool,
}

impl TickReport {
    /// This many things were dealt with.
    pub fn of(done: usize) -> Self {
        Self { done, is_idle: false }
    }

    /// The same of a look that may be rarer once it finds nothing again and again. Not for what people wait for: a process that dies wakes
    /// nobody in another one.
    pub fn or_idle(done: usize) -> Self {
        Self { done, is_idle: done == 0 }
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
            let mut idle_looks = 0;
            loop {
                idle_looks = if look(&context, agent.as_ref()).await { idle_looks + 1 } else { 0 };
                let rest = rest(agent.period(&context), idle_looks);
                tokio::select! {
                    () = context.shutdown.stopping() => return,
                    woken = tokio::time::timeout(rest, agent.wake().notified()) => if woken.is_ok() { idle_looks = 0 },
                }
            }
        }
    });
}

/// After so many looks in a row that found nothing, each next one waits twice as long.
const IDLE_LOOKS: u32 = 4;
/// And this is how many periods it waits at most: what nobody woke it for, because another process died, waits so long.
const LONGEST_REST: u32 = 8;

/// How long it rests when nobody wakes it: an idle night costs little.
fn rest(period: Duration, idle_looks: u32) -> Duration {
    let doubled = idle_looks.saturating_sub(IDLE_LOOKS).min(LONGEST_REST.ilog2());
    period * 2_u32.pow(doubled)
}

/// One look, with its status noted; whether it was idle. A panic fails this look only.
pub async fn look(context: &Context, agent: &dyn Chore) -> bool {
    context.background.began(agent.name(), context.clock.now());
    let limit = agent.limit(context);
    let result = caught(tokio::time::timeout(limit, agent.tick())).await;
    let now = context.clock.now();
    match result.map(|in_time| in_time.unwrap_or_else(|_| Err(given_up(limit)))) {
        Ok(Ok(report)) => {
            context.background.succeeded(agent.name(), report.done, now);
            report.is_idle
        }
        Err(panic) => {
            context.background.panicked(agent.name(), &panic, now);
            false
        }
        Ok(Err(problem)) => {
            tracing::warn!(agent = agent.name(), %problem, "a background agent failed; it looks again");
            context.background.failed(agent.name(), problem, now);
            false
        }
    }
}

fn given_up(limit: Duration) -> Problem {
    store::Error::TookTooLong { seconds: limit.as_secs() }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_finds_nothing_looks_less_often_and_never_stops_looking() {
        let period = Duration::from_secs(2);
        let rests: Vec<u64> = [0, 1, 4, 5, 6, 7, 8, u32::MAX].map(|looks| rest(period, looks).as_secs()).into();
        assert_eq!(rests, [2, 2, 2, 4, 8, 16, 16, 16]);
    }
}

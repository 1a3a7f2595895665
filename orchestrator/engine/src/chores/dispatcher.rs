//! Sends ready tasks to agents, after taking back offers that nobody claimed. Woken by everything that could make a task ready:
//! an approval, a result, a hello, a heartbeat, a decline.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use chiffon_kernel::chores::{Chore, TickReport};
use chiffon_protocol::Problem;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Notify;

use crate::store::ready;
use crate::verbs::{Context, dispatch, unclaimed};

/// How often it looks for what nobody woke although it could go: beside an orchestrator of the version before, and after a crash.
const NET_EVERY: TimeDelta = TimeDelta::minutes(1);

/// The agent's name.
pub const NAME: &str = "dispatcher";

/// Sends ready tasks to agents.
#[derive(Debug)]
pub struct Dispatcher {
    context: Context,
    net_at: Mutex<Option<DateTime<Utc>>>,
}

impl Dispatcher {
    /// A dispatcher.
    pub fn new(context: Context) -> Self {
        Self { context, net_at: Mutex::new(None) }
    }

    fn net_is_due(&self) -> bool {
        let now = self.context.clock.now();
        let mut net_at = self.net_at.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = net_at.is_none_or(|at| now - at >= NET_EVERY);
        if is_due {
            *net_at = Some(now);
        }
        is_due
    }
}

#[async_trait]
impl Chore for Dispatcher {
    fn name(&self) -> &'static str {
        NAME
    }

    fn wake(&self) -> &Notify {
        &self.context.wakes.dispatcher
    }

    async fn tick(&self) -> Result<TickReport, Problem> {
        if !ready::has_any(&mut *self.context.store.acquire().await?).await? {
            return Ok(TickReport::of(0));
        }
        let withdrawn = unclaimed::run(&self.context).await?;
        if self.net_is_due() {
            ready::wake_missed(&mut *self.context.store.acquire().await?).await?;
        }
        let offered = dispatch::run(&self.context).await?;
        Ok(TickReport::of(withdrawn + offered))
    }
}

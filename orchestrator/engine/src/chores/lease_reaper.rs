//! Marks attempts whose owner fell silent as unknown, stops those that run past their time, and tries again what is unknown, can't
//! run any more and may be repeated. One process at a time does it, under an epoch, and only when its own intake of heartbeats was
//! healthy for a whole lease (RELIABILITY 10, 13).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chiffon_bus::Status;
use chiffon_kernel::chores::{Chore, TickReport};
use chiffon_kernel::verbs::holding::Holding;
use chiffon_protocol::Problem;
use tokio::sync::{Notify, watch};

use crate::store::attempts;
use crate::verbs::intake::Intake;
use crate::verbs::lose_attempt::Fence;
use crate::verbs::{Context, reap_leases, reap_overdue, retry};

/// The agent's name, and its lease's.
pub const NAME: &str = "lease_reaper";
/// The lease lasts for this many looks.
const LEASE_TICKS: u32 = 5;

/// Marks silent attempts.
#[derive(Debug)]
pub struct LeaseReaper {
    context: Context,
    intake: Arc<Intake>,
    never: Notify,
    broker: Mutex<watch::Receiver<Status>>,
    last_look: Mutex<Option<Duration>>,
    holding: Holding,
    nothing_out_at: Mutex<Option<Duration>>,
}

impl LeaseReaper {
    /// A reaper that trusts silence as far as `intake` is healthy.
    pub fn new(context: Context, intake: Arc<Intake>) -> Self {
        let broker = Mutex::new(context.bus.status());
        Self {
            context,
            intake,
            never: Notify::new(),
            broker,
            last_look: Mutex::new(None),
            holding: Holding::new(NAME),
            nothing_out_at: Mutex::new(None),
        }
    }

    /// Whether the broker was there without a break since the last look, and this process was not stopped meanwhile.
    fn heard_everything(&self, now: Duration) -> bool {
        let mut broker = self.broker.lock().unwrap_or_else(PoisonError::into_inner);
        let was_steady = !broker.has_changed().unwrap_or(true);
        let is_connected = *broker.borrow_and_update() == Status::Connected;
        let before = self.last_look.lock().unwrap_or_else(PoisonError::into_inner).replace(now);
        let longest = self.context.settings.agent_lease / 2;
        let looked_lately = before.is_none_or(|before| now.saturating_sub(before) <= longest);
        was_steady && is_connected && looked_lately
    }

    /// Whether an agent has anything, or had within `lately`: what it has only just taken is neither silent nor overdue.
    async fn is_any_out(&self, now: Duration, lately: Duration) -> Result<bool, Problem> {
        let nothing_at = *self.nothing_out_at.lock().unwrap_or_else(PoisonError::into_inner);
        if nothing_at.is_some_and(|at| now.saturating_sub(at) < lately) {
            return Ok(false);
        }
        let is_any = attempts::is_any_out(&mut *self.context.store.acquire().await?).await?;
        *self.nothing_out_at.lock().unwrap_or_else(PoisonError::into_inner) = (!is_any).then_some(now);
        Ok(is_any)
    }
}

#[async_trait]
impl Chore for LeaseReaper {
    fn name(&self) -> &'static str {
        NAME
    }

    /// Only silence makes work for it, so nothing wakes it but its period.
    fn wake(&self) -> &Notify {
        &self.never
    }

    async fn tick(&self) -> Result<TickReport, Problem> {
        let now = self.context.clock.elapsed();
        if self.heard_everything(now) {
            self.intake.works(now);
        } else {
            self.intake.is_troubled();
        }
        let agent_lease = self.context.settings.agent_lease;
        let lease = (self.context.settings.tick * LEASE_TICKS).max(agent_lease);
        let epoch = self.holding.epoch(&self.context, lease).await.inspect_err(|_| self.intake.is_troubled())?;
        let Some(epoch) = epoch.filter(|_| self.intake.has_worked_for(agent_lease, now)) else {
            return Ok(TickReport::default());
        };
        if !self.is_any_out(now, agent_lease / 4).await.inspect_err(|_| self.intake.is_troubled())? {
            return Ok(TickReport::default());
        }
        let fence = Fence { lease: NAME, epoch };
        let silent = reap_leases::run(&self.context, fence).await?;
        let overdue = reap_overdue::run(&self.context, fence).await?;
        let tried_again = retry::run(&self.context, fence).await?;
        Ok(TickReport::of(silent + overdue + tried_again))
    }
}

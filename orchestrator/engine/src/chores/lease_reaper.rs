//! Marks attempts whose owner fell silent as unknown, stops those that run past their time, and tries again what is unknown, can't
//! run any more and may be repeated. One process at a time does it, under an epoch, and only when its own intake of heartbeats was
//! healthy for a whole lease (RELIABILITY 10, 13).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chiffon_bus::Status;
use chiffon_kernel::chores::{Chore, TickReport};
use chiffon_kernel::store::leases;
use chiffon_protocol::Problem;
use tokio::sync::{Notify, watch};

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
}

impl LeaseReaper {
    /// A reaper that trusts silence as far as `intake` is healthy.
    pub fn new(context: Context, intake: Arc<Intake>) -> Self {
        let broker = Mutex::new(context.bus.status());
        Self { context, intake, never: Notify::new(), broker, last_look: Mutex::new(None) }
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
        let mut connection = self.context.store.acquire().await.inspect_err(|_| self.intake.is_troubled())?;
        let lease = (self.context.settings.tick * LEASE_TICKS).max(self.context.settings.agent_lease);
        let epoch =
            leases::acquire(&mut connection, NAME, &self.context.instance, lease).await.inspect_err(|_| self.intake.is_troubled())?;
        drop(connection);
        let Some(epoch) = epoch.filter(|_| self.intake.has_worked_for(self.context.settings.agent_lease, now)) else {
            return Ok(TickReport::default());
        };
        let fence = Fence { lease: NAME, epoch };
        let silent = reap_leases::run(&self.context, fence).await?;
        let overdue = reap_overdue::run(&self.context, fence).await?;
        let tried_again = retry::run(&self.context, fence).await?;
        Ok(TickReport::of(silent + overdue + tried_again))
    }
}

//! Does what time alone makes due: expires requests, reminds people, settles abandoned model calls. One process at a time does
//! it, under an epoch. What silence makes due is the lease reaper's.

use std::time::Duration;

use async_trait::async_trait;
use chiffon_engine::verbs::lose_attempt::Fence;
use chiffon_kernel::chores::{Chore, TickReport};
use chiffon_kernel::verbs::holding::Holding;
use chiffon_protocol::Problem;
use tokio::sync::Notify;

use crate::verbs::{Context, enforce_deadlines};

/// The agent's name, and its lease's.
pub const NAME: &str = "deadline_reaper";
/// What it looks for is a matter of minutes and hours, so it looks less often than others.
const TICKS: u32 = 5;
/// The lease lasts for this many looks.
const LEASE_LOOKS: u32 = 4;

/// Does what time makes due.
#[derive(Debug)]
pub struct DeadlineReaper {
    context: Context,
    never: Notify,
    holding: Holding,
}

impl DeadlineReaper {
    /// A reaper.
    pub fn new(context: Context) -> Self {
        Self { context, never: Notify::new(), holding: Holding::new(NAME) }
    }
}

#[async_trait]
impl Chore for DeadlineReaper {
    fn name(&self) -> &'static str {
        NAME
    }

    /// Only time makes work for it, so nothing wakes it but its period.
    fn wake(&self) -> &Notify {
        &self.never
    }

    fn period(&self, context: &chiffon_kernel::verbs::Context) -> Duration {
        context.settings.tick * TICKS
    }

    async fn tick(&self) -> Result<TickReport, Problem> {
        let lease = self.context.settings.tick * TICKS * LEASE_LOOKS;
        let Some(epoch) = self.holding.epoch(&self.context, lease).await? else { return Ok(TickReport::default()) };
        Ok(TickReport::of(enforce_deadlines::run(&self.context, Fence { lease: NAME, epoch }).await?))
    }
}

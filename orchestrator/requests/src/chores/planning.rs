//! Plans what is to be planned: what is new, and what nobody has planned (RELIABILITY 1).

use crate::store::planning;
pub use crate::verbs::planning_desk::PlanningDesk;
use async_trait::async_trait;
use chiffon_kernel::chores::{Chore, TickReport};
use chiffon_protocol::Problem;
use tokio::sync::Notify;

/// The agent's name.
pub const NAME: &str = "planning";

#[async_trait]
impl Chore for PlanningDesk {
    fn name(&self) -> &'static str {
        NAME
    }

    fn wake(&self) -> &Notify {
        &self.context().wakes.planner
    }

    async fn tick(&self) -> Result<TickReport, Problem> {
        let done = self.take_due().await?;
        // A round whose time has not come yet is looked at again soon.
        let is_waiting = done > 0 || planning::has_any(&mut *self.context().store.acquire().await?).await?;
        Ok(if is_waiting { TickReport::of(done) } else { TickReport::or_idle(0) })
    }
}

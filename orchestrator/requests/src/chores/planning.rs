//! Plans what is to be planned: what is new, and what nobody has planned (RELIABILITY 1).

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
        Ok(TickReport::of(self.take_due().await?))
    }
}

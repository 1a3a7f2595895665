//! Announces again what nobody has planned (RELIABILITY 1).

use async_trait::async_trait;
use chiffon_protocol::Problem;
use tokio::sync::Notify;

use super::{BackgroundAgent, TickReport};
pub use crate::service::planning_desk::PlanningDesk;
use crate::service::wake_planning;

/// The agent's name.
pub const NAME: &str = "planning";

#[async_trait]
impl BackgroundAgent for PlanningDesk {
    fn name(&self) -> &'static str {
        NAME
    }

    fn wake(&self) -> &Notify {
        &self.context().wakes.planner
    }

    async fn tick(&self) -> Result<TickReport, Problem> {
        Ok(TickReport::of(wake_planning::run(self.context()).await?))
    }
}

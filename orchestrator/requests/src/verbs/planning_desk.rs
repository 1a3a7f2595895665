//! Where rounds are planned: a few at a time, each leased first, so that a delivery can be acknowledged before its plan is made.

use std::sync::Arc;

use chiffon_process::{Spawner, caught};
use chiffon_protocol::{ErrorCode, Problem};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::{Context, plan_round};

/// Rounds that this process plans at the same time.
const AT_ONCE: usize = 8;
/// What a round is called among the tasks of this process.
const ROUND: &str = "plan_round";

/// Where rounds are planned.
#[derive(Debug, Clone)]
pub struct PlanningDesk {
    context: Context,
    tasks: Spawner,
    seats: Arc<Semaphore>,
}

impl PlanningDesk {
    /// A desk whose work runs on this spawner.
    pub fn new(context: Context, tasks: Spawner) -> Self {
        Self { context, tasks, seats: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// What it works with.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Leases a round and plans it as a task of its own; `false` when there is nothing to plan.
    /// Waits while all seats are taken, so that a busy process leaves deliveries to others.
    pub async fn take(&self, request_id: Uuid, round: i32) -> Result<bool, Problem> {
        let seat =
            Arc::clone(&self.seats).acquire_owned().await.map_err(|_| Problem::new(ErrorCode::Internal, "the planning desk is closed"))?;
        let Some(lease) = plan_round::lease(&self.context, request_id, round).await? else { return Ok(false) };
        let context = self.context.clone();
        self.tasks.spawn(ROUND, async move {
            let _seat = seat;
            let ended = match caught(Box::pin(plan_round::run(&context, &lease))).await {
                Ok(ended) => ended,
                // Counted as a try and told, as any other failure of a planner.
                Err(panic) => {
                    let problem = context.background.panicked(ROUND, &panic, context.clock.now());
                    plan_round::failed(&context, &lease, &problem).await
                }
            };
            if let Err(problem) = ended {
                // The lease runs out, and the round is announced again.
                tracing::warn!(request_id = %request_id, round, %problem, "planning a round failed");
            }
        });
        Ok(true)
    }
}

//! Where rounds are planned: a few at a time, each leased first. What is to be planned stands in Postgres; a wake brings it here at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chiffon_process::{Spawner, caught};
use chiffon_protocol::{ErrorCode, Problem};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use super::{Context, plan_round};
use crate::store::planning::{self, PlanningLease};

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
    /// Whether something may have been left because all seats were taken.
    is_full: Arc<AtomicBool>,
}

impl PlanningDesk {
    /// A desk whose work runs on this spawner.
    pub fn new(context: Context, tasks: Spawner) -> Self {
        Self { context, tasks, seats: Arc::new(Semaphore::new(AT_ONCE)), is_full: Arc::default() }
    }

    /// What it works with.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Plans what is to be planned now, each round as a task of its own, as far as there are seats; how many. Others look by themselves.
    pub async fn take_due(&self) -> Result<usize, Problem> {
        let mut taken = 0;
        loop {
            // Said before it is so: a seat that is given back from now on has this looked at again.
            self.is_full.store(true, Ordering::SeqCst);
            let mut seats = self.free_seats();
            if seats.is_empty() {
                self.put_off().await?;
                return Ok(taken);
            }
            self.is_full.store(false, Ordering::SeqCst);
            let leases = plan_round::lease_due(&self.context, seats.len()).await?;
            let is_all = leases.len() < seats.len();
            taken += leases.len();
            for lease in leases {
                seats.pop().into_iter().for_each(|seat| self.plan(lease, seat));
            }
            if is_all {
                return Ok(taken);
            }
        }
    }

    /// Leases a round and plans it as a task of its own; `false` when there is nothing to plan.
    /// Waits while all seats are taken, so that a busy process leaves deliveries to others.
    pub async fn take(&self, request_id: Uuid, round: i32) -> Result<bool, Problem> {
        let seat =
            Arc::clone(&self.seats).acquire_owned().await.map_err(|_| Problem::new(ErrorCode::Internal, "the planning desk is closed"))?;
        let Some(lease) = plan_round::lease(&self.context, request_id, round).await? else { return Ok(false) };
        self.plan(lease, seat);
        Ok(true)
    }

    fn free_seats(&self) -> Vec<OwnedSemaphorePermit> {
        std::iter::from_fn(|| Arc::clone(&self.seats).try_acquire_owned().ok()).collect()
    }

    /// What waits for a seat is not forgotten.
    async fn put_off(&self) -> Result<(), Problem> {
        let now = self.context.clock.now();
        let mut connection = self.context.store.acquire().await?;
        Ok(planning::put_off(&mut connection, now - self.context.settings.resend_after, now).await?)
    }

    fn plan(&self, lease: PlanningLease, seat: OwnedSemaphorePermit) {
        let (context, is_full) = (self.context.clone(), Arc::clone(&self.is_full));
        self.tasks.spawn(ROUND, async move {
            let ended = match caught(Box::pin(plan_round::run(&context, &lease))).await {
                Ok(ended) => ended,
                // Counted as a try and told, as any other failure of a planner.
                Err(panic) => {
                    let problem = context.background.panicked(ROUND, &panic, context.clock.now());
                    plan_round::failed(&context, &lease, &problem).await
                }
            };
            if let Err(problem) = ended {
                // The lease runs out, and the round is taken up again.
                tracing::warn!(request_id = %lease.request_id, round = lease.round, %problem, "planning a round failed");
            }
            drop(seat);
            if is_full.swap(false, Ordering::SeqCst) {
                context.wakes.planner.notify_one();
            }
        });
    }
}

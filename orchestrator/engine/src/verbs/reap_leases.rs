//! Attempts whose owner has been silent for longer than its lease, by Postgres time (RELIABILITY 10).

use chiffon_fleet::domain::unverified;
use chiffon_kernel::store;
use chiffon_protocol::ErrorCode;

use super::Context;
use super::lose_attempt::{self, Fence, Proof};
use crate::store::{attempt_leases, tasks};

/// How many are looked at in one go.
const BATCH: i64 = 100;

/// Marks them unknown; how many. The caller holds the lease of the fence, and knows that the intake of heartbeats was healthy
/// for a whole lease.
pub async fn run(context: &Context, fence: Fence) -> Result<usize, store::Error> {
    let expired = {
        let mut connection = context.store.acquire().await?;
        attempt_leases::list_expired(&mut connection, BATCH).await?
    };
    let mut lost = 0;
    for task_id in expired {
        let owner = {
            let mut connection = context.store.acquire().await?;
            tasks::owner(&mut connection, task_id).await?
        };
        let Some((attempt, agent)) = owner else { continue };
        let seconds = context.settings.agent_lease.as_secs_f64();
        let why = if unverified::is_one(&agent) {
            format!("{agent}, which sends no heartbeats, has not reported its end within its time limit and a margin")
        } else {
            format!("{agent} has been silent for longer than {seconds:.0} s")
        };
        lost +=
            usize::from(lose_attempt::run(context, task_id, attempt, ErrorCode::LeaseExpired, &why, Some((fence, Proof::Silence))).await?);
    }
    Ok(lost)
}

//! Calling planners for rounds that waited for an agent.

use chiffon_kernel::store;
use chiffon_kernel::verbs::work::Work;

use crate::store::planning;

/// Lets the rounds be planned that waited for an agent, in the transaction that stores an agent's hello; how many.
pub async fn after_hello(work: &mut Work) -> Result<u64, store::Error> {
    let now = work.now();
    let rounds = planning::let_go_for_agent(work, now).await?;
    if rounds > 0 {
        work.wake_planner();
    }
    Ok(rounds)
}

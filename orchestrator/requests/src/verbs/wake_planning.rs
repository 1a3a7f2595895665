//! Calling planners again: for rounds whose time to be announced has come (RELIABILITY 1), and for those that waited for an agent.

use chiffon_kernel::store;
use chiffon_kernel::verbs::work::Work;
use chiffon_protocol::Problem;

use super::{Context, transition};
use crate::store::planning::{self, Unplanned};

const BATCH: i64 = 100;

/// Announces the rounds again whose `resend_at` has passed; how many. The first call after a start does what a lost broker needs.
pub async fn run(context: &Context) -> Result<usize, Problem> {
    let now = context.clock.now();
    let mut work = context.begin().await?;
    let rounds = planning::take_to_resend(&mut work, now, now + context.settings.resend_after, BATCH).await?;
    announce(context, &mut work, &rounds);
    work.commit().await?;
    Ok(rounds.len())
}

/// Announces the rounds that waited for an agent, in the transaction that stores an agent's hello; how many.
/// The caller wakes the outbox after it has committed.
pub async fn after_hello(context: &Context, work: &mut Work) -> Result<usize, store::Error> {
    let next = context.clock.now() + context.settings.resend_after;
    let rounds = planning::take_waiting_for_agent(work, next).await?;
    announce(context, work, &rounds);
    Ok(rounds.len())
}

fn announce(context: &Context, work: &mut Work, rounds: &[Unplanned]) {
    for round in rounds {
        transition::want_plan(context, work, round.id, &round.trace_id, round.round);
    }
}

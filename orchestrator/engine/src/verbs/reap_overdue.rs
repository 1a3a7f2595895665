//! Runs that go on beyond their time limit although their agent is heard of: the agent should have stopped them by itself, so it
//! is asked to; what it does not stop either is unknown. Silence is not looked at here (`reap_leases`).

use chiffon_kernel::store::{self, leases};
use chiffon_protocol::{ErrorCode, Problem};
use chrono::{DateTime, TimeDelta, Utc};

use super::lose_attempt::{self, Fence, Proof};
use super::{Context, cancel_tasks};
use crate::store::run_deadlines::{self, Overdue};

/// How many are looked at in one go.
const BATCH: i64 = 100;

/// Asks what is overdue to stop, and gives up what was asked before; how many. The caller holds the lease of the fence, and knows
/// that reports were taken in without trouble for a whole lease.
pub async fn run(context: &Context, fence: Fence) -> Result<usize, store::Error> {
    let now = context.clock.now();
    let mut connection = context.store.acquire().await?;
    let overdue = run_deadlines::list_overdue(&mut connection, now, BATCH).await?;
    drop(connection);
    let mut dealt_with = 0;
    for run in overdue {
        let margin = TimeDelta::from_std(context.settings.run_margin).unwrap_or(TimeDelta::minutes(1));
        dealt_with += usize::from(match run.cancel_requested_at.map(|asked| asked + margin) {
            None => ask_to_stop(context, fence, &run, now + margin).await?,
            Some(until) if until > now => wait_longer(context, &run, until).await?,
            Some(_) => give_up(context, fence, &run).await?,
        });
    }
    Ok(dealt_with)
}

async fn ask_to_stop(context: &Context, fence: Fence, run: &Overdue, until: DateTime<Utc>) -> Result<bool, store::Error> {
    let reason = Problem::new(ErrorCode::RunTooLong, format!("it ran longer than its {} s", run.timeout_seconds));
    let reason = format!("{} ({})", reason.message, reason.code.number());
    let mut work = context.begin().await?;
    let report = cancel_tasks::run_one(context, &mut work, run.task_id, &reason, "chiffon").await?;
    let is_asked = report.is_some_and(|report| !report.stopping.is_empty());
    if !is_asked
        || !run_deadlines::set_run_deadline(&mut work, run.task_id, run.attempt, until).await?
        || !leases::is_held(&mut work, fence.lease, fence.epoch).await?
    {
        return Ok(false);
    }
    work.commit().await?;
    tracing::warn!(task_id = %run.task_id, agent = run.agent_id, "a run goes on beyond its time limit; its agent was asked to stop it");
    Ok(true)
}

/// A person asked a moment ago: stopping takes its time.
async fn wait_longer(context: &Context, run: &Overdue, until: DateTime<Utc>) -> Result<bool, store::Error> {
    let mut connection = context.store.acquire().await?;
    run_deadlines::set_run_deadline(&mut connection, run.task_id, run.attempt, until).await
}

async fn give_up(context: &Context, fence: Fence, run: &Overdue) -> Result<bool, store::Error> {
    let agent = run.agent_id.as_deref().unwrap_or("its agent");
    let why = format!("{agent} was asked to stop it after its {} s, and has not reported its end", run.timeout_seconds);
    lose_attempt::run(context, run.task_id, run.attempt, ErrorCode::RunTooLong, &why, Some((fence, Proof::Overdue))).await
}

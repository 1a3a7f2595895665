//! Letting old things go: whole months of logs and metrics, and rows of what is kept for a while. The audit keeps everything, with
//! the digests of the logs (RELIABILITY 21).

use chiffon_engine::verbs::lose_attempt::Fence;
use chiffon_kernel::store::partitions::{self, LOGS, METRICS, Partition};
use chiffon_kernel::store::{self, idempotency, leases};
use chiffon_kernel::verbs::work::Work;
use chiffon_requests::verbs::Context;
use chrono::{DateTime, TimeDelta, Utc};

use crate::store::pruning;

/// Rows that one statement deletes.
const BATCH: i64 = 5_000;
/// Statements in one look, for each kind; the rest has time until the next.
const BATCHES: usize = 100;
/// Sessions and links that count no more are of no use to anybody; who signed in when is in the audit.
const SIGN_INS_KEPT_FOR: TimeDelta = TimeDelta::days(7);

/// Lets go what is old enough; how many partitions and batches. The caller holds the lease of the fence.
pub async fn run(context: &Context, fence: Fence) -> Result<usize, store::Error> {
    let now = context.clock.now();
    let keep = &context.settings.retention;
    let before = |days: u32| now - TimeDelta::days(i64::from(days));
    let mut gone = months(context, fence, LOGS, before(keep.logs_days)).await?;
    gone += months(context, fence, METRICS, before(keep.metrics_days)).await?;
    for kind in [Kind::Logs, Kind::Metrics, Kind::Events, Kind::Answers, Kind::IdempotencyKeys, Kind::SignIns] {
        let until = match kind {
            Kind::Logs => before(keep.logs_days),
            Kind::Metrics => before(keep.metrics_days),
            Kind::Events => before(keep.events_days),
            Kind::Answers => before(keep.answers_days),
            Kind::IdempotencyKeys => now - idempotency::KEPT_FOR,
            Kind::SignIns => now - SIGN_INS_KEPT_FOR,
        };
        gone += rows(context, fence, kind, until).await?;
    }
    Ok(gone)
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Logs,
    Metrics,
    Events,
    Answers,
    IdempotencyKeys,
    SignIns,
}

/// A transaction in which the fence's epoch counts; `None` when it does not any more.
async fn begin(context: &Context, fence: Fence) -> Result<Option<Work>, store::Error> {
    let mut work = context.begin().await?;
    let is_held = leases::is_held(&mut work, fence.lease, fence.epoch).await?;
    Ok(is_held.then_some(work))
}

/// Drops the months of a table that ended before this.
async fn months(context: &Context, fence: Fence, table: &'static str, until: DateTime<Utc>) -> Result<usize, store::Error> {
    let mut connection = context.store.acquire().await?;
    let old = partitions::list_until(&mut connection, table, until).await?;
    drop(connection);
    let mut dropped = 0;
    for partition in old {
        dropped += usize::from(month(context, fence, table, &partition).await?);
    }
    Ok(dropped)
}

async fn month(context: &Context, fence: Fence, table: &str, partition: &Partition) -> Result<bool, store::Error> {
    let Some(mut work) = begin(context, fence).await? else { return Ok(false) };
    if table == LOGS && partitions::has_live_logs(&mut work, partition.starts, partition.ends).await? {
        tracing::info!(partition = partition.name, "a month of logs stays: one of them can still grow, or is not in the audit yet");
        return Ok(false);
    }
    partitions::drop(&mut work, partition).await?;
    work.commit().await?;
    tracing::info!(partition = partition.name, "a month has expired and was dropped");
    Ok(true)
}

/// Deletes rows until none is old enough, or it has been enough for one look.
async fn rows(context: &Context, fence: Fence, kind: Kind, until: DateTime<Utc>) -> Result<usize, store::Error> {
    for batch in 0..BATCHES {
        let Some(mut work) = begin(context, fence).await? else { return Ok(batch) };
        let deleted = match kind {
            Kind::Logs => pruning::stray_logs(&mut work, until, BATCH).await?,
            Kind::Metrics => pruning::stray_metrics(&mut work, until, BATCH).await?,
            Kind::Events => pruning::events(&mut work, until, BATCH).await?,
            Kind::Answers => pruning::answers(&mut work, until, BATCH).await?,
            Kind::IdempotencyKeys => pruning::idempotency_keys(&mut work, until, BATCH).await?,
            Kind::SignIns => pruning::sign_ins(&mut work, until, BATCH).await?,
        };
        work.commit().await?;
        if deleted < BATCH.unsigned_abs() {
            return Ok(batch + usize::from(deleted > 0));
        }
    }
    Ok(BATCHES)
}

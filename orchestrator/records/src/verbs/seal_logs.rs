//! Puts the digests of logs into the audit, so that logs may expire (RELIABILITY 21).
//!
//! A log is sealed when it is whole, and as it is when the rest does not come; what comes later is sealed again. The digest is
//! made without a lock, because stored lines never change; it counts only if no line came meanwhile.

use chiffon_kernel::store::{self, root};
use chiffon_kernel::verbs::Context;
use chrono::TimeDelta;

use crate::domain::log_digest::{LogDigest, LogSeal};
use crate::store::log_seals::{self, Due};

/// So long an ended attempt's log may be incomplete before it is sealed as it is.
const PATIENCE: TimeDelta = TimeDelta::hours(1);
/// An attempt that nobody has reported about and that is older than this is sealed although it has no end.
const ABANDONED: TimeDelta = TimeDelta::days(1);
/// More are sealed the next time.
const BATCH: i64 = 100;
/// Lines read at a time.
pub(super) const PAGE: i64 = 1_000;

/// Seals what is due; how many logs.
pub async fn run(context: &Context) -> Result<usize, store::Error> {
    let now = context.clock.now();
    let due = {
        let mut connection = context.store.acquire().await?;
        log_seals::list_due(&mut connection, now - PATIENCE, now - ABANDONED, BATCH).await?
    };
    let mut sealed = 0;
    for log in due {
        let digest = digest(context, &log).await?;
        sealed += usize::from(seal(context, &log, digest).await?);
    }
    Ok(sealed)
}

async fn digest(context: &Context, log: &Due) -> Result<LogDigest, store::Error> {
    let mut connection = context.store.acquire().await?;
    let mut digest = LogDigest::default();
    while digest.lines() < log.stored_seq {
        let limit = PAGE.min(log.stored_seq - digest.lines());
        let lines = log_seals::lines(&mut connection, log.created_at, log.task_id, log.attempt, digest.lines(), limit).await?;
        if lines.is_empty() || !lines.iter().all(|line| digest.add(line)) {
            // The rest has expired before it was sealed, or was taken out: what is here is what can be told.
            break;
        }
    }
    Ok(digest)
}

async fn seal(context: &Context, log: &Due, digest: LogDigest) -> Result<bool, store::Error> {
    let now = context.clock.now();
    let mut work = context.begin().await?;
    // The request's row first, as everywhere.
    if !root::lock(&mut work, log.request_id).await? || !log_seals::set_sealed(&mut work, log, now).await? {
        return Ok(false);
    }
    let lines = digest.lines();
    if lines > 0 {
        let whole = log.whole && lines == log.stored_seq;
        let seal = LogSeal { task_id: log.task_id, attempt: log.attempt, lines, whole, sha256: digest.finish() };
        work.audit(log.request_id, seal.event());
    }
    work.commit().await?;
    Ok(lines > 0)
}

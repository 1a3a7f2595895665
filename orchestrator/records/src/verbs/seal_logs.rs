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
/// Digests of so many lines are put into the audit together.
const TOGETHER: i64 = 10_000;
/// Lines read at a time.
pub(super) const PAGE: i64 = 1_000;

/// Seals what is due; how many logs.
pub async fn run(context: &Context) -> Result<usize, store::Error> {
    let now = context.clock.now();
    let due = {
        let mut connection = context.store.acquire().await?;
        log_seals::list_due(&mut connection, now - PATIENCE, now - ABANDONED, BATCH).await?
    };
    let (mut sealed, mut digested, mut lines) = (0, Vec::new(), 0);
    for log in due {
        let digest = digest(context, &log).await?;
        lines += digest.lines();
        digested.push((log, digest));
        if lines >= TOGETHER {
            sealed += seal(context, std::mem::take(&mut digested)).await?;
            lines = 0;
        }
    }
    Ok(sealed + seal(context, digested).await?)
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

/// Seals those whose requests nobody holds at this moment; how many had lines. The others are due the next time.
async fn seal(context: &Context, digested: Vec<(Due, LogDigest)>) -> Result<usize, store::Error> {
    if digested.is_empty() {
        return Ok(0);
    }
    let mut work = context.begin().await?;
    // The requests' rows first, as everywhere.
    let free = root::lock_free(&mut work, &digested.iter().map(|(log, _)| log.request_id).collect::<Vec<_>>()).await?;
    let logs: Vec<&Due> = digested.iter().map(|(log, _)| log).filter(|log| free.contains(&log.request_id)).collect();
    let now = work.now();
    let sealed = log_seals::set_sealed(&mut work, &logs, now).await?;
    let mut with_lines = 0;
    for (log, digest) in digested.into_iter().filter(|(log, _)| sealed.contains(&(log.task_id, log.attempt))) {
        let lines = digest.lines();
        if lines > 0 {
            let whole = log.whole && lines == log.stored_seq;
            let seal = LogSeal { task_id: log.task_id, attempt: log.attempt, lines, whole, sha256: digest.finish() };
            work.audit(log.request_id, seal.event());
            with_lines += 1;
        }
    }
    work.commit().await?;
    Ok(with_lines)
}

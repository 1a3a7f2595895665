//! Logs against the digests that their requests' chains keep of them. A log that has expired is no damage; one that was shortened is.

use chiffon_kernel::store;
use serde_json::json;
use sqlx::PgConnection;

use super::{LogSeals, Report};
use crate::domain::log_digest::{LogDigest, LogSeal, first_difference};
use crate::store::log_seals;
use crate::verbs::seal_logs::PAGE;

/// Checks the logs of one request.
pub(super) async fn run(connection: &mut PgConnection, seals: &LogSeals, report: &mut Report) -> Result<(), store::Error> {
    for seal in seals.values().filter(|seal| seal.lines > 0) {
        one(connection, seal, report).await?;
    }
    Ok(())
}

async fn one(connection: &mut PgConnection, seal: &LogSeal, report: &mut Report) -> Result<(), store::Error> {
    let LogSeal { task_id, attempt, lines, .. } = seal;
    let whose = format!("the log of task {task_id}, attempt {attempt}");
    let Some(created_at) = log_seals::created_at(connection, *task_id, *attempt).await? else {
        let details = json!({"kind": "log", "task_id": task_id, "attempt": attempt});
        report.broken(format!("{whose} has a digest in the audit, and the attempt is gone from the database"), details);
        return Ok(());
    };
    let mut digest = LogDigest::default();
    let missing = loop {
        if digest.lines() >= *lines {
            break None;
        }
        let limit = PAGE.min(lines - digest.lines());
        let page = log_seals::lines(connection, created_at, *task_id, *attempt, digest.lines(), limit).await?;
        if page.is_empty() || page.iter().any(|line| !digest.add(line)) {
            break Some(digest.lines() + 1);
        }
    };
    if missing == Some(1) && log_seals::kept_since(connection).await?.is_some_and(|since| created_at < since) {
        report.logs_expired += 1;
        return Ok(());
    }
    if let Some(line) = missing {
        let details = json!({"kind": "log", "task_id": task_id, "attempt": attempt, "from": line, "to": line});
        report.broken(format!("line {line} of {whose} is missing; {lines} lines were sealed"), details);
    } else if let Some((from, to)) = first_difference(seal, digest) {
        let details = json!({"kind": "log", "task_id": task_id, "attempt": attempt, "from": from, "to": to});
        report.broken(format!("{whose} is not as it was sealed: one of the lines {from} to {to} was changed"), details);
    } else {
        report.logs += 1;
    }
    Ok(())
}

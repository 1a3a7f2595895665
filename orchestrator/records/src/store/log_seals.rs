//! Logs whose digest is due in the audit, and their lines (RELIABILITY 21).

use std::collections::BTreeSet;

use chiffon_kernel::store::Error;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::log_digest::Line;

/// An attempt whose log is to be digested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The request.
    pub request_id: Uuid,
    /// The task.
    pub task_id: Uuid,
    /// The attempt.
    pub attempt: i32,
    /// Its log's partition key.
    pub created_at: DateTime<Utc>,
    /// How many lines are there without a gap.
    pub stored_seq: i64,
    /// Whether these are all.
    pub whole: bool,
}

/// The attempts whose logs are due: those that are whole, those of attempts that ended before `impatient`, and those of
/// attempts from before `abandoned` that nobody reports about any more.
pub async fn list_due(
    connection: &mut PgConnection,
    impatient: DateTime<Utc>,
    abandoned: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<Due>, Error> {
    Ok(sqlx::query_as!(
        Due,
        r#"SELECT t.request_id, a.task_id, a.attempt, a.created_at, a.stored_seq,
            (a.finished_at IS NOT NULL AND a.stored_seq >= COALESCE(a.last_seq, 0)) AS "whole!"
        FROM task_attempts a
        JOIN tasks t ON t.id = a.task_id
        WHERE a.log_sealed_at IS NULL
        AND (a.finished_at IS NOT NULL AND (a.stored_seq >= COALESCE(a.last_seq, 0) OR a.finished_at < $1)
            OR a.finished_at IS NULL AND a.created_at < $2 AND a.lease_expires_at < now())
        ORDER BY a.created_at
        LIMIT $3"#,
        impatient,
        abandoned,
        limit,
    )
    .fetch_all(connection)
    .await?)
}

/// Notes that the digests of the first `stored_seq` lines are in the audit; of which that is so. Not where more lines came, or another
/// process was quicker.
pub async fn set_sealed(connection: &mut PgConnection, logs: &[&Due], at: DateTime<Utc>) -> Result<BTreeSet<(Uuid, i32)>, Error> {
    let sealed = sqlx::query!(
        "UPDATE task_attempts
        SET log_sealed_at = $4
        FROM unnest($1::uuid[], $2::int[], $3::bigint[]) AS log (task_id, attempt, stored_seq)
        WHERE task_attempts.task_id = log.task_id AND task_attempts.attempt = log.attempt
        AND task_attempts.stored_seq = log.stored_seq AND log_sealed_at IS NULL
        RETURNING task_attempts.task_id, task_attempts.attempt",
        &logs.iter().map(|log| log.task_id).collect::<Vec<_>>(),
        &logs.iter().map(|log| log.attempt).collect::<Vec<_>>(),
        &logs.iter().map(|log| log.stored_seq).collect::<Vec<_>>(),
        at,
    )
    .fetch_all(connection)
    .await?;
    Ok(sealed.into_iter().map(|row| (row.task_id, row.attempt)).collect())
}

/// When an attempt was made, which is its log's partition key.
pub async fn created_at(connection: &mut PgConnection, task_id: Uuid, attempt: i32) -> Result<Option<DateTime<Utc>>, Error> {
    Ok(sqlx::query_scalar!(
        "SELECT created_at
        FROM task_attempts
        WHERE task_id = $1 AND attempt = $2",
        task_id,
        attempt,
    )
    .fetch_optional(connection)
    .await?)
}

/// The next lines of an attempt's log after a number.
pub async fn lines(
    connection: &mut PgConnection,
    created_at: DateTime<Utc>,
    task_id: Uuid,
    attempt: i32,
    after: i64,
    limit: i64,
) -> Result<Vec<Line>, Error> {
    Ok(sqlx::query_as!(
        Line,
        "SELECT seq, at, kind, host, name, text, diff
        FROM execution_logs
        WHERE created_at = $1 AND task_id = $2 AND attempt = $3 AND seq > $4
        ORDER BY seq
        LIMIT $5",
        created_at,
        task_id,
        attempt,
        after,
        limit,
    )
    .fetch_all(connection)
    .await?)
}

/// From when on logs are kept: the beginning of the oldest partition; `None` when there is only the default one.
pub async fn kept_since(connection: &mut PgConnection) -> Result<Option<DateTime<Utc>>, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT min((regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \(''([^'']+)'''))[1]::timestamptz) AS since
        FROM pg_inherits i
        JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'execution_logs'::regclass"#
    )
    .fetch_one(connection)
    .await?)
}

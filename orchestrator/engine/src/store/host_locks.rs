//! Who changes which host: two tasks never change one host at the same time (RELIABILITY 12).
//!
//! Hosts are taken sorted and all or none, so that two dispatchers can't each hold half.

use std::collections::BTreeMap;

use chiffon_kernel::store::Error;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::placement::{HostLock, Kept};

/// Takes all of these hosts for an attempt. `false`: somebody has one of them, and the caller must roll back.
pub async fn take(connection: &mut PgConnection, hosts: &[String], task_id: Uuid, attempt: i32, at: DateTime<Utc>) -> Result<bool, Error> {
    let mut sorted = hosts.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let done = sqlx::query!(
        "INSERT INTO host_locks (host, task_id, attempt, taken_at)
        SELECT host, $2, $3, $4
        FROM unnest($1::text[]) AS host
        ORDER BY host
        ON CONFLICT (host) DO NOTHING",
        &sorted,
        task_id,
        attempt,
        at,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == sorted.len() as u64)
}

/// How many hosts an attempt has.
pub async fn count(connection: &mut PgConnection, task_id: Uuid, attempt: i32) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!"
        FROM host_locks
        WHERE task_id = $1 AND attempt = $2"#,
        task_id,
        attempt,
    )
    .fetch_one(connection)
    .await?)
}

/// Keeps a host that an attempt has, or that nobody has, from other work after the attempt's end. `false`: another task has it.
pub async fn keep(
    connection: &mut PgConnection,
    host: &str,
    (task_id, attempt): (Uuid, i32),
    what: &[String],
    at: DateTime<Utc>,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        "INSERT INTO host_locks (host, task_id, attempt, taken_at, kept_at, kept_for)
        VALUES ($1, $2, $3, $5, $5, $4)
        ON CONFLICT (host) DO UPDATE
        SET attempt = $3, kept_at = $5, kept_for = $4
        WHERE host_locks.task_id = $2",
        host,
        task_id,
        attempt,
        what,
        at,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The task for which a host is kept.
pub async fn kept_for(connection: &mut PgConnection, host: &str) -> Result<Option<Uuid>, Error> {
    Ok(sqlx::query_scalar!("SELECT task_id FROM host_locks WHERE host = $1 AND kept_at IS NOT NULL", host)
        .fetch_optional(connection)
        .await?)
}

/// Gives a kept host back; what it was kept for. `None`: it is not kept for this task any more.
pub async fn let_go(connection: &mut PgConnection, host: &str, task_id: Uuid) -> Result<Option<Vec<String>>, Error> {
    Ok(sqlx::query_scalar!(
        "DELETE FROM host_locks
        WHERE host = $1 AND task_id = $2 AND kept_at IS NOT NULL
        RETURNING kept_for",
        host,
        task_id,
    )
    .fetch_optional(connection)
    .await?)
}

/// Gives a task's hosts back, but for those that are kept.
pub async fn release(connection: &mut PgConnection, task_id: Uuid) -> Result<(), Error> {
    sqlx::query!(
        "DELETE FROM host_locks
        WHERE task_id = $1 AND kept_at IS NULL",
        task_id,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// All hosts that are taken, with what changes them.
pub async fn list(connection: &mut PgConnection) -> Result<BTreeMap<String, HostLock>, Error> {
    let rows = sqlx::query!(
        "SELECT l.host, l.task_id, t.title, l.kept_at, l.kept_for
        FROM host_locks l
        JOIN tasks t ON t.id = l.task_id",
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let kept = row.kept_at.map(|since| Kept { since, what: row.kept_for });
            (row.host, HostLock { task_id: row.task_id, title: row.title, kept })
        })
        .collect())
}

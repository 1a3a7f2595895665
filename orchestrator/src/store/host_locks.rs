//! Who changes which host: two tasks never change one host at the same time (RELIABILITY 12).
//!
//! Hosts are taken sorted and all or none, so that two dispatchers can't each hold half.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::Error;
use crate::domain::placement::HostLock;

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

/// Gives a task's hosts back.
pub async fn release(connection: &mut PgConnection, task_id: Uuid) -> Result<(), Error> {
    sqlx::query!(
        "DELETE FROM host_locks
        WHERE task_id = $1",
        task_id,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// All hosts that are taken, with what changes them.
pub async fn list(connection: &mut PgConnection) -> Result<BTreeMap<String, HostLock>, Error> {
    let rows = sqlx::query!(
        "SELECT l.host, l.task_id, t.title
        FROM host_locks l
        JOIN tasks t ON t.id = l.task_id",
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.host, HostLock { task_id: row.task_id, title: row.title })).collect())
}

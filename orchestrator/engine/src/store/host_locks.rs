//! Who changes which host: two tasks never change one host at the same time (RELIABILITY 12).
//!
//! Hosts are taken sorted and all or none, so that two dispatchers can't each hold half.

use std::collections::{BTreeMap, BTreeSet};

use chiffon_kernel::store::Error;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::placement::{HostLock, Kept};

/// The hosts of one attempt.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'w> {
    /// The task.
    pub task_id: Uuid,
    /// The attempt.
    pub attempt: i32,
    /// What it must have for itself.
    pub hosts: &'w [String],
}

/// Takes hosts for attempts, all or none of each; the tasks that have theirs now. Of two that want one host the first gets it.
pub async fn take(connection: &mut PgConnection, wanted: &[Wanted<'_>], at: DateTime<Utc>) -> Result<BTreeSet<Uuid>, Error> {
    // In the order of the hosts, so that two dispatchers can't each hold half; of one host, in the order in which they are wanted.
    let mut rows: Vec<(&String, Uuid, i32)> = Vec::new();
    for wanted in wanted {
        let hosts: BTreeSet<&String> = wanted.hosts.iter().collect();
        rows.extend(hosts.into_iter().map(|host| (host, wanted.task_id, wanted.attempt)));
    }
    rows.sort_by_key(|(host, ..)| *host);
    let taken = sqlx::query!(
        "INSERT INTO host_locks (host, task_id, attempt, taken_at)
        SELECT host, task_id, attempt, $4
        FROM unnest($1::text[], $2::uuid[], $3::int[]) WITH ORDINALITY AS wanted (host, task_id, attempt, number)
        ORDER BY number
        ON CONFLICT (host) DO NOTHING
        RETURNING host, task_id",
        &rows.iter().map(|(host, ..)| (*host).clone()).collect::<Vec<_>>(),
        &rows.iter().map(|(_, task_id, _)| *task_id).collect::<Vec<_>>(),
        &rows.iter().map(|(.., attempt)| *attempt).collect::<Vec<_>>(),
        at,
    )
    .fetch_all(&mut *connection)
    .await?;
    let has_all = |wanted: &&Wanted<'_>| {
        wanted.hosts.iter().all(|host| taken.iter().any(|taken| taken.host == *host && taken.task_id == wanted.task_id))
    };
    let (whole, halves): (Vec<&Wanted<'_>>, Vec<&Wanted<'_>>) = wanted.iter().partition(has_all);
    if !halves.is_empty() {
        release(connection, &halves.iter().map(|half| half.task_id).collect::<Vec<_>>()).await?;
    }
    Ok(whole.into_iter().map(|whole| whole.task_id).collect())
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

/// Gives these tasks' hosts back, but for those that are kept, and lets the steps be looked at that waited only for those of them after
/// which others go on: plan, purpose, step.
pub async fn release_after(connection: &mut PgConnection, task_ids: &[Uuid], passed: &[(Uuid, &str, &str)]) -> Result<(), Error> {
    sqlx::query!(
        "WITH released AS (
            DELETE FROM host_locks
            WHERE task_id = ANY ($1) AND kept_at IS NULL
        )
        UPDATE tasks
        SET wait_key = 'look'
        FROM unnest($2::uuid[], $3::text[], $4::text[]) AS done (plan_id, purpose, step_id)
        WHERE tasks.plan_id = done.plan_id AND tasks.purpose = done.purpose AND status = 'pending' AND wait_key = 'steps'
        AND done.step_id = ANY (depends_on)
        AND (SELECT true FROM tasks_behind_their_steps b WHERE b.id = tasks.id)",
        task_ids,
        &passed.iter().map(|(plan_id, ..)| *plan_id).collect::<Vec<_>>(),
        &passed.iter().map(|(_, purpose, _)| (*purpose).to_owned()).collect::<Vec<_>>(),
        &passed.iter().map(|(.., step_id)| (*step_id).to_owned()).collect::<Vec<_>>(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Gives these tasks' hosts back, but for those that are kept.
pub async fn release(connection: &mut PgConnection, task_ids: &[Uuid]) -> Result<(), Error> {
    sqlx::query!(
        "DELETE FROM host_locks
        WHERE task_id = ANY ($1) AND kept_at IS NULL",
        task_ids,
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

//! The leases of attempts: how long an owner may be silent (RELIABILITY 9).

use std::time::Duration;

use chiffon_fleet::store::agents::OpenCancel;
use chiffon_kernel::store::Error;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// An attempt that an agent says it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The agent.
    pub agent_id: String,
    /// The task.
    pub task_id: Uuid,
    /// The attempt.
    pub attempt: i32,
}

/// Renews the leases of attempts that their owners name; those whose task counted as unknown.
pub async fn renew(connection: &mut PgConnection, held: &[Held], lease: Duration) -> Result<Vec<Uuid>, Error> {
    let agents: Vec<String> = held.iter().map(|held| held.agent_id.clone()).collect();
    let tasks: Vec<Uuid> = held.iter().map(|held| held.task_id).collect();
    let attempts: Vec<i32> = held.iter().map(|held| held.attempt).collect();
    Ok(sqlx::query_scalar!(
        r#"WITH renewed AS (
            UPDATE task_attempts t
            SET lease_expires_at = now() + make_interval(secs => $4)
            FROM unnest($1::text[], $2::uuid[], $3::int[]) AS held (agent_id, task_id, attempt)
            WHERE t.task_id = held.task_id AND t.attempt = held.attempt AND t.agent_id = held.agent_id AND t.finished_at IS NULL
            RETURNING t.task_id, t.attempt
        )
        SELECT tasks.id AS "id!"
        FROM renewed
        JOIN tasks ON tasks.id = renewed.task_id AND tasks.attempt = renewed.attempt
        WHERE tasks.status = 'unknown'"#,
        &agents,
        &tasks,
        &attempts,
        lease.as_secs_f64(),
    )
    .fetch_all(connection)
    .await?)
}

/// Those of these attempts, which their owners say are running, that count no more: a person has decided about their task, or another
/// attempt is made of it (RELIABILITY 13 and 14).
pub async fn list_outlived(connection: &mut PgConnection, held: &[Held]) -> Result<Vec<OpenCancel>, Error> {
    let agents: Vec<String> = held.iter().map(|held| held.agent_id.clone()).collect();
    let tasks: Vec<Uuid> = held.iter().map(|held| held.task_id).collect();
    let attempts: Vec<i32> = held.iter().map(|held| held.attempt).collect();
    Ok(sqlx::query_as!(
        OpenCancel,
        r#"SELECT tasks.id AS task_id, tasks.request_id, r.trace_id, a.id AS agent_id, a.incarnation, t.attempt AS "attempt: Option<i32>",
            'attempt ' || t.attempt || ' counts no more: its task is ' || tasks.status || ' at attempt ' || tasks.attempt AS "reason!"
        FROM unnest($1::text[], $2::uuid[], $3::int[]) AS held (agent_id, task_id, attempt)
        JOIN task_attempts t ON t.task_id = held.task_id AND t.attempt = held.attempt AND t.agent_id = held.agent_id
        JOIN tasks ON tasks.id = t.task_id
        JOIN agents a ON a.id = t.agent_id
        JOIN requests r ON r.id = tasks.request_id
        WHERE t.finished_at IS NULL
        AND (tasks.attempt <> t.attempt OR tasks.status NOT IN ('dispatched', 'running', 'unknown'))"#,
        &agents,
        &tasks,
        &attempts,
    )
    .fetch_all(connection)
    .await?)
}

/// Tasks whose owner's lease is over, by Postgres time.
pub async fn list_expired(connection: &mut PgConnection, limit: i64) -> Result<Vec<Uuid>, Error> {
    Ok(sqlx::query_scalar!(
        "SELECT tasks.id
        FROM task_attempts t
        JOIN tasks ON tasks.id = t.task_id AND tasks.attempt = t.attempt
        WHERE t.claimed_at IS NOT NULL AND t.finished_at IS NULL AND t.lease_expires_at < now()
        AND tasks.status IN ('dispatched', 'running')
        ORDER BY t.lease_expires_at
        LIMIT $1",
        limit,
    )
    .fetch_all(connection)
    .await?)
}

/// Whether an attempt's lease is over at this moment or, where a time is given, whether it was to stop and its own time is over;
/// and whether the reaper's epoch still counts.
pub async fn is_expired(
    connection: &mut PgConnection,
    task_id: Uuid,
    attempt: i32,
    due: Option<DateTime<Utc>>,
    lease: &str,
    epoch: i64,
) -> Result<bool, Error> {
    let found = sqlx::query_scalar!(
        "SELECT t.attempt
        FROM task_attempts t
        JOIN tasks ON tasks.id = t.task_id AND tasks.attempt = t.attempt
        WHERE t.task_id = $1 AND t.attempt = $2 AND t.finished_at IS NULL
        AND CASE WHEN $5::timestamptz IS NULL
            THEN t.lease_expires_at < now()
            ELSE tasks.deadline_at <= $5 AND tasks.cancel_requested_at IS NOT NULL
        END
        AND EXISTS (SELECT FROM leases WHERE name = $3 AND leases.epoch = $4 AND leases.expires_at > now())",
        task_id,
        attempt,
        lease,
        epoch,
        due,
    )
    .fetch_optional(connection)
    .await?;
    Ok(found.is_some())
}

//! Runs whose time is over.

use chiffon_kernel::store::Error;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// A run whose time is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overdue {
    /// The task.
    pub task_id: Uuid,
    /// Its attempt.
    pub attempt: i32,
    /// Its owner.
    pub agent_id: Option<String>,
    /// Its time limit.
    pub timeout_seconds: i64,
    /// When it was asked to stop.
    pub cancel_requested_at: Option<DateTime<Utc>>,
}

/// Owned attempts whose time is over, by the process's clock. Those of agents that sign nothing are left out: nobody can ask them to
/// stop, and their lease is their time.
pub async fn list_overdue(connection: &mut PgConnection, now: DateTime<Utc>, limit: i64) -> Result<Vec<Overdue>, Error> {
    Ok(sqlx::query_as!(
        Overdue,
        "SELECT t.id AS task_id, t.attempt, a.agent_id, t.timeout_seconds, t.cancel_requested_at
        FROM tasks t
        JOIN task_attempts a ON a.task_id = t.id AND a.attempt = t.attempt
        WHERE t.finished_at IS NULL AND t.status IN ('dispatched', 'running') AND t.deadline_at <= $1
        AND a.claimed_at IS NOT NULL AND a.finished_at IS NULL AND a.verified
        ORDER BY t.deadline_at
        LIMIT $2",
        now,
        limit,
    )
    .fetch_all(connection)
    .await?)
}

/// Moves the time at which a run must have ended. `false` when it is not that attempt's any more.
pub async fn set_run_deadline(connection: &mut PgConnection, task_id: Uuid, attempt: i32, at: DateTime<Utc>) -> Result<bool, Error> {
    let done = sqlx::query!(
        "UPDATE tasks
        SET deadline_at = $3
        WHERE id = $1 AND attempt = $2 AND finished_at IS NULL AND status IN ('dispatched', 'running')",
        task_id,
        attempt,
        at,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

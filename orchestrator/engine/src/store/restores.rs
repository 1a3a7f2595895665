//! What a restored database marks, because nobody can know how far it had gone after the backup (RELIABILITY 13), and what agents
//! report about that.

use chiffon_kernel::store::Error;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

/// So many attempts of one task are taken to have been possible between a backup and its restore.
pub const POSSIBLE_ATTEMPTS: i32 = 1_000;

/// Fences the attempts of all tasks that are open or may be tried again, takes offers back that nobody had claimed, gives their
/// hosts back, drops what was about to be sent to agents, and ends all leases under which something may be written. How many tasks
/// were fenced.
pub async fn fence(connection: &mut PgConnection, at: DateTime<Utc>) -> Result<u64, Error> {
    let fenced = sqlx::query!(
        "UPDATE tasks
        SET fenced_attempt = GREATEST(fenced_attempt, attempt) + $1
        WHERE finished_at IS NULL
        OR status = 'interrupted' AND EXISTS (SELECT FROM requests r WHERE r.id = tasks.request_id AND r.finished_at IS NULL)",
        POSSIBLE_ATTEMPTS,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "WITH withdrawn AS (
            UPDATE tasks
            SET status = 'waiting', claim_by = NULL, resend_at = NULL, offer = offer + 1, updated_at = $1
            WHERE status = 'dispatched'
            AND NOT EXISTS (
                SELECT
                FROM task_attempts a
                WHERE a.task_id = tasks.id AND a.attempt = tasks.attempt AND a.claim_id IS NOT NULL
            )
            RETURNING id
        )
        DELETE FROM host_locks
        USING withdrawn
        WHERE host_locks.task_id = withdrawn.id",
        at,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!("DELETE FROM outbox WHERE task_id IS NOT NULL").execute(&mut *connection).await?;
    sqlx::query!("UPDATE leases SET epoch = epoch + 1, expires_at = now()").execute(&mut *connection).await?;
    sqlx::query!("UPDATE requests SET planning_lease_until = NULL WHERE planning_lease_until IS NOT NULL").execute(connection).await?;
    Ok(fenced.rows_affected())
}

/// The requests that have not ended.
pub async fn list_open(connection: &mut PgConnection) -> Result<Vec<Uuid>, Error> {
    Ok(sqlx::query_scalar!("SELECT id FROM requests WHERE finished_at IS NULL ORDER BY id").fetch_all(connection).await?)
}

/// An attempt that was made after the backup, by its owner's word. Whether it is new here, or belonged to nobody.
pub async fn adopt(
    connection: &mut PgConnection,
    task_id: Uuid,
    attempt: i32,
    agent_id: &str,
    incarnation: i64,
    claim_id: Uuid,
    at: DateTime<Utc>,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        "INSERT INTO task_attempts (task_id, attempt, created_at, agent_id, incarnation, claim_id, claimed_at, lease_expires_at)
        VALUES ($1, $2, $6, $3, $4, $5, $6, now())
        ON CONFLICT (task_id, attempt) DO UPDATE
        SET agent_id = $3, incarnation = $4, claim_id = $5, claimed_at = $6, lease_expires_at = now()
        WHERE task_attempts.claim_id IS NULL AND task_attempts.finished_at IS NULL",
        task_id,
        attempt,
        agent_id,
        incarnation,
        claim_id,
        at,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Makes an adopted attempt the newest one of a task.
pub async fn set_attempt(connection: &mut PgConnection, task_id: Uuid, attempt: i32) -> Result<(), Error> {
    sqlx::query!("UPDATE tasks SET attempt = $2 WHERE id = $1", task_id, attempt).execute(connection).await?;
    Ok(())
}

/// A report about a task that this database has never heard of.
#[derive(Debug, Clone)]
pub struct Stray<'s> {
    /// Its id.
    pub id: Uuid,
    /// Who reports.
    pub agent_id: &'s str,
    /// The task.
    pub task_id: Uuid,
    /// The attempt.
    pub attempt: i32,
    /// `status` or `result`.
    pub kind: &'static str,
    /// SHA-256 of the body.
    pub sha256: &'s [u8],
    /// The report.
    pub body: &'s Value,
}

/// Stores it. `false`: it is here already.
pub async fn add_stray(connection: &mut PgConnection, stray: &Stray<'_>, at: DateTime<Utc>) -> Result<bool, Error> {
    let done = sqlx::query!(
        "INSERT INTO stray_reports (id, agent_id, task_id, attempt, kind, sha256, body, received_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT DO NOTHING",
        stray.id,
        stray.agent_id,
        stray.task_id,
        stray.attempt,
        stray.kind,
        stray.sha256,
        stray.body,
        at,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

//! Deleting what is old, some rows at a time, so that nobody waits for it. What the audit holds is never touched.

use chiffon_kernel::store::Error;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// Log lines that no monthly partition took, except those of attempts that can still report, or whose digest is not in the audit yet.
pub async fn stray_logs(connection: &mut PgConnection, before: DateTime<Utc>, most: i64) -> Result<u64, Error> {
    let done = sqlx::query!(
        "DELETE FROM execution_logs_default
        WHERE ctid = ANY (ARRAY(
            SELECT l.ctid
            FROM execution_logs_default l
            WHERE l.created_at < $1
            AND NOT EXISTS (
                SELECT
                FROM task_attempts a
                JOIN tasks t ON t.id = a.task_id
                WHERE a.task_id = l.task_id AND a.attempt = l.attempt
                AND (a.finished_at IS NULL AND t.finished_at IS NULL OR a.log_sealed_at IS NULL AND a.stored_seq > 0)
            )
            LIMIT $2
        ))",
        before,
        most,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

/// Heartbeats that no monthly partition took.
pub async fn stray_metrics(connection: &mut PgConnection, before: DateTime<Utc>, most: i64) -> Result<u64, Error> {
    let done = sqlx::query!(
        "DELETE FROM resource_metrics_default
        WHERE ctid = ANY (ARRAY(SELECT ctid FROM resource_metrics_default WHERE at < $1 LIMIT $2))",
        before,
        most,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

/// What live views of finished requests replay; the audit tells their story.
pub async fn events(connection: &mut PgConnection, before: DateTime<Utc>, most: i64) -> Result<u64, Error> {
    let done = sqlx::query!(
        "DELETE FROM request_events
        WHERE (request_id, seq) IN (
            SELECT e.request_id, e.seq
            FROM requests r
            JOIN request_events e ON e.request_id = r.id
            WHERE r.finished_at < $1
            LIMIT $2
        )",
        before,
        most,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

/// The texts of models' answers; what a call cost stays.
pub async fn answers(connection: &mut PgConnection, before: DateTime<Utc>, most: i64) -> Result<u64, Error> {
    let done = sqlx::query!(
        "UPDATE llm_calls
        SET answer = NULL
        WHERE id IN (SELECT id FROM llm_calls WHERE answer IS NOT NULL AND started_at < $1 LIMIT $2)",
        before,
        most,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

/// Answers to calls with an `Idempotency-Key`.
pub async fn idempotency_keys(connection: &mut PgConnection, before: DateTime<Utc>, most: i64) -> Result<u64, Error> {
    let done = sqlx::query!(
        "DELETE FROM idempotency_keys
        WHERE (principal_id, key) IN (SELECT principal_id, key FROM idempotency_keys WHERE created_at < $1 LIMIT $2)",
        before,
        most,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

/// Sessions and one-time links that have expired.
pub async fn sign_ins(connection: &mut PgConnection, before: DateTime<Utc>, most: i64) -> Result<u64, Error> {
    let links = sqlx::query!(
        "DELETE FROM login_links
        WHERE id IN (SELECT id FROM login_links WHERE expires_at < $1 LIMIT $2)",
        before,
        most,
    )
    .execute(&mut *connection)
    .await?;
    let approval_links = sqlx::query!(
        "DELETE FROM approval_links
        WHERE id IN (SELECT id FROM approval_links WHERE expires_at < $1 LIMIT $2)",
        before,
        most,
    )
    .execute(&mut *connection)
    .await?;
    let sessions = sqlx::query!(
        "DELETE FROM sessions
        WHERE id IN (SELECT id FROM sessions WHERE expires_at < $1 LIMIT $2)",
        before,
        most,
    )
    .execute(connection)
    .await?;
    Ok(links.rows_affected().max(approval_links.rows_affected()).max(sessions.rows_affected()))
}

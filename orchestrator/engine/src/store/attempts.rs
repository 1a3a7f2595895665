//! Attempts: who owns which try of a task, its lease by Postgres time, and how it ended.

use std::time::Duration;

use chiffon_fleet::store::agents::OpenCancel;
use chiffon_kernel::store::Error;
use chiffon_protocol::message::{Outcome, WorkClaim, WorkResult};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::tasks::one_row;
use crate::domain::task::Known;
use crate::store::host_results;

/// One try.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// The task.
    pub task_id: Uuid,
    /// From 1.
    pub attempt: i32,
    /// When it was first offered; its log's partition key.
    pub created_at: DateTime<Utc>,
    /// The owner.
    pub agent_id: Option<String>,
    /// The id of the owner's key.
    pub key_id: Option<String>,
    /// The owner's newest incarnation, where it is answered.
    pub incarnation: Option<i64>,
    /// The claim that was granted.
    pub claim_id: Option<Uuid>,
    /// When the claim was granted.
    pub claimed_at: Option<DateTime<Utc>>,
    /// When the owner first reported it running.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// How it ended.
    pub outcome: Option<String>,
    /// The last log event stored without a gap.
    pub stored_seq: i64,
    /// Whether its reports are signed.
    pub verified: bool,
}

impl Attempt {
    /// What decisions about it need.
    pub fn known(&self) -> Known<'_> {
        Known { attempt: self.attempt, claim_id: self.claim_id, finished: self.finished_at.is_some(), outcome: self.outcome.as_deref() }
    }
}

/// One attempt with its owner's key and whereabouts.
pub async fn get(connection: &mut PgConnection, task_id: Uuid, attempt: i32) -> Result<Option<Attempt>, Error> {
    Ok(sqlx::query_as!(
        Attempt,
        r#"SELECT t.task_id, t.attempt, t.created_at, t.agent_id, a.key_id AS "key_id?", a.incarnation AS "incarnation?",
            t.claim_id, t.claimed_at, t.started_at, t.finished_at, t.outcome, t.stored_seq, t.verified
        FROM task_attempts t
        LEFT JOIN agents a ON a.id = t.agent_id
        WHERE t.task_id = $1 AND t.attempt = $2"#,
        task_id,
        attempt,
    )
    .fetch_optional(connection)
    .await?)
}

/// Adds an attempt that nobody owns.
pub async fn add(connection: &mut PgConnection, task_id: Uuid, attempt: i32, at: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO task_attempts (task_id, attempt, created_at)
        VALUES ($1, $2, $3)",
        task_id,
        attempt,
        at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Gives an attempt to the claim, unless somebody owns it; its lease runs from now by Postgres time.
pub async fn set_owner(
    connection: &mut PgConnection,
    claim: &WorkClaim,
    attempt: i32,
    incarnation: i64,
    lease: Duration,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let done = sqlx::query!(
        "UPDATE task_attempts
        SET agent_id = $3, incarnation = $4, journal_id = $5, claim_id = $6, work_sha256 = $7, claimed_at = $8,
            lease_expires_at = now() + make_interval(secs => $9)
        WHERE task_id = $1 AND attempt = $2 AND claim_id IS NULL AND finished_at IS NULL",
        claim.task_id,
        attempt,
        claim.agent_id,
        incarnation,
        claim.journal_id,
        claim.claim_id,
        claim.work_sha256,
        at,
        lease.as_secs_f64(),
    )
    .execute(connection)
    .await?;
    one_row(&done)
}

/// Renews one attempt's lease and notes that it runs.
pub async fn set_started(
    connection: &mut PgConnection,
    task_id: Uuid,
    attempt: i32,
    lease: Duration,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE task_attempts
        SET started_at = COALESCE(started_at, $3), lease_expires_at = now() + make_interval(secs => $4)
        WHERE task_id = $1 AND attempt = $2 AND finished_at IS NULL",
        task_id,
        attempt,
        at,
        lease.as_secs_f64(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Stores how an attempt ended. Once.
pub async fn set_finished(
    connection: &mut PgConnection,
    attempt: i32,
    outcome: Outcome,
    result: &WorkResult,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let error = result.error.as_ref().map(|error| serde_json::to_value(error).unwrap_or_default());
    let done = sqlx::query!(
        "UPDATE task_attempts
        SET outcome = $3, exit_code = $4, output = $5, error = $6, duration_seconds = $7, cpu_hours = $8, memory_peak_gb = $9,
            last_seq = $10, finished_at = $11
        WHERE task_id = $1 AND attempt = $2 AND finished_at IS NULL",
        result.task_id,
        attempt,
        outcome.as_str(),
        result.exit_code,
        result.output,
        error,
        result.duration_seconds,
        result.resource_usage.cpu_hours,
        result.resource_usage.memory_peak_gb,
        i64::try_from(result.last_seq).unwrap_or(i64::MAX),
        at,
    )
    .execute(&mut *connection)
    .await?;
    one_row(&done)?;
    host_results::add(connection, result, at).await
}

/// Counts a report that came after the end and changes nothing.
pub async fn add_late_report(connection: &mut PgConnection, task_id: Uuid, attempt: i32) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE task_attempts
        SET late_reports = late_reports + 1
        WHERE task_id = $1 AND attempt = $2",
        task_id,
        attempt,
    )
    .execute(connection)
    .await?;
    Ok(())
}

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

/// Attempts that an earlier start of an agent owned and that are not finished: task and attempt.
pub async fn list_open_of(connection: &mut PgConnection, agent_id: &str, before: i64) -> Result<Vec<(Uuid, i32)>, Error> {
    let rows = sqlx::query!(
        "SELECT t.task_id, t.attempt
        FROM task_attempts t
        JOIN tasks ON tasks.id = t.task_id AND tasks.attempt = t.attempt
        WHERE t.agent_id = $1 AND t.incarnation < $2 AND t.finished_at IS NULL AND tasks.status IN ('dispatched', 'running')
        ORDER BY t.task_id",
        agent_id,
        before,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.task_id, row.attempt)).collect())
}

/// How many attempts of a task may have executed something: they had an owner, who has not proved that it never began.
pub async fn count_tries(connection: &mut PgConnection, task_id: Uuid) -> Result<u32, Error> {
    let tries = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!"
        FROM task_attempts
        WHERE task_id = $1 AND claim_id IS NOT NULL AND (outcome IS DISTINCT FROM 'not_started' OR started_at IS NOT NULL)"#,
        task_id,
    )
    .fetch_one(connection)
    .await?;
    Ok(u32::try_from(tries).unwrap_or(u32::MAX))
}

/// Unknown attempts whose longest run time is over and whose action may be repeated by itself, of requests that still want them:
/// those with fewer tries than this, the oldest first.
pub async fn list_over(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
    beyond: Duration,
    tries: u32,
    limit: i64,
) -> Result<Vec<Uuid>, Error> {
    Ok(sqlx::query_scalar!(
        "SELECT t.id
        FROM tasks t
        JOIN task_attempts a ON a.task_id = t.id AND a.attempt = t.attempt
        JOIN requests r ON r.id = t.request_id AND r.plan_id = t.plan_id
        WHERE t.status = 'unknown' AND t.cancel_requested_at IS NULL AND t.attempt > t.fenced_attempt
        AND a.finished_at IS NULL AND a.claimed_at + make_interval(secs => t.timeout_seconds::float8 + $2::float8) <= $1
        AND CASE t.purpose
            WHEN 'discover' THEN r.status = 'discovering'
            WHEN 'preview' THEN r.status = 'previewing'
            ELSE t.repeatable = 'yes' AND r.status IN ('running', 'needs_attention', 'paused')
        END
        AND (
            SELECT count(*)
            FROM task_attempts o
            WHERE o.task_id = t.id AND o.claim_id IS NOT NULL AND (o.outcome IS DISTINCT FROM 'not_started' OR o.started_at IS NOT NULL)
        ) < $3
        ORDER BY a.claimed_at
        LIMIT $4",
        now,
        beyond.as_secs_f64(),
        i64::from(tries),
        limit,
    )
    .fetch_all(connection)
    .await?)
}

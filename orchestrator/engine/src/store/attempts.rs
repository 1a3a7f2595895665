//! Attempts: who owns which try of a task, its lease by Postgres time, and how it ended.

use std::collections::BTreeMap;
use std::time::Duration;

use chiffon_kernel::store::Error;
use chiffon_protocol::message::{Outcome, WorkClaim, WorkResult};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::logs::{self, Whole};
use super::tasks::{all_of, all_rows};
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

/// Whether an agent has anything, as far as is known here.
pub async fn is_any_out(connection: &mut PgConnection) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (
            SELECT
            FROM tasks
            WHERE status IN ('dispatched', 'running', 'unknown') AND finished_at IS NULL
        ) AS "any!""#,
    )
    .fetch_one(connection)
    .await?)
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

/// Adds attempts that nobody owns: task and number.
pub async fn add(connection: &mut PgConnection, attempts: &[(Uuid, i32)], at: DateTime<Utc>) -> Result<(), Error> {
    let (tasks, numbers): (Vec<Uuid>, Vec<i32>) = attempts.iter().copied().unzip();
    sqlx::query!(
        "INSERT INTO task_attempts (task_id, attempt, created_at)
        SELECT task_id, attempt, $3
        FROM unnest($1::uuid[], $2::int[]) AS new (task_id, attempt)",
        &tasks,
        &numbers,
        at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// An attempt that is given to a claim.
#[derive(Debug, Clone, Copy)]
pub struct Granted<'g> {
    /// The claim.
    pub claim: &'g WorkClaim,
    /// The attempt.
    pub attempt: i32,
    /// The start of the agent that claims.
    pub incarnation: i64,
}

/// Gives attempts to claims, unless somebody owns one; their leases run from now by Postgres time.
pub async fn set_owners(connection: &mut PgConnection, granted: &[Granted<'_>], lease: Duration, at: DateTime<Utc>) -> Result<(), Error> {
    let column = |of: fn(&WorkClaim) -> Uuid| granted.iter().map(|granted| of(granted.claim)).collect::<Vec<_>>();
    let attempts: Vec<i32> = granted.iter().map(|granted| granted.attempt).collect();
    let agents: Vec<String> = granted.iter().map(|granted| granted.claim.agent_id.clone()).collect();
    let incarnations: Vec<i64> = granted.iter().map(|granted| granted.incarnation).collect();
    let works: Vec<String> = granted.iter().map(|granted| granted.claim.work_sha256.clone()).collect();
    let done = sqlx::query!(
        "UPDATE task_attempts
        SET agent_id = claim.agent_id, incarnation = claim.incarnation, journal_id = claim.journal_id, claim_id = claim.claim_id,
            work_sha256 = claim.work_sha256, claimed_at = $8, lease_expires_at = now() + make_interval(secs => $9)
        FROM unnest($1::uuid[], $2::int[], $3::text[], $4::bigint[], $5::uuid[], $6::uuid[], $7::text[])
            AS claim (task_id, attempt, agent_id, incarnation, journal_id, claim_id, work_sha256)
        WHERE task_attempts.task_id = claim.task_id AND task_attempts.attempt = claim.attempt
        AND task_attempts.claim_id IS NULL AND finished_at IS NULL",
        &column(|claim| claim.task_id),
        &attempts,
        &agents,
        &incarnations,
        &column(|claim| claim.journal_id),
        &column(|claim| claim.claim_id),
        &works,
        at,
        lease.as_secs_f64(),
    )
    .execute(connection)
    .await?;
    all_rows(&done, granted.len())
}

/// Renews attempts' leases and notes that they run: task, attempt, lease.
pub async fn set_started(connection: &mut PgConnection, started: &[(Uuid, i32, Duration)], at: DateTime<Utc>) -> Result<(), Error> {
    let tasks: Vec<Uuid> = started.iter().map(|(task_id, ..)| *task_id).collect();
    let attempts: Vec<i32> = started.iter().map(|(_, attempt, _)| *attempt).collect();
    let leases: Vec<f64> = started.iter().map(|(.., lease)| lease.as_secs_f64()).collect();
    sqlx::query!(
        "UPDATE task_attempts
        SET started_at = COALESCE(started_at, $4), lease_expires_at = now() + make_interval(secs => started.lease)
        FROM unnest($1::uuid[], $2::int[], $3::float8[]) AS started (task_id, attempt, lease)
        WHERE task_attempts.task_id = started.task_id AND task_attempts.attempt = started.attempt AND finished_at IS NULL",
        &tasks,
        &attempts,
        &leases,
        at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// An attempt that ended, as its owner reports it.
#[derive(Debug, Clone, Copy)]
pub struct Finished<'f> {
    /// The attempt.
    pub attempt: i32,
    /// How.
    pub outcome: Outcome,
    /// With what.
    pub result: &'f WorkResult,
    /// Its log, where that is whole and came along.
    pub log: Option<&'f Whole>,
}

/// Stores how attempts ended, what became of each host, and the logs that came along. Once; what a host has for an attempt already stays.
/// Whether all of these logs were new, and count as sealed.
pub async fn set_finished(connection: &mut PgConnection, finished: &[Finished<'_>], at: DateTime<Utc>) -> Result<bool, Error> {
    let results = || finished.iter().map(|finished| finished.result);
    let tasks: Vec<Uuid> = results().map(|result| result.task_id).collect();
    let attempts: Vec<i32> = finished.iter().map(|finished| finished.attempt).collect();
    let outcomes: Vec<String> = finished.iter().map(|finished| finished.outcome.as_str().to_owned()).collect();
    let exit_codes: Vec<Option<i32>> = results().map(|result| result.exit_code).collect();
    let outputs: Vec<String> = results().map(|result| result.output.clone()).collect();
    let errors: Vec<Option<Value>> = results().map(|result| result.error.as_ref().map(|error| json!(error))).collect();
    let durations: Vec<f64> = results().map(|result| result.duration_seconds).collect();
    let cpu_hours: Vec<f64> = results().map(|result| result.resource_usage.cpu_hours).collect();
    let memory: Vec<f64> = results().map(|result| result.resource_usage.memory_peak_gb).collect();
    let last_seqs: Vec<i64> = results().map(|result| i64::try_from(result.last_seq).unwrap_or(i64::MAX)).collect();
    let starts: Vec<Option<DateTime<Utc>>> =
        finished.iter().map(|finished| finished.result.started_at.filter(|_| finished.outcome != Outcome::NotStarted)).collect();
    let sealed: Vec<Option<i64>> = finished.iter().map(|finished| finished.log.map(|log| log.seal().lines)).collect();
    let lines = logs::rows_of(finished.iter().filter_map(|finished| finished.log));
    let done = sqlx::query!(
        "WITH told AS (
            INSERT INTO host_results
                (task_id, attempt, host, status, ok, changed, skipped, failed, rescued, ignored, changes, made, written, message, from_log,
                recorded_at)
            SELECT task_id, attempt, host, status, ok, changed, skipped, failed, rescued, ignored, changes, made, written, message, false,
                $11
            FROM jsonb_to_recordset($12) AS host (task_id uuid, attempt int, host text, status text, ok bigint, changed bigint,
                skipped bigint, failed bigint, rescued bigint, ignored bigint, changes text[], made text[], written jsonb, message text)
            ON CONFLICT DO NOTHING
        ), logged AS (
            INSERT INTO execution_logs (created_at, task_id, attempt, seq, at, kind, host, name, text, diff)
            SELECT created_at, task_id, attempt, seq, at, kind, host, name, text, diff
            FROM unnest($15::timestamptz[], $16::uuid[], $17::int[], $18::bigint[], $19::timestamptz[], $20::text[], $21::text[], $22::text[],
                $23::text[], $24::text[])
                AS line (created_at, task_id, attempt, seq, at, kind, host, name, text, diff)
            ON CONFLICT DO NOTHING
            RETURNING seq
        ), done AS (
            UPDATE task_attempts
            SET outcome = ended.outcome, exit_code = ended.exit_code, output = ended.output, error = ended.error,
                duration_seconds = ended.duration_seconds, cpu_hours = ended.cpu_hours, memory_peak_gb = ended.memory_peak_gb,
                last_seq = ended.last_seq, finished_at = $11, started_at = COALESCE(task_attempts.started_at, LEAST(ended.started_at, $11)),
                stored_seq = GREATEST(task_attempts.stored_seq, ended.sealed),
                log_sealed_at = CASE WHEN ended.sealed IS NULL THEN log_sealed_at ELSE $11 END
            FROM unnest($1::uuid[], $2::int[], $3::text[], $4::int[], $5::text[], $6::jsonb[], $7::float8[], $8::float8[], $9::float8[],
                $10::bigint[], $13::timestamptz[], $14::bigint[])
                AS ended (task_id, attempt, outcome, exit_code, output, error, duration_seconds, cpu_hours, memory_peak_gb, last_seq,
                    started_at, sealed)
            WHERE task_attempts.task_id = ended.task_id AND task_attempts.attempt = ended.attempt AND finished_at IS NULL
            RETURNING 1
        )
        SELECT (SELECT count(*) FROM done) AS \"ended!\", (SELECT count(*) FROM logged) AS \"logged!\"",
        &tasks,
        &attempts,
        &outcomes,
        &exit_codes as &[Option<i32>],
        &outputs,
        &errors as &[Option<Value>],
        &durations,
        &cpu_hours,
        &memory,
        &last_seqs,
        at,
        host_results::rows(&results().collect::<Vec<_>>()),
        &starts as &[Option<DateTime<Utc>>],
        &sealed as &[Option<i64>],
        &lines.created_at,
        &lines.tasks,
        &lines.attempts,
        &lines.seqs,
        &lines.ats,
        &lines.kinds,
        &lines.hosts as &[Option<String>],
        &lines.names as &[Option<String>],
        &lines.texts,
        &lines.diffs as &[Option<String>],
    )
    .fetch_one(&mut *connection)
    .await?;
    all_of(usize::try_from(done.ended).unwrap_or_default(), finished.len())?;
    let are_new = usize::try_from(done.logged) == Ok(lines.seqs.len());
    if !are_new {
        // A line that was there before counts as it is, so what came is not the digest of what is stored.
        sqlx::query!(
            "UPDATE task_attempts SET log_sealed_at = NULL WHERE (task_id, attempt) IN (SELECT * FROM unnest($1::uuid[], $2::int[]))",
            &tasks,
            &attempts
        )
        .execute(connection)
        .await?;
    }
    Ok(are_new)
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

/// How many attempts of each of these tasks may have executed something: they had an owner, who has not proved that it never began. Tasks
/// without such an attempt are left out.
pub async fn count_tries_of(connection: &mut PgConnection, task_ids: &[Uuid]) -> Result<BTreeMap<Uuid, u32>, Error> {
    let rows = sqlx::query!(
        r#"SELECT task_id, count(*) AS "count!"
        FROM task_attempts
        WHERE task_id = ANY ($1) AND claim_id IS NOT NULL AND (outcome IS DISTINCT FROM 'not_started' OR started_at IS NOT NULL)
        GROUP BY task_id"#,
        task_ids,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.task_id, u32::try_from(row.count).unwrap_or(u32::MAX))).collect())
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

//! The guarded changes of a task's state, one per arrow of the state machine. Each names the state it comes from.
//!
//! The caller holds the request's and the task's row, has asked `domain::task` whether the change is possible, and adds
//! the audit row and the event in the same transaction.

use std::time::Duration;

use chiffon_kernel::store::Error;
use chiffon_protocol::Problem;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use sqlx::PgConnection;
use uuid::Uuid;

use super::tasks::{one_row, problem_value};
use crate::domain::task::Status;

/// A task that goes onto a queue.
#[derive(Debug, Clone)]
pub struct Offered<'a> {
    /// The task.
    pub task_id: Uuid,
    /// `pending` or `waiting`.
    pub from: Status,
    /// The attempt.
    pub attempt: i32,
    /// The offer's number.
    pub offer: i32,
    /// References filled in.
    pub parameters: &'a Map<String, Value>,
    /// When the offer is withdrawn.
    pub claim_by: DateTime<Utc>,
}

/// `pending | waiting -> dispatched`.
pub async fn set_offered(connection: &mut PgConnection, offered: &Offered<'_>, at: DateTime<Utc>) -> Result<(), Error> {
    let done = sqlx::query!(
        "UPDATE tasks
        SET status = 'dispatched', attempt = $3, offer = $4, resolved_parameters = $5, claim_by = $6, resend_at = $6,
            waiting_for = NULL, wait_key = 'look', is_explained = true, updated_at = $7
        WHERE id = $1 AND status = $2",
        offered.task_id,
        offered.from.as_str(),
        offered.attempt,
        offered.offer,
        serde_json::to_value(offered.parameters).unwrap_or_default(),
        offered.claim_by,
        at,
    )
    .execute(connection)
    .await?;
    one_row(&done)
}

/// A task that goes back to wait, or begins to.
#[derive(Debug, Clone)]
pub struct Waiting<'a> {
    /// The task.
    pub task_id: Uuid,
    /// Where it comes from.
    pub from: Status,
    /// What it waits for: `{what, since, text}`.
    pub waiting_for: &'a Value,
    /// By which it is kept out of the dispatcher's look; `None` where the dispatcher has still to see what it waits for.
    pub wait_key: Option<&'a str>,
    /// Not offered before this.
    pub not_before: Option<DateTime<Utc>>,
    /// An agent that is not asked again.
    pub excluded: Option<&'a str>,
    /// What it shows at this moment.
    pub message: &'a str,
    /// Whether the next offer gets a number of its own.
    pub next_offer: bool,
}

/// `pending | waiting | dispatched | running -> waiting`.
pub async fn set_waiting(connection: &mut PgConnection, waiting: &Waiting<'_>, at: DateTime<Utc>) -> Result<(), Error> {
    let done = sqlx::query!(
        "UPDATE tasks
        SET status = 'waiting', waiting_for = $3, resend_at = $4, claim_by = NULL, deadline_at = NULL, message = $6, progress = 0, updated_at = $8,
            excluded_agents = CASE WHEN $5::text IS NULL THEN excluded_agents ELSE array_append(array_remove(excluded_agents, $5), $5) END,
            offer = CASE WHEN $7 THEN offer + 1 ELSE offer END,
            wait_key = CASE WHEN $4::timestamptz IS NULL THEN COALESCE($9, 'look') ELSE 'time' END, is_explained = true
        WHERE id = $1 AND status = $2",
        waiting.task_id,
        waiting.from.as_str(),
        waiting.waiting_for,
        waiting.not_before,
        waiting.excluded,
        waiting.message,
        waiting.next_offer,
        at,
        waiting.wait_key,
    )
    .execute(connection)
    .await?;
    one_row(&done)
}

/// Lets a waiting task be offered at once; `false` when it does not wait.
pub async fn hurry(connection: &mut PgConnection, task_id: Uuid) -> Result<bool, Error> {
    let done = sqlx::query!(
        "UPDATE tasks
        SET resend_at = NULL, wait_key = 'look'
        WHERE id = $1 AND status = 'waiting'",
        task_id,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Mirrors what a task waits for into its request while nothing of it moves, or takes such a mirror away again. Whether
/// anything was changed.
pub async fn mirror_wait(connection: &mut PgConnection, request_id: Uuid, waiting_for: Option<&Value>) -> Result<bool, Error> {
    let done = sqlx::query!(
        "UPDATE requests
        SET waiting_for = $2
        WHERE id = $1 AND status IN ('discovering', 'previewing', 'running') AND waiting_for IS DISTINCT FROM $2
        AND CASE WHEN $2::jsonb IS NULL
            THEN waiting_for ->> 'what' IN ('agent', 'action', 'host', 'resources', 'claim', 'route', 'retry')
            ELSE NOT EXISTS (SELECT FROM tasks WHERE tasks.request_id = $1 AND tasks.status IN ('dispatched', 'running'))
        END",
        request_id,
        waiting_for,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Notes the claim: the offer does not expire any more, and its run must have ended at its time limit and `beyond` from now.
pub async fn set_claimed(
    connection: &mut PgConnection,
    task_id: Uuid,
    agent_id: &str,
    beyond: Duration,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let done = sqlx::query!(
        "UPDATE tasks
        SET claim_by = NULL, resend_at = NULL, message = 'claimed by ' || $2::text, updated_at = $3::timestamptz,
            deadline_at = $3::timestamptz + make_interval(secs => timeout_seconds::float8 + $4::float8)
        WHERE id = $1 AND status = 'dispatched'",
        task_id,
        agent_id,
        at,
        beyond.as_secs_f64(),
    )
    .execute(connection)
    .await?;
    one_row(&done)
}

/// `dispatched | running | unknown -> running`, with progress that only rises. Whether anything was changed. A start counts its
/// time limit and the margin anew; what was unknown when that was over does not run again.
pub async fn set_running(
    connection: &mut PgConnection,
    task_id: Uuid,
    from: Status,
    progress: i16,
    message: Option<&str>,
    margin: Duration,
    at: DateTime<Utc>,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        "UPDATE tasks
        SET status = 'running', progress = GREATEST(progress, $3), message = COALESCE($4, message),
            started_at = COALESCE(started_at, $5), updated_at = $5::timestamptz, error = NULL,
            deadline_at = CASE WHEN status = 'dispatched' THEN $5::timestamptz + make_interval(secs => timeout_seconds::float8 + $6::float8) ELSE deadline_at END
        WHERE id = $1 AND status = $2 AND (status <> 'unknown' OR deadline_at IS NULL OR deadline_at > $5)
        AND (status <> 'running' OR progress < $3 OR message IS DISTINCT FROM COALESCE($4, message))",
        task_id,
        from.as_str(),
        progress,
        message,
        at,
        margin.as_secs_f64(),
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// How a task ended.
#[derive(Debug, Clone)]
pub struct Ended<'a> {
    /// The task.
    pub task_id: Uuid,
    /// Where it comes from.
    pub from: Status,
    /// A terminal state.
    pub to: Status,
    /// A summary.
    pub output: Option<&'a str>,
    /// What it gave back.
    pub outputs: Value,
    /// Whether a host was changed; `None` for what never ran.
    pub changed: Option<bool>,
    /// What a person should know.
    pub warnings: Value,
    /// For dry runs.
    pub preview: Option<Value>,
    /// What went wrong.
    pub error: Option<&'a Problem>,
}

impl<'a> Ended<'a> {
    /// An end without a run.
    pub fn without_run(task_id: Uuid, from: Status, to: Status, error: &'a Problem) -> Self {
        let (outputs, warnings) = (Value::Object(Map::new()), Value::Array(Vec::new()));
        Self { task_id, from, to, output: None, outputs, changed: None, warnings, preview: None, error: Some(error) }
    }
}

/// `-> completed | failed | cancelled | interrupted | skipped`.
pub async fn set_ended(connection: &mut PgConnection, ended: &Ended<'_>, at: DateTime<Utc>) -> Result<(), Error> {
    let done = sqlx::query!(
        "UPDATE tasks
        SET status = $3, output = $4, outputs = $5, warnings = $7, preview = $8, error = $9,
            changed = CASE
                WHEN mode = 'apply' AND EXISTS (SELECT FROM host_results h WHERE h.task_id = tasks.id AND h.changed > 0) THEN true
                ELSE $6
            END,
            progress = CASE WHEN $3 = 'completed' THEN 100 ELSE progress END,
            waiting_for = NULL, wait_key = NULL, is_explained = true, claim_by = NULL, resend_at = NULL, deadline_at = NULL, finished_at = $10, updated_at = $10
        WHERE id = $1 AND status = $2",
        ended.task_id,
        ended.from.as_str(),
        ended.to.as_str(),
        ended.output,
        ended.outputs,
        ended.changed,
        ended.warnings,
        ended.preview,
        ended.error.map(problem_value),
        at,
    )
    .execute(connection)
    .await?;
    one_row(&done)
}

/// `dispatched | running -> unknown`: not an end; its hosts stay taken.
pub async fn set_unknown(
    connection: &mut PgConnection,
    task_id: Uuid,
    from: Status,
    error: &Problem,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let done = sqlx::query!(
        "UPDATE tasks
        SET status = 'unknown', error = $3, updated_at = $4
        WHERE id = $1 AND status = $2",
        task_id,
        from.as_str(),
        problem_value(error),
        at,
    )
    .execute(connection)
    .await?;
    one_row(&done)
}

/// A task that is tried again after its attempt was cut off.
#[derive(Debug, Clone)]
pub struct Again<'a> {
    /// The task.
    pub task_id: Uuid,
    /// Where it comes from.
    pub from: Status,
    /// What it waits for: `{what, since, text}`.
    pub waiting_for: &'a Value,
    /// Not offered before this.
    pub not_before: Option<DateTime<Utc>>,
    /// What it shows at this moment.
    pub message: &'a str,
}

/// `dispatched | running | unknown | interrupted -> waiting`: what the attempt before left in the task is its own again.
pub async fn set_again(connection: &mut PgConnection, again: &Again<'_>, at: DateTime<Utc>) -> Result<(), Error> {
    let done = sqlx::query!(
        "UPDATE tasks
        SET status = 'waiting', waiting_for = $3, resend_at = $4, is_explained = true,
            wait_key = CASE WHEN $4::timestamptz IS NULL THEN 'look' ELSE 'time' END, message = $5, claim_by = NULL, deadline_at = NULL, progress = 0,
            started_at = NULL, finished_at = NULL, output = NULL, outputs = '{}', changed = NULL, warnings = '[]', preview = NULL,
            error = NULL, updated_at = $6
        WHERE id = $1 AND status = $2",
        again.task_id,
        again.from.as_str(),
        again.waiting_for,
        again.not_before,
        again.message,
        at,
    )
    .execute(connection)
    .await?;
    one_row(&done)
}

/// `unknown | interrupted -> completed | failed | cancelled` by a person's word, which stands among the warnings. What an attempt
/// reported stays.
pub async fn set_resolved(
    connection: &mut PgConnection,
    task_id: Uuid,
    (from, to): (Status, Status),
    word: &str,
    error: Option<&Problem>,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let done = sqlx::query!(
        "UPDATE tasks
        SET status = $3, error = $4, warnings = warnings || to_jsonb($5::text), waiting_for = NULL, wait_key = NULL, is_explained = true, claim_by = NULL,
            resend_at = NULL, deadline_at = NULL, finished_at = $6, updated_at = $6
        WHERE id = $1 AND status = $2",
        task_id,
        from.as_str(),
        to.as_str(),
        error.map(problem_value),
        word,
        at,
    )
    .execute(connection)
    .await?;
    one_row(&done)
}

/// Notes the wish to stop; the first one counts.
pub async fn set_cancel_requested(connection: &mut PgConnection, task_id: Uuid, reason: &str, at: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE tasks
        SET cancel_requested_at = $3, cancel_reason = $2, updated_at = $3
        WHERE id = $1 AND cancel_requested_at IS NULL",
        task_id,
        reason,
        at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Lets an agent be asked again, after it came back or became available, and ends the delay of returned offers; the pause before a retry stays.
/// Takes tasks in the order of their ids: callers do it before they change attempts, as whoever locks a task does.
pub async fn readmit(connection: &mut PgConnection, agent_ids: &[String]) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE tasks
        SET excluded_agents = ARRAY(SELECT agent FROM unnest(excluded_agents) AS agent WHERE agent <> ALL ($1)),
            resend_at = CASE WHEN waiting_for ->> 'what' = 'retry' THEN resend_at END,
            wait_key = CASE WHEN waiting_for ->> 'what' = 'retry' AND resend_at IS NOT NULL OR wait_key = 'resume' THEN wait_key ELSE 'look' END
        WHERE id IN (
            SELECT id
            FROM tasks
            WHERE status = 'waiting' AND id IN (
                SELECT id
                FROM tasks
                WHERE status = 'waiting' AND excluded_agents <> '{}' AND excluded_agents && $1
                UNION ALL
                SELECT id
                FROM tasks
                WHERE status = 'waiting' AND resend_at IS NOT NULL
            )
            ORDER BY id
            FOR UPDATE
        )",
        agent_ids,
    )
    .execute(connection)
    .await?;
    Ok(())
}

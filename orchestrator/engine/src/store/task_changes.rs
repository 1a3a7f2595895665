//! The guarded changes of a task's state, one per arrow of the state machine. Each names the state it comes from.
//!
//! The caller holds the request's and the task's row, has asked `domain::task` whether the change is possible, and adds
//! the audit row and the event in the same transaction.

use std::collections::BTreeSet;
use std::time::Duration;

use chiffon_kernel::store::Error;
use chiffon_plans::domain::asks::OnFailure;
use chiffon_protocol::Problem;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use sqlx::PgConnection;
use uuid::Uuid;

use super::tasks::{all_rows, one_row, problem_value};
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
pub async fn set_offered(connection: &mut PgConnection, offered: &[Offered<'_>], at: DateTime<Utc>) -> Result<(), Error> {
    let ids: Vec<Uuid> = offered.iter().map(|offered| offered.task_id).collect();
    let froms: Vec<String> = offered.iter().map(|offered| offered.from.as_str().to_owned()).collect();
    let attempts: Vec<i32> = offered.iter().map(|offered| offered.attempt).collect();
    let numbers: Vec<i32> = offered.iter().map(|offered| offered.offer).collect();
    let parameters: Vec<Value> = offered.iter().map(|offered| Value::Object(offered.parameters.clone())).collect();
    let claim_by: Vec<DateTime<Utc>> = offered.iter().map(|offered| offered.claim_by).collect();
    let done = sqlx::query!(
        "UPDATE tasks
        SET status = 'dispatched', attempt = new.attempt, offer = new.offer, resolved_parameters = new.parameters, claim_by = new.claim_by,
            resend_at = new.claim_by, waiting_for = NULL, wait_key = 'look', is_explained = true, updated_at = $7
        FROM unnest($1::uuid[], $2::text[], $3::int[], $4::int[], $5::jsonb[], $6::timestamptz[])
            AS new (id, status, attempt, offer, parameters, claim_by)
        WHERE tasks.id = new.id AND tasks.status = new.status",
        &ids,
        &froms,
        &attempts,
        &numbers,
        &parameters,
        &claim_by,
        at,
    )
    .execute(connection)
    .await?;
    all_rows(&done, offered.len())
}

/// Notes claims, of a task by an agent: their offers do not expire any more, and each run must have ended at its time limit and `beyond`
/// from now.
pub async fn set_claimed(
    connection: &mut PgConnection,
    claimed: &[(Uuid, &str)],
    beyond: Duration,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let ids: Vec<Uuid> = claimed.iter().map(|(task_id, _)| *task_id).collect();
    let agents: Vec<String> = claimed.iter().map(|(_, agent_id)| (*agent_id).to_owned()).collect();
    let done = sqlx::query!(
        "UPDATE tasks
        SET claim_by = NULL, resend_at = NULL, message = 'claimed by ' || claimed.agent_id, updated_at = $3::timestamptz,
            deadline_at = $3::timestamptz + make_interval(secs => timeout_seconds::float8 + $4::float8)
        FROM unnest($1::uuid[], $2::text[]) AS claimed (task_id, agent_id)
        WHERE id = claimed.task_id AND status = 'dispatched'",
        &ids,
        &agents,
        at,
        beyond.as_secs_f64(),
    )
    .execute(connection)
    .await?;
    all_rows(&done, claimed.len())
}

/// A task that is said to run.
#[derive(Debug, Clone, Copy)]
pub struct Running<'r> {
    /// The task.
    pub task_id: Uuid,
    /// Where it comes from.
    pub from: Status,
    /// Percent.
    pub progress: i16,
    /// What it shows; nothing new where there is none.
    pub message: Option<&'r str>,
}

/// `dispatched | running | unknown -> running`, with progress that only rises; those for which anything was changed. A start counts its
/// time limit and the margin anew; what was unknown when that was over does not run again.
pub async fn set_running(
    connection: &mut PgConnection,
    running: &[Running<'_>],
    margin: Duration,
    at: DateTime<Utc>,
) -> Result<BTreeSet<Uuid>, Error> {
    let ids: Vec<Uuid> = running.iter().map(|running| running.task_id).collect();
    let froms: Vec<String> = running.iter().map(|running| running.from.as_str().to_owned()).collect();
    let progress: Vec<i16> = running.iter().map(|running| running.progress).collect();
    let messages: Vec<Option<String>> = running.iter().map(|running| running.message.map(str::to_owned)).collect();
    let changed = sqlx::query_scalar!(
        "UPDATE tasks
        SET status = 'running', progress = GREATEST(tasks.progress, said.progress), message = COALESCE(said.message, tasks.message),
            started_at = COALESCE(started_at, $5), updated_at = $5::timestamptz, error = NULL,
            deadline_at = CASE
                WHEN tasks.status = 'dispatched' THEN $5::timestamptz + make_interval(secs => timeout_seconds::float8 + $6::float8)
                ELSE deadline_at
            END
        FROM unnest($1::uuid[], $2::text[], $3::smallint[], $4::text[]) AS said (id, status, progress, message)
        WHERE tasks.id = said.id AND tasks.status = said.status AND (tasks.status <> 'unknown' OR deadline_at IS NULL OR deadline_at > $5)
        AND (tasks.status <> 'running' OR tasks.progress < said.progress OR tasks.message IS DISTINCT FROM COALESCE(said.message, tasks.message))
        RETURNING tasks.id",
        &ids,
        &froms,
        &progress,
        &messages as &[Option<String>],
        at,
        margin.as_secs_f64(),
    )
    .fetch_all(connection)
    .await?;
    Ok(changed.into_iter().collect())
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
    /// When it began, where only its result says so.
    pub started_at: Option<DateTime<Utc>>,
}

impl<'a> Ended<'a> {
    /// An end without a run.
    pub fn without_run(task_id: Uuid, from: Status, to: Status, error: &'a Problem) -> Self {
        let (outputs, warnings) = (Value::Object(Map::new()), Value::Array(Vec::new()));
        Self { task_id, from, to, output: None, outputs, changed: None, warnings, preview: None, error: Some(error), started_at: None }
    }
}

/// `-> completed | failed | cancelled | interrupted | skipped`.
pub async fn set_ended(connection: &mut PgConnection, ended: &[&Ended<'_>], at: DateTime<Utc>) -> Result<(), Error> {
    let ids: Vec<Uuid> = ended.iter().map(|ended| ended.task_id).collect();
    let froms: Vec<String> = ended.iter().map(|ended| ended.from.as_str().to_owned()).collect();
    let tos: Vec<String> = ended.iter().map(|ended| ended.to.as_str().to_owned()).collect();
    let texts: Vec<Option<String>> = ended.iter().map(|ended| ended.output.map(str::to_owned)).collect();
    let outputs: Vec<Value> = ended.iter().map(|ended| ended.outputs.clone()).collect();
    let changed: Vec<Option<bool>> = ended.iter().map(|ended| ended.changed).collect();
    let warnings: Vec<Value> = ended.iter().map(|ended| ended.warnings.clone()).collect();
    let previews: Vec<Option<Value>> = ended.iter().map(|ended| ended.preview.clone()).collect();
    let errors: Vec<Option<Value>> = ended.iter().map(|ended| ended.error.map(problem_value)).collect();
    let starts: Vec<Option<DateTime<Utc>>> = ended.iter().map(|ended| ended.started_at).collect();
    let done = sqlx::query!(
        "UPDATE tasks
        SET status = ended.new_status, output = ended.output, outputs = ended.outputs, warnings = ended.warnings, preview = ended.preview,
            error = ended.error,
            changed = CASE
                WHEN mode = 'apply' AND EXISTS (SELECT FROM host_results h WHERE h.task_id = tasks.id AND h.changed > 0) THEN true
                ELSE ended.changed
            END,
            progress = CASE WHEN ended.new_status = 'completed' THEN 100 ELSE progress END,
            waiting_for = NULL, wait_key = NULL, is_explained = true, claim_by = NULL, resend_at = NULL, deadline_at = NULL,
            finished_at = $10, updated_at = $10, started_at = COALESCE(tasks.started_at, LEAST(ended.started_at, $10))
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::jsonb[], $6::boolean[], $7::jsonb[], $8::jsonb[], $9::jsonb[],
            $11::timestamptz[])
            AS ended (id, status, new_status, output, outputs, changed, warnings, preview, error, started_at)
        WHERE tasks.id = ended.id AND tasks.status = ended.status",
        &ids,
        &froms,
        &tos,
        &texts as &[Option<String>],
        &outputs,
        &changed as &[Option<bool>],
        &warnings,
        &previews as &[Option<Value>],
        &errors as &[Option<Value>],
        at,
        &starts as &[Option<DateTime<Utc>>],
    )
    .execute(connection)
    .await?;
    all_rows(&done, ended.len())
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

/// Notes what becomes of the steps after tasks that have ended other than completed, where that is not as always.
pub async fn set_consequences(connection: &mut PgConnection, consequences: &[(Uuid, OnFailure)]) -> Result<(), Error> {
    let word = |consequence| match consequence {
        OnFailure::Abort => None,
        OnFailure::Continue => Some("continue".to_owned()),
        OnFailure::Skip => Some("skip".to_owned()),
    };
    let done = sqlx::query!(
        "UPDATE tasks
        SET consequence = new.consequence
        FROM unnest($1::uuid[], $2::text[]) AS new (id, consequence)
        WHERE tasks.id = new.id AND tasks.finished_at IS NOT NULL AND tasks.status <> 'completed'",
        &consequences.iter().map(|(id, _)| *id).collect::<Vec<_>>(),
        &consequences.iter().map(|(_, consequence)| word(*consequence)).collect::<Vec<_>>() as &[Option<String>],
    )
    .execute(connection)
    .await?;
    all_rows(&done, consequences.len())
}

/// Notes that a task goes: nobody is asked again.
pub async fn set_may_start(connection: &mut PgConnection, task_id: Uuid) -> Result<(), Error> {
    let done = sqlx::query!(
        "UPDATE tasks
        SET asks = NULLIF(array_remove(asks, 'when'), '{}')
        WHERE id = $1 AND status = 'pending' AND 'when' = ANY (asks)",
        task_id,
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

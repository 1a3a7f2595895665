//! The guarded changes of a task's state, one per arrow of the state machine. Each names the state it comes from.
//!
//! The caller holds the request's and the task's row, has asked `domain::task` whether the change is possible, and adds
//! the audit row and the event in the same transaction.

use std::collections::BTreeSet;
use std::time::Duration;

use chiffon_kernel::domain::waiting::{WaitingFor, What};
use chiffon_kernel::store::Error;
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

/// A task that goes back to wait, or begins to.
#[derive(Debug, Clone)]
pub struct Waiting<'a> {
    /// The task.
    pub task_id: Uuid,
    /// Where it comes from.
    pub from: Status,
    /// What it waits for.
    pub waiting_for: &'a WaitingFor,
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
pub async fn set_waiting(connection: &mut PgConnection, waiting: &[Waiting<'_>], at: DateTime<Utc>) -> Result<(), Error> {
    let texts = |of: fn(&Waiting<'_>) -> Option<String>| waiting.iter().map(of).collect::<Vec<_>>();
    let done = sqlx::query!(
        "UPDATE tasks
        SET status = 'waiting', waiting_for = new.waiting_for, resend_at = new.not_before, claim_by = NULL, deadline_at = NULL,
            message = new.message, progress = 0, updated_at = $9,
            excluded_agents = CASE
                WHEN new.excluded IS NULL THEN excluded_agents
                ELSE array_append(array_remove(excluded_agents, new.excluded), new.excluded)
            END,
            offer = CASE WHEN new.next_offer THEN offer + 1 ELSE offer END,
            wait_key = CASE WHEN new.not_before IS NULL THEN COALESCE(new.wait_key, 'look') ELSE 'time' END, is_explained = true
        FROM unnest($1::uuid[], $2::text[], $3::jsonb[], $4::timestamptz[], $5::text[], $6::text[], $7::boolean[], $8::text[])
            AS new (id, status, waiting_for, not_before, excluded, message, next_offer, wait_key)
        WHERE tasks.id = new.id AND tasks.status = new.status",
        &waiting.iter().map(|waiting| waiting.task_id).collect::<Vec<_>>(),
        &waiting.iter().map(|waiting| waiting.from.as_str().to_owned()).collect::<Vec<_>>(),
        &waiting.iter().map(|waiting| waiting.waiting_for.to_value()).collect::<Vec<_>>(),
        &waiting.iter().map(|waiting| waiting.not_before).collect::<Vec<_>>() as &[Option<DateTime<Utc>>],
        &texts(|waiting| waiting.excluded.map(str::to_owned)) as &[Option<String>],
        &waiting.iter().map(|waiting| waiting.message.to_owned()).collect::<Vec<_>>(),
        &waiting.iter().map(|waiting| waiting.next_offer).collect::<Vec<_>>(),
        &texts(|waiting| waiting.wait_key.map(str::to_owned)) as &[Option<String>],
        at,
    )
    .execute(connection)
    .await?;
    all_rows(&done, waiting.len())
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

/// Mirrors what a task waits for into its request while nothing of it moves. Whether anything was changed.
pub async fn mirror_wait(connection: &mut PgConnection, request_id: Uuid, waiting_for: &WaitingFor) -> Result<bool, Error> {
    let done = sqlx::query!(
        "UPDATE requests
        SET waiting_for = $2
        WHERE id = $1 AND status IN ('discovering', 'previewing', 'running') AND waiting_for IS DISTINCT FROM $2
        AND NOT EXISTS (SELECT FROM tasks WHERE tasks.request_id = $1 AND tasks.status IN ('dispatched', 'running'))",
        request_id,
        waiting_for.to_value(),
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Takes such mirrors away again; the requests that had one.
pub async fn unmirror_waits(connection: &mut PgConnection, request_ids: &[Uuid]) -> Result<Vec<Uuid>, Error> {
    Ok(sqlx::query_scalar!(
        "UPDATE requests
        SET waiting_for = NULL
        WHERE id = ANY ($1) AND status IN ('discovering', 'previewing', 'running')
        AND waiting_for ->> 'what' = ANY ($2)
        RETURNING id",
        request_ids,
        &What::OF_WORK.map(|what| what.as_str().to_owned()),
    )
    .fetch_all(connection)
    .await?)
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
}

impl<'a> Ended<'a> {
    /// An end without a run.
    pub fn without_run(task_id: Uuid, from: Status, to: Status, error: &'a Problem) -> Self {
        let (outputs, warnings) = (Value::Object(Map::new()), Value::Array(Vec::new()));
        Self { task_id, from, to, output: None, outputs, changed: None, warnings, preview: None, error: Some(error) }
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
            finished_at = $10, updated_at = $10
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::jsonb[], $6::boolean[], $7::jsonb[], $8::jsonb[], $9::jsonb[])
            AS ended (id, status, new_status, output, outputs, changed, warnings, preview, error)
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

/// A task that is tried again after its attempt was cut off.
#[derive(Debug, Clone)]
pub struct Again<'a> {
    /// The task.
    pub task_id: Uuid,
    /// Where it comes from.
    pub from: Status,
    /// What it waits for.
    pub waiting_for: &'a WaitingFor,
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
        again.waiting_for.to_value(),
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

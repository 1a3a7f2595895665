//! Tasks that go back to wait, or begin to, and what is waited for. As in [`super::task_changes`], the caller holds the rows and has asked
//! `domain::task`.

use chiffon_kernel::domain::waiting::{WaitingFor, What};
use chiffon_kernel::store::Error;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::tasks::{all_rows, one_row};
use crate::domain::task::Status;

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

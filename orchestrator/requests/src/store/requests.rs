//! Requests: the row that everything about a request is locked by.
//!
//! Whoever changes a request or its tasks first takes [`lock`]; then tasks; then attempts and host locks.

use chiffon_kernel::domain::waiting::WaitingFor;
use chiffon_kernel::store::Error;
use chiffon_kernel::store::stored_json::read_json;
use chiffon_protocol::money::MicroDollars;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use crate::domain::asked_action::AskedAction;
use crate::domain::origin::Origin;
use crate::domain::request::Status;

/// How many requests are open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenCounts {
    /// In all.
    pub all: i64,
    /// Of one principal.
    pub of_one: i64,
}

/// How many requests are open, counted no further than to these bounds.
pub async fn count_open(connection: &mut PgConnection, principal_id: Uuid, most: i64, most_of_one: i64) -> Result<OpenCounts, Error> {
    Ok(sqlx::query_as!(
        OpenCounts,
        r#"SELECT
            (SELECT count(*) FROM (SELECT FROM requests WHERE finished_at IS NULL LIMIT $2) AS open) AS "all!",
            (SELECT count(*) FROM (SELECT FROM requests WHERE finished_at IS NULL AND principal_id = $1 LIMIT $3) AS open) AS "of_one!""#,
        principal_id,
        most,
        most_of_one,
    )
    .fetch_one(connection)
    .await?)
}

/// A request.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its id.
    pub id: Uuid,
    /// Who asked.
    pub principal_id: Uuid,
    /// What began it.
    pub origin: Origin,
    /// The words.
    pub text: String,
    /// Where it stands.
    pub status: Status,
    /// What it waits for.
    pub waiting_for: Option<WaitingFor>,
    /// The trace of all that follows.
    pub trace_id: String,
    /// Higher goes first.
    pub priority: i32,
    /// The most that it may cost.
    pub max_cost: Option<MicroDollars>,
    /// The conversation's turn.
    pub round: i32,
    /// Rises with each planning lease.
    pub planning_epoch: i64,
    /// The current revision.
    pub plan_id: Option<Uuid>,
    /// Whether a person holds it: nothing more of it begins.
    pub held: bool,
    /// Spent on models.
    pub cost: MicroDollars,
    /// When it was asked.
    pub created_at: DateTime<Utc>,
}

struct Stored {
    id: Uuid,
    principal_id: Uuid,
    origin_kind: String,
    origin_id: Option<String>,
    text: String,
    status: String,
    waiting_for: Option<Value>,
    trace_id: String,
    priority: i32,
    max_cost_micro_usd: Option<i64>,
    round: i32,
    planning_epoch: i64,
    plan_id: Option<Uuid>,
    held: bool,
    cost_micro_usd: i64,
    created_at: DateTime<Utc>,
}

impl TryFrom<Stored> for Row {
    type Error = Error;

    fn try_from(stored: Stored) -> Result<Self, Error> {
        let status = Status::from_word(&stored.status).ok_or_else(|| Error::BadData {
            table: "requests",
            column: "status",
            id: stored.id.to_string(),
            value: stored.status.clone(),
        })?;
        Ok(Self {
            id: stored.id,
            principal_id: stored.principal_id,
            origin: Origin::stored(stored.origin_kind, stored.origin_id, stored.principal_id),
            text: stored.text,
            status,
            waiting_for: stored.waiting_for.map(|value| read_json("requests", "waiting_for", &stored.id, &value)).transpose()?,
            trace_id: stored.trace_id,
            priority: stored.priority,
            max_cost: stored.max_cost_micro_usd.map(MicroDollars::new),
            round: stored.round,
            planning_epoch: stored.planning_epoch,
            plan_id: stored.plan_id,
            held: stored.held,
            cost: stored.cost_micro_usd.into(),
            created_at: stored.created_at,
        })
    }
}

/// A request to be added, in state `planning`.
#[derive(Debug, Clone)]
pub struct New<'n> {
    /// Its id.
    pub id: Uuid,
    /// Who asks.
    pub principal_id: Uuid,
    /// What begins it.
    pub origin: &'n Origin,
    /// Groups requests of one chat.
    pub conversation_id: Option<Uuid>,
    /// The words.
    pub text: &'n str,
    /// What is asked for without words.
    pub action: Option<&'n AskedAction>,
    /// The trace.
    pub trace_id: &'n str,
    /// Higher goes first.
    pub priority: i32,
    /// When the asker has no more use for it.
    pub deadline: Option<DateTime<Utc>>,
    /// The most that it may cost.
    pub max_cost: Option<MicroDollars>,
    /// What it waits for.
    pub waiting_for: &'n WaitingFor,
    /// From when on it is to be planned.
    pub resend_at: DateTime<Utc>,
    /// When it expires without a plan.
    pub deadline_at: Option<DateTime<Utc>>,
}

/// Adds a request.
pub async fn add(connection: &mut PgConnection, new: &New<'_>, at: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO requests (id, principal_id, conversation_id, text, status, waiting_for, trace_id, priority, deadline, max_cost_micro_usd, resend_at, deadline_at, created_at, updated_at, origin_kind, origin_id, action)
        VALUES ($1, $2, $3, $4, 'planning', $5, $6, $7, $8, $9, $10, $11, $12, $12, $13, $14, $15)",
        new.id,
        new.principal_id,
        new.conversation_id,
        new.text,
        new.waiting_for.to_value(),
        new.trace_id,
        new.priority,
        new.deadline,
        new.max_cost.map(MicroDollars::count),
        new.resend_at,
        new.deadline_at,
        at,
        new.origin.kind(),
        new.origin.own_id(),
        new.action.map(Json) as Option<Json<&AskedAction>>,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Locks a request's row until the transaction ends; `None` when there is no such request.
pub async fn lock(connection: &mut PgConnection, request_id: Uuid) -> Result<Option<Row>, Error> {
    Ok(lock_all(connection, &[request_id]).await?.pop())
}

/// Locks the rows of those of these requests that there are, in the order of their ids.
pub async fn lock_all(connection: &mut PgConnection, request_ids: &[Uuid]) -> Result<Vec<Row>, Error> {
    sqlx::query_as!(
        Stored,
        r#"SELECT id, principal_id, origin_kind, origin_id, text, status, waiting_for, trace_id, priority, max_cost_micro_usd, round, planning_epoch, plan_id, cost_micro_usd, created_at,
            (held_at IS NOT NULL OR status = 'paused') AS "held!"
        FROM requests
        WHERE id = ANY ($1)
        ORDER BY id
        FOR UPDATE"#,
        request_ids,
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(Row::try_from)
    .collect()
}

/// A request, without a lock.
pub async fn get(connection: &mut PgConnection, request_id: Uuid) -> Result<Option<Row>, Error> {
    sqlx::query_as!(
        Stored,
        r#"SELECT id, principal_id, origin_kind, origin_id, text, status, waiting_for, trace_id, priority, max_cost_micro_usd, round, planning_epoch, plan_id, cost_micro_usd, created_at,
            (held_at IS NOT NULL OR status = 'paused') AS "held!"
        FROM requests
        WHERE id = $1"#,
        request_id,
    )
    .fetch_optional(connection)
    .await?
    .map(Row::try_from)
    .transpose()
}

/// What a request asks for without words; `None` where words asked.
pub async fn action(connection: &mut PgConnection, request_id: Uuid) -> Result<Option<AskedAction>, Error> {
    let stored = sqlx::query_scalar!("SELECT action FROM requests WHERE id = $1", request_id).fetch_one(connection).await?;
    stored.map(|value| read_json("requests", "action", &request_id, &value)).transpose()
}

/// A move to another state, and what is written beside it.
#[derive(Debug, Clone)]
pub struct Move {
    /// The request.
    pub id: Uuid,
    /// Where it stands.
    pub from: Status,
    /// Where it goes.
    pub to: Status,
    /// Its plan, where it has one.
    pub plan_id: Option<Uuid>,
    /// What it waits for now.
    pub waiting_for: Option<WaitingFor>,
    /// What ended or stopped it; kept as it is when `None`.
    pub error: Option<Value>,
    /// From when on it is to be planned.
    pub resend_at: Option<DateTime<Utc>>,
    /// When the new state is over by itself, or its person is reminded.
    pub deadline_at: Option<DateTime<Utc>>,
}

/// Moves requests to other states. Fails when one does not stand where it was thought to.
pub async fn set_status(connection: &mut PgConnection, moves: &[Move], at: DateTime<Utc>) -> Result<(), Error> {
    let done = sqlx::query_scalar!(
        "UPDATE requests
        SET status = move.new_status, plan_id = move.plan_id, waiting_for = move.waiting_for, error = COALESCE(move.error, requests.error),
            resend_at = move.resend_at, updated_at = $9::timestamptz, finished_at = CASE WHEN move.is_finished THEN $9::timestamptz END,
            deadline_at = move.deadline_at, planning_lease_until = NULL
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::jsonb[], $5::jsonb[], $6::timestamptz[], $7::timestamptz[], $8::boolean[],
            $10::uuid[]) AS move (id, status, new_status, waiting_for, error, resend_at, deadline_at, is_finished, plan_id)
        WHERE requests.id = move.id AND requests.status = move.status
        RETURNING requests.id",
        &moves.iter().map(|one| one.id).collect::<Vec<_>>(),
        &moves.iter().map(|one| one.from.as_str().to_owned()).collect::<Vec<_>>(),
        &moves.iter().map(|one| one.to.as_str().to_owned()).collect::<Vec<_>>(),
        &moves.iter().map(|one| one.waiting_for.as_ref().map(WaitingFor::to_value)).collect::<Vec<_>>() as &[Option<Value>],
        &moves.iter().map(|one| one.error.clone()).collect::<Vec<_>>() as &[Option<Value>],
        &moves.iter().map(|one| one.resend_at).collect::<Vec<_>>() as &[Option<DateTime<Utc>>],
        &moves.iter().map(|one| one.deadline_at).collect::<Vec<_>>() as &[Option<DateTime<Utc>>],
        &moves.iter().map(|one| one.to.is_finished()).collect::<Vec<_>>(),
        at,
        &moves.iter().map(|one| one.plan_id).collect::<Vec<_>>() as &[Option<Uuid>],
    )
    .fetch_all(connection)
    .await?;
    match moves.iter().find(|one| !done.contains(&one.id)) {
        None => Ok(()),
        Some(one) => Err(Error::Moved { table: "requests", id: one.id.to_string(), from: one.from.as_str() }),
    }
}

/// Begins the conversation's next round; its number. Plans of earlier rounds that are still being made match no row any more.
pub async fn next_round(connection: &mut PgConnection, id: Uuid) -> Result<i32, Error> {
    Ok(sqlx::query_scalar!(
        "UPDATE requests
        SET round = round + 1, planning_tries = 0, planning_deaths = 0, planning_lease_until = NULL, error = NULL
        WHERE id = $1
        RETURNING round",
        id,
    )
    .fetch_one(connection)
    .await?)
}

/// Says what a request waits for, without moving it.
pub async fn set_waiting_for(connection: &mut PgConnection, id: Uuid, waiting_for: &WaitingFor, at: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE requests
        SET waiting_for = $2, updated_at = $3
        WHERE id = $1",
        id,
        waiting_for.to_value(),
        at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes that a person holds a request, or with `None` that they do not any more.
pub async fn set_held(connection: &mut PgConnection, id: Uuid, by: Option<&str>, at: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE requests
        SET held_at = CASE WHEN $2::text IS NOT NULL THEN $3::timestamptz END, held_by = $2, updated_at = $3
        WHERE id = $1",
        id,
        by,
        at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Who holds a request.
pub async fn held_by(connection: &mut PgConnection, id: Uuid) -> Result<Option<String>, Error> {
    Ok(sqlx::query_scalar!("SELECT held_by FROM requests WHERE id = $1", id).fetch_one(connection).await?)
}

/// The request of a task.
pub async fn find_by_task(connection: &mut PgConnection, task_id: Uuid) -> Result<Option<Uuid>, Error> {
    Ok(sqlx::query_scalar!(
        "SELECT request_id
        FROM tasks
        WHERE id = $1",
        task_id,
    )
    .fetch_optional(connection)
    .await?)
}

//! Tasks: reading them under their locks, and every guarded change of their state.
//!
//! Lock order: the request's row first ([`lock_request_of`]), then the task's ([`lock`]). A change names the state it
//! comes from; a row that is not in it is an error, because its lock is held.

use chiffon_kernel::domain::waiting::WaitingFor;
use chiffon_kernel::store::Error;
use chiffon_kernel::store::stored_json::read_json;
use chiffon_protocol::Problem;
use chiffon_protocol::action::{Repeatable, Risk};
use chiffon_protocol::message::{AgentType, Mode, Resources};
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use sqlx::PgConnection;
use sqlx::postgres::PgQueryResult;
use uuid::Uuid;

use super::attempts::Attempt;
use crate::domain::task::{Asks, Purpose, Status};

/// A task as the work side needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// Time-ordered id.
    pub id: Uuid,
    /// The request.
    pub request_id: Uuid,
    /// The plan's revision.
    pub plan_id: Uuid,
    /// The plan's step.
    pub step_id: String,
    /// Why it runs.
    pub purpose: Purpose,
    /// Whether it changes hosts.
    pub mode: Mode,
    /// Who runs it.
    pub agent_type: AgentType,
    /// The action.
    pub action: String,
    /// Its planned content.
    pub action_sha256: String,
    /// What it does, for people.
    pub title: String,
    /// As planned.
    pub parameters: Map<String, Value>,
    /// What it needs.
    pub resources: Resources,
    /// What it may touch.
    pub hosts: Vec<String>,
    /// Steps that must be completed first.
    pub depends_on: Vec<String>,
    /// How much harm it can do.
    pub risk: Risk,
    /// Whether it may be repeated.
    pub repeatable: Repeatable,
    /// The longest it may run.
    pub timeout_seconds: i64,
    /// Where it stands.
    pub status: Status,
    /// What it waits for.
    pub waiting_for: Option<WaitingFor>,
    /// By which it is kept out of the dispatcher's looks.
    pub wait_key: Option<String>,
    /// The newest attempt.
    pub attempt: i32,
    /// The newest offer of it.
    pub offer: i32,
    /// Agents that declined it.
    pub excluded_agents: Vec<String>,
    /// When its cancel was asked for.
    pub cancel_requested_at: Option<DateTime<Utc>>,
    /// Percent.
    pub progress: i16,
    /// What it does at this moment.
    pub message: String,
    /// When an agent began.
    pub started_at: Option<DateTime<Utc>>,
    /// Attempts up to this may have been made after a backup that was restored.
    pub fenced_attempt: i32,
    /// Which of its step's tasks, from 0.
    pub iteration: i32,
    /// What is still to be asked of whoever ordered it.
    pub asks: Asks,
}

impl Task {
    /// Whether it must have its hosts for itself: it changes them. Dry runs and read-only work share (RELIABILITY 12).
    pub fn is_exclusive(&self) -> bool {
        self.mode == Mode::Apply && self.risk != Risk::ReadOnly
    }
}

pub(super) struct Row {
    pub(super) id: Uuid,
    pub(super) request_id: Uuid,
    pub(super) plan_id: Uuid,
    pub(super) step_id: String,
    pub(super) purpose: String,
    pub(super) mode: String,
    pub(super) agent_type: String,
    pub(super) action: String,
    pub(super) action_sha256: String,
    pub(super) title: String,
    pub(super) parameters: Value,
    pub(super) resources: Value,
    pub(super) hosts: Vec<String>,
    pub(super) depends_on: Vec<String>,
    pub(super) risk: String,
    pub(super) repeatable: String,
    pub(super) timeout_seconds: i64,
    pub(super) status: String,
    pub(super) waiting_for: Option<Value>,
    pub(super) wait_key: Option<String>,
    pub(super) attempt: i32,
    pub(super) offer: i32,
    pub(super) excluded_agents: Vec<String>,
    pub(super) cancel_requested_at: Option<DateTime<Utc>>,
    pub(super) progress: i16,
    pub(super) message: String,
    pub(super) started_at: Option<DateTime<Utc>>,
    pub(super) fenced_attempt: i32,
    pub(super) iteration: i32,
    pub(super) asks: Option<Vec<String>>,
    pub(super) attempt_created_at: Option<DateTime<Utc>>,
    pub(super) agent_id: Option<String>,
    pub(super) key_id: Option<String>,
    pub(super) incarnation: Option<i64>,
    pub(super) claim_id: Option<Uuid>,
    pub(super) claimed_at: Option<DateTime<Utc>>,
    pub(super) attempt_started_at: Option<DateTime<Utc>>,
    pub(super) attempt_finished_at: Option<DateTime<Utc>>,
    pub(super) outcome: Option<String>,
    pub(super) stored_seq: Option<i64>,
    pub(super) verified: Option<bool>,
    pub(super) held_hosts: i64,
    pub(super) tries: i64,
}

fn bad(id: Uuid, column: &'static str, value: &impl ToString) -> Error {
    Error::BadData { table: "tasks", column, id: id.to_string(), value: value.to_string() }
}

fn asks(id: Uuid, words: &[String]) -> Result<Asks, Error> {
    Asks::from_words(words).ok_or_else(|| bad(id, "asks", &words.join(", ")))
}

fn json_column<T: DeserializeOwned>(id: Uuid, column: &'static str, value: &Value) -> Result<T, Error> {
    read_json("tasks", column, &id, value)
}

/// Empties what can't be read of a task that is about to be given up; what stood there, by column.
pub async fn set_unreadable_aside(connection: &mut PgConnection, id: Uuid) -> Result<Map<String, Value>, Error> {
    let row = sqlx::query!("SELECT parameters, resources, waiting_for FROM tasks WHERE id = $1 FOR UPDATE", id)
        .fetch_one(&mut *connection)
        .await?;
    let mut set_aside = Map::new();
    if json_column::<Map<String, Value>>(id, "parameters", &row.parameters).is_err() {
        set_aside.insert("parameters".to_owned(), row.parameters);
    }
    if json_column::<Resources>(id, "resources", &row.resources).is_err() {
        set_aside.insert("resources".to_owned(), row.resources);
    }
    if let Some(value) = row.waiting_for.filter(|value| json_column::<WaitingFor>(id, "waiting_for", value).is_err()) {
        set_aside.insert("waiting_for".to_owned(), value);
    }
    let is_aside = |column: &str| set_aside.contains_key(column);
    sqlx::query!(
        "UPDATE tasks
        SET parameters = CASE WHEN $2 THEN '{}' ELSE parameters END, resources = CASE WHEN $3 THEN '{}' ELSE resources END,
            waiting_for = CASE WHEN $4 THEN NULL ELSE waiting_for END
        WHERE id = $1",
        id,
        is_aside("parameters"),
        is_aside("resources"),
        is_aside("waiting_for"),
    )
    .execute(connection)
    .await?;
    Ok(set_aside)
}

impl Row {
    /// The newest attempt, where there is one.
    pub(super) fn newest(&self) -> Option<Attempt> {
        Some(Attempt {
            task_id: self.id,
            attempt: self.attempt,
            created_at: self.attempt_created_at?,
            agent_id: self.agent_id.clone(),
            key_id: self.key_id.clone(),
            incarnation: self.incarnation,
            claim_id: self.claim_id,
            claimed_at: self.claimed_at,
            started_at: self.attempt_started_at,
            finished_at: self.attempt_finished_at,
            outcome: self.outcome.clone(),
            stored_seq: self.stored_seq?,
            verified: self.verified?,
        })
    }
}

impl TryFrom<Row> for Task {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let id = row.id;
        Ok(Self {
            purpose: Purpose::from_word(&row.purpose).ok_or_else(|| bad(id, "purpose", &row.purpose))?,
            mode: json_column(id, "mode", &Value::String(row.mode))?,
            agent_type: row.agent_type.parse().map_err(|_| bad(id, "agent_type", &row.agent_type))?,
            parameters: json_column(id, "parameters", &row.parameters)?,
            resources: json_column(id, "resources", &row.resources)?,
            risk: json_column(id, "risk", &Value::String(row.risk))?,
            repeatable: json_column(id, "repeatable", &Value::String(row.repeatable))?,
            asks: asks(id, row.asks.as_deref().unwrap_or_default())?,
            status: Status::from_word(&row.status).ok_or_else(|| bad(id, "status", &row.status))?,
            id,
            request_id: row.request_id,
            plan_id: row.plan_id,
            step_id: row.step_id,
            action: row.action,
            action_sha256: row.action_sha256,
            title: row.title,
            hosts: row.hosts,
            depends_on: row.depends_on,
            timeout_seconds: row.timeout_seconds,
            waiting_for: row.waiting_for.map(|value| json_column(id, "waiting_for", &value)).transpose()?,
            wait_key: row.wait_key,
            attempt: row.attempt,
            offer: row.offer,
            excluded_agents: row.excluded_agents,
            cancel_requested_at: row.cancel_requested_at,
            progress: row.progress,
            message: row.message,
            started_at: row.started_at,
            fenced_attempt: row.fenced_attempt,
            iteration: row.iteration,
        })
    }
}

/// Each of the rows was as it was thought to be, or none is changed.
pub(super) fn all_rows(result: &PgQueryResult, wanted: usize) -> Result<(), Error> {
    all_of(usize::try_from(result.rows_affected()).unwrap_or_default(), wanted)
}

/// Whether as many rows were changed as were to be.
pub(super) fn all_of(changed: usize, wanted: usize) -> Result<(), Error> {
    if changed == wanted { Ok(()) } else { Err(Error::Database(sqlx::Error::RowNotFound)) }
}

pub(super) fn one_row(result: &PgQueryResult) -> Result<(), Error> {
    all_rows(result, 1)
}

/// A [`Problem`] as it stands in the database.
pub fn problem_value(problem: &Problem) -> Value {
    json!({"code": problem.code.number(), "message": problem.message, "details": problem.details})
}

/// The trace of a request.
pub async fn trace_id(connection: &mut PgConnection, request_id: Uuid) -> Result<String, Error> {
    Ok(sqlx::query_scalar!("SELECT trace_id FROM requests WHERE id = $1", request_id).fetch_one(connection).await?)
}

/// The newest attempt of a task, and who owns it.
pub async fn owner(connection: &mut PgConnection, task_id: Uuid) -> Result<Option<(i32, String)>, Error> {
    let row = sqlx::query!(
        "SELECT t.attempt, t.agent_id
        FROM task_attempts t
        JOIN tasks ON tasks.id = t.task_id AND tasks.attempt = t.attempt
        WHERE t.task_id = $1",
        task_id,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.and_then(|row| Some((row.attempt, row.agent_id?))))
}

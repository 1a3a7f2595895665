//! Adding the tasks of plans, all in one statement.

use chiffon_kernel::store::Error;
use chiffon_protocol::action::{Repeatable, Risk};
use chiffon_protocol::message::{AgentType, Mode, Resources};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::task::Purpose;

/// A task to be made.
#[derive(Debug, Clone, Serialize)]
pub struct NewTask {
    /// Its id.
    pub id: Uuid,
    /// The request.
    pub request_id: Uuid,
    /// The plan's revision.
    pub plan_id: Uuid,
    /// The request's.
    pub priority: i32,
    /// The plan's step.
    pub step_id: String,
    /// Who runs it.
    pub agent_type: AgentType,
    /// The action.
    pub action: String,
    /// Its planned content.
    pub action_sha256: String,
    /// For people.
    pub title: String,
    /// As planned.
    pub parameters: Map<String, Value>,
    /// What it needs.
    pub resources: Resources,
    /// What it may touch.
    pub hosts: Vec<String>,
    /// Steps with a task of the same purpose that must be completed first.
    pub depends_on: Vec<String>,
    /// How much harm it can do.
    pub risk: Risk,
    /// Whether it may be repeated.
    pub repeatable: Repeatable,
    /// The longest it may run.
    pub timeout_seconds: u64,
    /// Which of its step's tasks, from 0.
    pub iteration: i32,
    /// What is to be asked of whoever ordered it.
    pub asks: Option<Vec<&'static str>>,
}

/// What tasks made together have in common.
#[derive(Debug, Clone, Copy)]
pub struct Batch {
    /// Why they run.
    pub purpose: Purpose,
    /// Whether they change hosts.
    pub mode: Mode,
}

/// Adds tasks as `pending`, all in one statement. Those beyond the first of a step are stored under a name of their own, `step.1`: one
/// task of a plan has one name, for the version before as well. Nobody looks at those that need others before them until these are completed.
pub async fn add_all(connection: &mut PgConnection, batch: Batch, tasks: &[NewTask], at: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO tasks (id, request_id, plan_id, step_id, purpose, mode, agent_type, action, action_sha256, title, parameters,
            resources, hosts, depends_on, risk, repeatable, timeout_seconds, priority, status, wait_key, created_at, updated_at,
            iteration, asks)
        SELECT t.id, t.request_id, t.plan_id, CASE WHEN t.iteration = 0 THEN t.step_id ELSE t.step_id || '.' || t.iteration END, $2, $3, t.agent_type, t.action, t.action_sha256, t.title, t.parameters,
            t.resources, t.hosts, t.depends_on, t.risk, t.repeatable, t.timeout_seconds, t.priority, 'pending',
            CASE WHEN t.depends_on = '{}' THEN 'look' ELSE 'steps' END, $4, $4, t.iteration, t.asks
        FROM jsonb_to_recordset($1) AS t (id uuid, request_id uuid, plan_id uuid, priority int, step_id text, agent_type text, action text, action_sha256 text, title text,
            parameters jsonb, resources jsonb, hosts text[], depends_on text[], risk text, repeatable text, timeout_seconds bigint, iteration int, asks text[])",
        json!(tasks),
        batch.purpose.as_str(),
        batch.mode.as_str(),
        at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

//! Tasks, their attempts and their logs.

use chiffon_kernel::domain::waiting::WaitingFor;
use chiffon_kernel::store::Error;
use chiffon_kernel::store::read::snapshot;
use chiffon_protocol::kind::Kinds;
use chiffon_records::store::host_outcomes::{self, HostOutcome};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{PgConnection, PgPool};
use utoipa::ToSchema;
use uuid::Uuid;

/// A task as the request shows it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct TaskView {
    /// Its id.
    pub task_id: Uuid,
    /// The plan's step.
    pub step_id: String,
    /// Which of its step's tasks, where that has several; the first is 0.
    #[serde(skip_serializing_if = "is_first")]
    pub iteration: i32,
    /// `discover | preview | apply`
    pub purpose: String,
    /// What it does, for people.
    pub title: String,
    /// The action.
    pub action: String,
    /// What it may touch.
    pub hosts: Vec<String>,
    /// The newest attempt; 0 before the first.
    pub attempt: i32,
    /// `pending | waiting | dispatched | running | completed | failed | cancelled | interrupted | unknown | skipped`
    pub status: String,
    /// Percent.
    pub progress: i16,
    /// What it does at this moment.
    pub message: String,
    /// Who runs the newest attempt.
    pub agent_id: Option<String>,
    /// What it waits for.
    #[schema(value_type = Option<WaitingFor>)]
    pub waiting_for: Option<Json<WaitingFor>>,
    /// When somebody asked for its end; it counts as cancelled once that is proven.
    pub cancel_requested_at: Option<DateTime<Utc>>,
    /// A summary of what it did.
    pub output: Option<String>,
    /// The action's outputs.
    pub outputs: Value,
    /// Whether a host was changed.
    pub changed: Option<bool>,
    /// How it went on each host, by name: empty until a result tells it.
    #[schema(value_type = Vec<HostOutcome>)]
    pub host_results: Json<Vec<HostOutcome>>,
    /// What a person should know although it succeeded.
    pub warnings: Value,
    /// What a check run predicts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preview: Option<Value>,
    /// For a preview: the attempt of its step's change that was cut off, after which it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checks_attempt: Option<i32>,
    /// `{code, message, details}`
    pub error: Option<Value>,
    /// Its commit in the audit repository.
    pub commit: Option<String>,
    /// When the plan made it.
    pub created_at: DateTime<Utc>,
    /// When an agent began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// Where it ended other than completed and the run does not fail for it: `continue`, the steps after it went on; `skip`, they were
    /// skipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consequence: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's `skip_serializing_if` passes a reference")]
fn is_first(iteration: &i32) -> bool {
    *iteration == 0
}

impl TaskView {
    /// Whether a person has to decide about it: `POST /tasks/{id}/resolve`.
    pub fn needs_a_person(&self) -> bool {
        let is_cut_off = self.status == "unknown" || (self.status == "interrupted" && self.cancel_requested_at.is_none());
        self.purpose == "apply" && is_cut_off
    }
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AttemptView {
    /// From 1.
    pub attempt: i32,
    /// When it was first offered.
    pub created_at: DateTime<Utc>,
    /// Who owns it.
    pub agent_id: Option<String>,
    /// When it was claimed.
    pub claimed_at: Option<DateTime<Utc>>,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
    /// When its result was stored.
    pub finished_at: Option<DateTime<Utc>>,
    /// `succeeded | failed | cancelled | interrupted | not_started`
    pub outcome: Option<String>,
    /// Whether its reports were signed.
    pub verified: bool,
    /// Of its program.
    pub exit_code: Option<i32>,
    /// A summary.
    pub output: Option<String>,
    /// `{code, message, details}`
    pub error: Option<Value>,
    /// As the agent measured it.
    pub duration_seconds: Option<f64>,
    /// What it cost.
    pub cpu_hours: Option<f64>,
    /// What it cost.
    pub memory_peak_gb: Option<f64>,
    /// The number of its last log line, by its result.
    pub last_seq: Option<i64>,
    /// The last log line stored without a gap.
    pub stored_seq: i64,
}

/// A task with everything about it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct TaskDetail {
    /// The task.
    #[serde(flatten)]
    pub task: TaskView,
    /// The request it belongs to.
    pub request_id: Uuid,
    /// As planned; may hold references to outputs.
    pub parameters: Value,
    /// As sent.
    pub resolved_parameters: Option<Value>,
    /// The content that was planned.
    pub action_sha256: String,
    /// Who runs it.
    pub agent_type: String,
    /// What it needs.
    pub resources_required: Value,
    /// Steps that must be completed first.
    pub depends_on: Vec<String>,
    /// Of its action.
    pub risk: String,
    /// Whether it may be tried again.
    pub repeatable: String,
    /// The longest it may run.
    pub timeout_seconds: i64,
    /// By whom and why it was cancelled.
    pub cancel_reason: Option<String>,
    /// Oldest first.
    pub attempts: Vec<AttemptView>,
}

/// The tasks of one plan, as they were made.
pub async fn of_plan(connection: &mut PgConnection, plan_id: Uuid) -> Result<Vec<TaskView>, Error> {
    Ok(sqlx::query_as!(
        TaskView,
        r#"SELECT t.id AS task_id, split_part(t.step_id, '.', 1) AS "step_id!", t.iteration, t.consequence, t.purpose, t.title, t.action, t.hosts, t.attempt, t.status, t.progress, t.message,
            a.agent_id AS "agent_id?", t.waiting_for AS "waiting_for: Json<WaitingFor>", t.cancel_requested_at, t.output, t.outputs, t.changed, t.warnings, t.preview,
            t.checks_attempt, t.error, t.commit_id AS commit, t.created_at, t.started_at, t.finished_at,
            h.outcomes AS "host_results!: Json<Vec<HostOutcome>>"
        FROM tasks t
        LEFT JOIN task_attempts a ON a.task_id = t.id AND a.attempt = t.attempt
        CROSS JOIN LATERAL (
            SELECT COALESCE(jsonb_agg(o ORDER BY o.host), '[]') AS outcomes FROM host_outcomes o WHERE o.task_id = t.id
        ) h
        WHERE t.plan_id = $1
        ORDER BY t.created_at, t.id"#,
        plan_id,
    )
    .fetch_all(connection)
    .await?)
}

/// The task with this id.
pub async fn get(pool: &PgPool, kinds: &Kinds, task_id: Uuid) -> Result<Option<TaskDetail>, Error> {
    let mut tx = snapshot(pool).await?;
    let row = sqlx::query!(
        r#"SELECT t.id, split_part(t.step_id, '.', 1) AS "step_id!", t.iteration, t.consequence, t.purpose, t.title, t.action, t.hosts, t.attempt, t.status, t.progress, t.message,
            a.agent_id AS "agent_id?", t.waiting_for AS "waiting_for: Json<WaitingFor>", t.cancel_requested_at, t.output, t.outputs, t.changed, t.warnings, t.preview,
            t.checks_attempt, t.error, t.commit_id, t.created_at, t.started_at, t.finished_at, t.request_id, t.parameters, t.resolved_parameters,
            t.action_sha256, t.agent_type, t.resources, t.depends_on, t.risk, t.repeatable, t.timeout_seconds, t.cancel_reason
        FROM tasks t
        LEFT JOIN task_attempts a ON a.task_id = t.id AND a.attempt = t.attempt
        WHERE t.id = $1"#,
        task_id,
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let attempts = attempts(&mut tx, task_id).await?;
    let host_results = Json(host_outcomes::list(&mut tx, task_id).await?);
    let mut task = TaskView {
        task_id: row.id,
        step_id: row.step_id,
        iteration: row.iteration,
        consequence: row.consequence,
        purpose: row.purpose,
        title: row.title,
        action: row.action,
        hosts: row.hosts,
        attempt: row.attempt,
        status: row.status,
        progress: row.progress,
        message: row.message,
        agent_id: row.agent_id,
        waiting_for: row.waiting_for,
        cancel_requested_at: row.cancel_requested_at,
        output: row.output,
        outputs: row.outputs,
        changed: row.changed,
        host_results,
        warnings: row.warnings,
        preview: row.preview,
        checks_attempt: row.checks_attempt,
        error: row.error,
        commit: row.commit_id,
        created_at: row.created_at,
        started_at: row.started_at,
        finished_at: row.finished_at,
    };
    super::waits::refresh(&mut tx, kinds, std::slice::from_mut(&mut task), None).await?;
    tx.commit().await?;
    Ok(Some(TaskDetail {
        task,
        request_id: row.request_id,
        parameters: row.parameters,
        resolved_parameters: row.resolved_parameters,
        action_sha256: row.action_sha256,
        agent_type: row.agent_type,
        resources_required: row.resources,
        depends_on: row.depends_on,
        risk: row.risk,
        repeatable: row.repeatable,
        timeout_seconds: row.timeout_seconds,
        cancel_reason: row.cancel_reason,
        attempts,
    }))
}

async fn attempts(connection: &mut PgConnection, task_id: Uuid) -> Result<Vec<AttemptView>, Error> {
    Ok(sqlx::query_as!(
        AttemptView,
        "SELECT attempt, created_at, agent_id, claimed_at, started_at, finished_at, outcome, verified, exit_code, output, error,
            duration_seconds, cpu_hours, memory_peak_gb, last_seq, stored_seq
        FROM task_attempts
        WHERE task_id = $1
        ORDER BY attempt",
        task_id,
    )
    .fetch_all(connection)
    .await?)
}

/// One line of a log.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LogLine {
    /// Which attempt said it.
    pub attempt: i32,
    /// Numbered per attempt from 1.
    pub seq: i64,
    /// When it happened on the agent.
    pub at: DateTime<Utc>,
    /// What happened, such as `task_changed`.
    pub kind: String,
    /// The managed host.
    pub host: Option<String>,
    /// The Ansible task.
    pub name: Option<String>,
    /// For people.
    pub text: String,
    /// A unified diff.
    pub diff: Option<String>,
}

/// A part of a log.
#[derive(Debug, Clone, PartialEq)]
pub struct LogPart {
    /// Lines in order.
    pub lines: Vec<LogLine>,
    /// Whether the task has ended and every line that its agent announced is stored.
    pub whole: bool,
}

/// The lines after `(attempt, seq)`, at most `limit`; `None` when there is no such task.
pub async fn logs(pool: &PgPool, task_id: Uuid, after: (i32, i64), limit: i64) -> Result<Option<LogPart>, Error> {
    let mut tx = snapshot(pool).await?;
    let whole = sqlx::query_scalar!(
        r#"SELECT t.finished_at IS NOT NULL AND NOT EXISTS (
            SELECT FROM task_attempts a
            WHERE a.task_id = t.id AND a.last_seq > a.stored_seq
        ) AS "whole!"
        FROM tasks t
        WHERE t.id = $1"#,
        task_id,
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(whole) = whole else { return Ok(None) };
    // Each attempt names its partition, and gives no more lines than are wanted: a long log is not sorted for a page of it.
    let lines = sqlx::query_as!(
        LogLine,
        "SELECT l.attempt, l.seq, l.at, l.kind, l.host, l.name, l.text, l.diff
        FROM task_attempts a
        CROSS JOIN LATERAL (
            SELECT attempt, seq, at, kind, host, name, text, diff
            FROM execution_logs
            WHERE created_at = a.created_at AND task_id = a.task_id AND attempt = a.attempt
            AND seq > CASE WHEN a.attempt = $2 THEN $3::bigint ELSE 0 END
            ORDER BY seq
            LIMIT $4
        ) l
        WHERE a.task_id = $1 AND a.attempt >= $2
        ORDER BY l.attempt, l.seq
        LIMIT $4",
        task_id,
        after.0,
        after.1,
        limit,
    )
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(Some(LogPart { lines, whole }))
}

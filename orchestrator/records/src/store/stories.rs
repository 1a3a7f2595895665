//! What records tell: tasks, the requests behind them, and their logs, read for many at once.

use std::collections::BTreeMap;

use chiffon_kernel::store::Error;
use chiffon_protocol::money::MicroDollars;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

/// What a task's commit tells about the task.
#[derive(Debug, Clone)]
pub struct TaskStory {
    /// The task.
    pub task_id: Uuid,
    /// The plan's step.
    pub step_id: String,
    /// What it did.
    pub title: String,
    /// The action.
    pub action: String,
    /// How it ended.
    pub status: String,
    /// Whether it was a dry run.
    pub is_dry: bool,
    /// Whether a host was changed.
    pub changed: Option<bool>,
    /// As sent.
    pub parameters: Value,
    /// What it gave back.
    pub outputs: Value,
    /// What a person should know.
    pub warnings: Value,
    /// What went wrong.
    pub error: Option<Value>,
    /// What it touched.
    pub hosts: Vec<String>,
    /// The newest attempt.
    pub attempt: i32,
    /// Who ran it.
    pub agent_id: Option<String>,
    /// Whether its reports were signed.
    pub verified: bool,
    /// Seconds.
    pub duration_seconds: Option<f64>,
    /// The log's last number.
    pub last_seq: Option<i64>,
    /// How much of the log is here.
    pub stored_seq: Option<i64>,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

impl TaskStory {
    /// Whether every line of its log is here.
    pub fn log_is_whole(&self) -> bool {
        self.last_seq.unwrap_or(0) <= self.stored_seq.unwrap_or(0)
    }
}

/// The stories of tasks, in any order.
pub async fn of_tasks(connection: &mut PgConnection, task_ids: &[Uuid]) -> Result<Vec<TaskStory>, Error> {
    Ok(sqlx::query_as!(
        TaskStory,
        r#"SELECT t.id AS "task_id!", split_part(t.step_id, '.', 1) AS "step_id!", t.title AS "title!", t.action AS "action!", t.status AS "status!",
            t.mode = 'check' AS "is_dry!", t.changed, COALESCE(t.resolved_parameters, t.parameters) AS "parameters!",
            t.outputs AS "outputs!", t.warnings AS "warnings!", t.error, t.hosts AS "hosts!", t.attempt AS "attempt!",
            a.agent_id AS "agent_id?", COALESCE(a.verified, true) AS "verified!", a.duration_seconds AS "duration_seconds?",
            a.last_seq AS "last_seq?", a.stored_seq AS "stored_seq?", t.started_at, t.finished_at
        FROM tasks t
        LEFT JOIN task_attempts a ON a.task_id = t.id AND a.attempt = t.attempt
        WHERE t.id = ANY ($1)"#,
        task_ids,
    )
    .fetch_all(connection)
    .await?)
}

/// What a task's commit tells about its request.
#[derive(Debug, Clone)]
pub struct RequestStory {
    /// The task.
    pub task_id: Uuid,
    /// The words.
    pub text: String,
    /// Who asked.
    pub requested_by: String,
    /// What began it, where it is no person.
    pub origin: Option<String>,
    /// When.
    pub created_at: DateTime<Utc>,
    /// The trace.
    pub trace_id: String,
    /// Spent on models.
    pub cost: MicroDollars,
    /// The audit chain's head.
    pub audit_head: Option<Vec<u8>>,
    /// The plan that ran.
    pub plan: Value,
    /// Its hash.
    pub plan_sha256: Option<String>,
    /// `[{by, decision, at, comment}]`, with `left_out` where steps were, and with `standing_approval` where it came about by one.
    pub approvals: Value,
    /// `[{at, from, by, text}]`; `by` is the person's name, null for Chiffon's own words.
    pub messages: Value,
}

/// The stories of the requests behind tasks, one for each task, in any order.
pub async fn of_requests(connection: &mut PgConnection, task_ids: &[Uuid]) -> Result<Vec<RequestStory>, Error> {
    Ok(sqlx::query_as!(
        RequestStory,
        r#"SELECT t.id AS task_id, r.text, p.name AS requested_by, CASE WHEN r.origin_kind <> 'person' THEN r.origin_kind || ' ' || r.origin_id END AS origin, r.created_at, r.trace_id, r.cost_micro_usd AS cost, h.audit_head, l.body AS plan,
            l.sha256 AS plan_sha256,
            COALESCE((
                SELECT jsonb_agg(
                    jsonb_build_object('by', d.name, 'decision', a.decision, 'at', a.at, 'comment', a.comment) || CASE
                        WHEN s.id IS NULL THEN '{}'
                        ELSE jsonb_build_object('standing_approval', jsonb_build_object(
                            'id', s.id, 'given_at', s.given_at, 'expires_at', s.expires_at, 'request_id', s.request_id, 'plan_sha256', s.plan_sha256,
                            'steps_sha256', s.steps_sha256
                        ))
                    END || CASE WHEN a.left_out = '{}' THEN '{}' ELSE jsonb_build_object('left_out', a.left_out) END
                    || CASE WHEN a.link_id IS NULL THEN '{}' ELSE jsonb_build_object('approval_link_id', a.link_id) END
                    ORDER BY a.at, a.id
                )
                FROM approvals a
                JOIN principals d ON d.id = a.principal_id
                LEFT JOIN standing_approvals s ON s.id = a.standing_id
                WHERE a.plan_id = l.id
            ), '[]') AS "approvals!",
            COALESCE((
                SELECT jsonb_agg(jsonb_build_object('at', m.at, 'from', m.sender, 'by', s.name, 'text', m.text) ORDER BY m.seq)
                FROM messages m
                LEFT JOIN principals s ON s.id = m.principal_id AND m.sender = 'user'
                WHERE m.request_id = r.id
            ), '[]') AS "messages!"
        FROM tasks t
        JOIN requests r ON r.id = t.request_id
        JOIN streams h ON h.id = r.id
        JOIN principals p ON p.id = r.principal_id
        JOIN plans l ON l.id = t.plan_id
        WHERE t.id = ANY ($1)"#,
        task_ids,
    )
    .fetch_all(connection)
    .await?)
}

/// One line of the log, for people.
#[derive(Debug, Clone)]
pub struct LogLine {
    /// When.
    pub at: DateTime<Utc>,
    /// What happened.
    pub kind: String,
    /// The host.
    pub host: Option<String>,
    /// The Ansible task.
    pub name: Option<String>,
    /// For people.
    pub text: String,
    /// A unified diff.
    pub diff: Option<String>,
}

/// The first `limit` lines of each of these attempts, by task.
pub async fn log_lines(connection: &mut PgConnection, attempts: &[(Uuid, i32)], limit: i64) -> Result<BTreeMap<Uuid, Vec<LogLine>>, Error> {
    let (task_ids, numbers): (Vec<Uuid>, Vec<i32>) = attempts.iter().copied().unzip();
    let rows = sqlx::query!(
        r#"SELECT of.task_id AS "task_id!", line.at, line.kind, line.host, line.name, line.text, line.diff
        FROM unnest($1::uuid[], $2::int[]) AS of (task_id, attempt)
        CROSS JOIN LATERAL (
            SELECT l.seq, l.at, l.kind, l.host, l.name, l.text, l.diff
            FROM execution_logs l
            WHERE l.task_id = of.task_id AND l.attempt = of.attempt
            ORDER BY l.seq
            LIMIT $3
        ) line
        ORDER BY of.task_id, line.seq"#,
        &task_ids,
        &numbers,
        limit,
    )
    .fetch_all(connection)
    .await?;
    let mut logs: BTreeMap<Uuid, Vec<LogLine>> = BTreeMap::new();
    for row in rows {
        let line = LogLine { at: row.at, kind: row.kind, host: row.host, name: row.name, text: row.text, diff: row.diff };
        logs.entry(row.task_id).or_default().push(line);
    }
    Ok(logs)
}

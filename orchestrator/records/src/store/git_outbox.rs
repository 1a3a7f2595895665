//! What has to be committed to the audit repository, and what such a commit tells.

use std::collections::HashSet;

use chiffon_kernel::store::Error;
use chiffon_protocol::money::MicroDollars;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

/// A record that has no settled commit yet.
#[derive(Debug, Clone)]
pub struct Open {
    /// Its id, the commit's `Record-Id`.
    pub id: Uuid,
    /// The request.
    pub request_id: Uuid,
    /// The task.
    pub task_id: Option<Uuid>,
    /// `{}` until the record was rendered.
    pub payload: Value,
    /// The commit's author.
    pub author: String,
    /// The commit's time.
    pub at: DateTime<Utc>,
    /// The commit that was made for it, if one was.
    pub commit_id: Option<String>,
}

/// Adds records of tasks, each with its own id, in the name of whoever asked; what they tell is rendered when they are committed.
pub async fn add(connection: &mut PgConnection, records: &[(Uuid, Uuid)], at: DateTime<Utc>) -> Result<(), Error> {
    let (ids, tasks): (Vec<Uuid>, Vec<Uuid>) = records.iter().copied().unzip();
    sqlx::query!(
        "INSERT INTO git_outbox (id, request_id, task_id, payload, author, at)
        SELECT record.id, t.request_id, t.id, '{}', p.name, $3
        FROM unnest($1::uuid[], $2::uuid[]) AS record (id, task_id)
        JOIN tasks t ON t.id = record.task_id
        JOIN requests r ON r.id = t.request_id
        JOIN principals p ON p.id = r.principal_id",
        &ids,
        &tasks,
        at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Drops records of a task that nobody has rendered: what they would tell is not its end any more.
pub async fn drop_unrendered(connection: &mut PgConnection, task_id: Uuid) -> Result<(), Error> {
    sqlx::query!("DELETE FROM git_outbox WHERE task_id = $1 AND payload = '{}'::jsonb AND commit_id IS NULL", task_id)
        .execute(connection)
        .await?;
    Ok(())
}

/// The records to be committed, oldest first.
pub async fn list_open(connection: &mut PgConnection, limit: i64) -> Result<Vec<Open>, Error> {
    Ok(sqlx::query_as!(
        Open,
        "SELECT id, request_id, task_id, payload, author, at, commit_id
        FROM git_outbox
        WHERE settled_at IS NULL
        ORDER BY at, id
        LIMIT $1",
        limit,
    )
    .fetch_all(connection)
    .await?)
}

/// Whether a record has no settled commit yet.
pub async fn has_open(connection: &mut PgConnection) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM git_outbox WHERE settled_at IS NULL) AS "open!""#).fetch_one(connection).await?)
}

/// Fixes what a record tells. `false` when it was fixed before.
pub async fn set_payload(connection: &mut PgConnection, id: Uuid, payload: &Value) -> Result<bool, Error> {
    let done = sqlx::query!(
        "UPDATE git_outbox
        SET payload = $2
        WHERE id = $1 AND payload = '{}'::jsonb",
        id,
        payload,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Notes the commits that are about to become these records', as long as the scribe's epoch is the current one. `false`: it is not,
/// or somebody else has settled one of them, and the caller must roll back.
pub async fn set_commits(
    connection: &mut PgConnection,
    ids: &[Uuid],
    commit_ids: &[String],
    lease: &str,
    epoch: i64,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        "UPDATE git_outbox
        SET commit_id = made.commit_id, epoch = $4, tries = tries + 1
        FROM unnest($1::uuid[], $2::text[]) AS made (id, commit_id)
        WHERE git_outbox.id = made.id
        AND settled_at IS NULL
        AND EXISTS (SELECT FROM leases WHERE name = $3 AND leases.epoch = $4 AND expires_at > now())",
        ids,
        commit_ids,
        lease,
        epoch,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == ids.len() as u64)
}

/// Notes that the branch contains these records' commits, and names each in its task.
pub async fn settle(connection: &mut PgConnection, commits: &[(Uuid, &str)], at: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query!(
        "WITH settled AS (
            UPDATE git_outbox
            SET settled_at = $3, commit_id = made.commit_id, last_error = NULL
            FROM unnest($1::uuid[], $2::text[]) AS made (id, commit_id)
            WHERE git_outbox.id = made.id
            RETURNING task_id, made.commit_id
        )
        UPDATE tasks
        SET commit_id = settled.commit_id
        FROM settled
        WHERE tasks.id = settled.task_id",
        &commits.iter().map(|(id, _)| *id).collect::<Vec<_>>(),
        &commits.iter().map(|(_, commit)| (*commit).to_owned()).collect::<Vec<_>>(),
        at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes why a record could not be committed.
pub async fn set_error(connection: &mut PgConnection, id: Uuid, error: &str) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE git_outbox
        SET last_error = $2, tries = tries + 1
        WHERE id = $1",
        id,
        error,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A record with the commit that was made for it.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// Its id, the commit's `Record-Id`.
    pub id: Uuid,
    /// The request.
    pub request_id: Uuid,
    /// The task.
    pub task_id: Option<Uuid>,
    /// What it tells.
    pub payload: Value,
    /// The commit's author.
    pub author: String,
    /// The commit's time.
    pub at: DateTime<Utc>,
    /// The commit.
    pub commit_id: String,
    /// Whether the branch was seen to contain it.
    pub settled: bool,
}

/// The records that have a commit, in the order of their ids after a cursor.
pub async fn list_recorded(connection: &mut PgConnection, after: Uuid, limit: i64) -> Result<Vec<Recorded>, Error> {
    Ok(sqlx::query_as!(
        Recorded,
        r#"SELECT id, request_id, task_id, payload, author, at, commit_id AS "commit_id!", (settled_at IS NOT NULL) AS "settled!"
        FROM git_outbox
        WHERE commit_id IS NOT NULL AND id > $1
        ORDER BY id
        LIMIT $2"#,
        after,
        limit,
    )
    .fetch_all(connection)
    .await?)
}

/// The ids of all recorded commits.
pub async fn list_commits(connection: &mut PgConnection) -> Result<HashSet<String>, Error> {
    let ids = sqlx::query_scalar!(r#"SELECT commit_id AS "commit_id!" FROM git_outbox WHERE commit_id IS NOT NULL"#)
        .fetch_all(connection)
        .await?;
    Ok(ids.into_iter().collect())
}

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

/// The task's story.
pub async fn task_story(connection: &mut PgConnection, task_id: Uuid) -> Result<TaskStory, Error> {
    Ok(sqlx::query_as!(
        TaskStory,
        r#"SELECT t.id AS task_id, t.step_id, t.title, t.action, t.status, t.mode = 'check' AS "is_dry!", t.changed, COALESCE(t.resolved_parameters, t.parameters) AS "parameters!",
            t.outputs, t.warnings, t.error, t.hosts, t.attempt, a.agent_id AS "agent_id?",
            COALESCE(a.verified, true) AS "verified!", a.duration_seconds AS "duration_seconds?",
            a.last_seq AS "last_seq?", a.stored_seq AS "stored_seq?", t.started_at, t.finished_at
        FROM tasks t
        LEFT JOIN task_attempts a ON a.task_id = t.id AND a.attempt = t.attempt
        WHERE t.id = $1"#,
        task_id,
    )
    .fetch_one(connection)
    .await?)
}

/// What a task's commit tells about its request.
#[derive(Debug, Clone)]
pub struct RequestStory {
    /// The words.
    pub text: String,
    /// Who asked.
    pub requested_by: String,
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
    /// `[{by, decision, at, comment}]`
    pub approvals: Value,
    /// `[{at, from, by, text}]`; `by` is the person's name, null for Chiffon's own words.
    pub messages: Value,
}

/// The story of the request behind a task.
pub async fn request_story(connection: &mut PgConnection, task_id: Uuid) -> Result<RequestStory, Error> {
    Ok(sqlx::query_as!(
        RequestStory,
        r#"SELECT r.text, p.name AS requested_by, r.created_at, r.trace_id, r.cost_micro_usd AS cost, h.audit_head, l.body AS plan, l.sha256 AS plan_sha256,
            COALESCE((
                SELECT jsonb_agg(jsonb_build_object('by', d.name, 'decision', a.decision, 'at', a.at, 'comment', a.comment) ORDER BY a.at)
                FROM approvals a
                JOIN principals d ON d.id = a.principal_id
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
        WHERE t.id = $1"#,
        task_id,
    )
    .fetch_one(connection)
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

/// The first `limit` lines of a task's newest attempt.
pub async fn log_lines(connection: &mut PgConnection, task_id: Uuid, attempt: i32, limit: i64) -> Result<Vec<LogLine>, Error> {
    Ok(sqlx::query_as!(
        LogLine,
        "SELECT at, kind, host, name, text, diff
        FROM execution_logs
        WHERE task_id = $1 AND attempt = $2
        ORDER BY seq
        LIMIT $3",
        task_id,
        attempt,
        limit,
    )
    .fetch_all(connection)
    .await?)
}

//! What attempts came to on each host, as their agents report it or, where nobody does, as their logs prove it.

use chiffon_protocol::message::WorkResult;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Error;
use super::logs::storable;

/// What a task came to on one host, over all of its attempts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HostOutcome {
    /// The host.
    pub host: String,
    /// How its newest attempt ended there: `completed | failed | unreachable | not_begun | unfinished`
    pub status: String,
    /// Whether any attempt changed it.
    pub changed: bool,
    /// The names of the tasks that changed it, in any attempt.
    pub changes: Vec<String>,
    /// The newest attempt's last failure, or why it was not reached.
    pub message: Option<String>,
}

/// Adds what a result says of each host. The first report of an attempt stays.
pub async fn add(connection: &mut PgConnection, result: &WorkResult, at: DateTime<Utc>) -> Result<(), Error> {
    let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    for host in &result.hosts {
        let (name, message) = (storable(&host.host), host.message.as_deref().map(storable));
        let names = |names: &[String]| names.iter().map(|name| storable(name).into_owned()).collect::<Vec<_>>();
        let (changes, made) = (names(&host.changes), names(&host.made));
        sqlx::query!(
            "INSERT INTO host_results
                (task_id, attempt, host, status, ok, changed, skipped, failed, rescued, ignored, changes, made, message, from_log, recorded_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $14, $12, false, $13)
            ON CONFLICT DO NOTHING",
            result.task_id,
            i32::try_from(result.attempt).unwrap_or(i32::MAX),
            name.as_ref(),
            host.status.as_str(),
            count(host.ok),
            count(host.changed),
            count(host.skipped),
            count(host.failed),
            count(host.rescued),
            count(host.ignored),
            &changes,
            message.as_deref(),
            at,
            &made,
        )
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Adds what the logs of a task's attempts prove of each host, where nobody has reported that by host. Only of what was signed.
pub async fn add_from_log(connection: &mut PgConnection, task_id: Uuid, at: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO host_results
            (task_id, attempt, host, status, ok, changed, skipped, failed, rescued, ignored, changes, made, message, from_log, recorded_at)
        SELECT l.task_id, l.attempt, l.host, CASE WHEN bool_or(l.kind = 'host_unreachable') THEN 'unreachable' ELSE 'unfinished' END,
            count(*) FILTER (WHERE l.kind IN ('task_ok', 'task_changed')), count(*) FILTER (WHERE l.kind = 'task_changed'),
            count(*) FILTER (WHERE l.kind = 'task_skipped'), count(*) FILTER (WHERE l.kind = 'task_failed'), 0, 0,
            COALESCE((array_agg(l.name ORDER BY l.seq) FILTER (WHERE l.kind = 'task_changed' AND l.name IS NOT NULL))[1:100], '{}'),
            COALESCE((array_agg(l.name ORDER BY l.seq) FILTER (WHERE l.kind = 'changed_for_real' AND l.name IS NOT NULL))[1:100], '{}'),
            (array_agg(l.text ORDER BY l.seq DESC) FILTER (WHERE l.kind IN ('task_failed', 'host_unreachable')))[1], true, $2
        FROM task_attempts a
        JOIN execution_logs l ON l.created_at = a.created_at AND l.task_id = a.task_id AND l.attempt = a.attempt
        WHERE a.task_id = $1 AND a.verified AND l.host IS NOT NULL
            AND NOT EXISTS (SELECT FROM host_results h WHERE h.task_id = a.task_id AND h.attempt = a.attempt)
        GROUP BY l.task_id, l.attempt, l.host",
        task_id,
        at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// What the dry run of a task's step found before it was approved. One that was made again, after something had been changed, foretells
/// only the rest.
pub async fn foretold(connection: &mut PgConnection, task_id: Uuid) -> Result<Option<Value>, Error> {
    let found = sqlx::query_scalar!(
        "SELECT p.preview
        FROM tasks p
        JOIN tasks t ON t.plan_id = p.plan_id AND t.step_id = p.step_id
        WHERE t.id = $1 AND p.purpose = 'preview' AND p.checks_attempt IS NULL
        LIMIT 1",
        task_id,
    )
    .fetch_optional(connection)
    .await?;
    Ok(found.flatten())
}

/// Whether a task has changed a host. A dry run has where a task of it ran for real.
pub async fn has_changed(connection: &mut PgConnection, task_id: Uuid) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (
            SELECT FROM host_results h
            JOIN tasks t ON t.id = h.task_id
            WHERE h.task_id = $1 AND CASE WHEN t.mode = 'check' THEN h.made <> '{}' ELSE h.changed > 0 END
        ) AS "has_changed!""#,
        task_id,
    )
    .fetch_one(connection)
    .await?)
}

/// What a task came to on each host, by name. Of a dry run, only what ran for real counts as a change.
pub async fn list(connection: &mut PgConnection, task_id: Uuid) -> Result<Vec<HostOutcome>, Error> {
    Ok(sqlx::query_as!(
        HostOutcome,
        r#"SELECT host AS "host!", status AS "status!", changed AS "changed!", changes AS "changes!", message
        FROM host_outcomes
        WHERE task_id = $1
        ORDER BY host"#,
        task_id,
    )
    .fetch_all(connection)
    .await?)
}

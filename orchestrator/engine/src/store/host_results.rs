//! What attempts came to on each host, as their agents report it or, where nobody does, as their logs prove it.

use std::collections::{BTreeMap, BTreeSet};

use chiffon_kernel::store::Error;
use chiffon_kernel::store::storable::{storable, storable_json};
use chiffon_kernel::store::stored_json::read_json;
use chiffon_protocol::message::{WorkResult, Written};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

/// What results say about hosts, as rows.
pub(super) fn rows(results: &[&WorkResult]) -> Value {
    let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let names = |names: &[String]| json!(names.iter().map(|name| storable(name)).collect::<Vec<_>>());
    let rows = results
        .iter()
        .flat_map(|result| result.hosts.iter().map(move |host| (*result, host)))
        .map(|(result, host)| {
            json!({
                "task_id": result.task_id, "attempt": i32::try_from(result.attempt).unwrap_or(i32::MAX), "host": storable(&host.host),
                "status": host.status.as_str(), "ok": count(host.ok), "changed": count(host.changed), "skipped": count(host.skipped),
                "failed": count(host.failed), "rescued": count(host.rescued), "ignored": count(host.ignored),
                "changes": names(&host.changes), "made": names(&host.made), "written": storable_json(json!(host.written)),
                "message": host.message.as_deref().map(storable),
            })
        })
        .collect();
    Value::Array(rows)
}

/// What the logs of attempts prove where their owner has reported nothing about hosts: it was killed, or does not tell them apart.
pub async fn add_from_log(connection: &mut PgConnection, task_ids: &[Uuid], at: DateTime<Utc>) -> Result<(), Error> {
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
        WHERE a.task_id = ANY ($1) AND a.verified AND l.host IS NOT NULL
            AND NOT EXISTS (SELECT FROM host_results h WHERE h.task_id = a.task_id AND h.attempt = a.attempt)
        GROUP BY l.task_id, l.attempt, l.host",
        task_ids,
        at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// What the dry runs of these tasks' steps found before they were approved. One that was made again, after something had been changed,
/// foretells only the rest.
pub async fn foretold(connection: &mut PgConnection, task_ids: &[Uuid]) -> Result<BTreeMap<Uuid, Value>, Error> {
    let rows = sqlx::query!(
        r#"SELECT t.id, p.preview AS "preview!"
        FROM tasks p
        JOIN tasks t ON t.plan_id = p.plan_id AND t.step_id = p.step_id
        WHERE t.id = ANY ($1) AND p.purpose = 'preview' AND p.checks_attempt IS NULL AND p.preview IS NOT NULL"#,
        task_ids,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.preview)).collect())
}

/// A change by another request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedSince {
    /// The host that it changed.
    pub host: String,
    /// What it did.
    pub title: String,
    /// Whose it was.
    pub request_id: Uuid,
}

/// The newest change of one of these hosts by another request since the first preview of this request's plan began.
pub async fn changed_since_previews(
    connection: &mut PgConnection,
    (request_id, plan_id): (Uuid, Uuid),
    hosts: &[String],
) -> Result<Option<ChangedSince>, Error> {
    Ok(sqlx::query_as!(
        ChangedSince,
        r#"SELECT h.host, t.title, t.request_id
        FROM tasks t
        JOIN host_results h ON h.task_id = t.id
        WHERE t.mode = 'apply' AND t.request_id <> $1 AND h.host = ANY ($3) AND h.changed > 0
            AND h.recorded_at > (SELECT min(COALESCE(p.started_at, p.created_at)) FROM tasks p WHERE p.plan_id = $2 AND p.purpose = 'preview')
        ORDER BY h.recorded_at DESC
        LIMIT 1"#,
        request_id,
        plan_id,
        hosts,
    )
    .fetch_optional(connection)
    .await?)
}

/// What the attempts of a task changed on one host, as a run is compared with its preview.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ran {
    /// The host.
    pub host: String,
    /// Whether its newest attempt came to its end there.
    pub is_completed: bool,
    /// How many attempts were made there.
    pub attempts: usize,
    /// The names of the tasks that changed something, in order.
    pub changes: Vec<String>,
    /// What they wrote, in order.
    pub written: Vec<Written>,
}

/// What a task's attempts changed, by host.
pub async fn ran(connection: &mut PgConnection, task_id: Uuid) -> Result<Vec<Ran>, Error> {
    let rows = sqlx::query!(
        "SELECT host, status, changes, written
        FROM host_results
        WHERE task_id = $1
        ORDER BY host, attempt",
        task_id,
    )
    .fetch_all(connection)
    .await?;
    let mut hosts: Vec<Ran> = Vec::new();
    for row in rows {
        if hosts.last().is_none_or(|last| last.host != row.host) {
            hosts.push(Ran { host: row.host, ..Ran::default() });
        }
        let Some(on) = hosts.last_mut() else { continue };
        on.is_completed = row.status == "completed";
        on.attempts += 1;
        on.changes.extend(row.changes);
        let place = format!("{} of task {task_id}", on.host);
        on.written.extend(read_json::<Vec<Written>>("host_results", "written", &place, &row.written)?);
    }
    Ok(hosts)
}

/// The places, by host, in which other steps of a task's plan wrote: at the preview they were not yet written.
pub async fn places_of_others(connection: &mut PgConnection, task_id: Uuid) -> Result<BTreeSet<(String, String)>, Error> {
    let rows = sqlx::query!(
        r#"SELECT DISTINCT h.host, w.one ->> 'place' AS "place!"
        FROM tasks t
        JOIN tasks o ON o.plan_id = t.plan_id AND o.purpose = 'apply' AND o.id <> t.id
        JOIN host_results h ON h.task_id = o.id
        CROSS JOIN jsonb_array_elements(h.written) AS w (one)
        WHERE t.id = $1 AND w.one ->> 'place' IS NOT NULL"#,
        task_id,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.host, row.place)).collect())
}

/// Those of these tasks that have changed a host; a dry run has where it made something all the same.
pub async fn which_changed(connection: &mut PgConnection, task_ids: &[Uuid]) -> Result<BTreeSet<Uuid>, Error> {
    let changed = sqlx::query_scalar!(
        "SELECT DISTINCT t.id
        FROM host_results h
        JOIN tasks t ON t.id = h.task_id
        WHERE h.task_id = ANY ($1) AND CASE WHEN t.mode = 'check' THEN h.made <> '{}' ELSE h.changed > 0 END",
        task_ids,
    )
    .fetch_all(connection)
    .await?;
    Ok(changed.into_iter().collect())
}

//! Dry runs that are made after a change was cut off, for the person who decides about it (RELIABILITY 13).
//!
//! A step has one preview task: its dry run before the approval is made again, as a new attempt; `checks_attempt` says after which
//! attempt of the change. That is also what makes it happen once.

use std::time::Duration;

use chiffon_kernel::domain::waiting::WaitingFor;
use chiffon_kernel::store::Error;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use crate::domain::fresh_preview::FreshPreview;
use crate::domain::task::Status;

/// The fresh dry run of a change that was cut off.
#[derive(Debug, Clone, PartialEq)]
pub struct Fresh {
    /// The preview's task.
    pub id: Uuid,
    /// The plan.
    pub plan_id: Uuid,
    /// The change's task.
    pub of: Uuid,
    /// What it does.
    pub title: String,
    /// Whether it was made after the newest attempt of the change.
    pub is_newest: bool,
    /// Where it stands, in the contract's words.
    pub status: String,
    /// What it found.
    pub found: Option<Value>,
    /// What it waits for.
    pub waiting_for: Option<Json<WaitingFor>>,
    /// What went wrong.
    pub error: Option<Value>,
    /// Whether it is to be stopped.
    pub stopping: bool,
}

impl Fresh {
    /// Where it stands. A word that nobody knows is for a person.
    pub fn status(&self) -> Status {
        Status::from_word(&self.status).unwrap_or(Status::Unknown)
    }

    /// In words.
    pub fn sentence(&self) -> String {
        FreshPreview {
            title: &self.title,
            status: self.status(),
            found: self.found.as_ref(),
            waiting_for: self.waiting_for.as_deref(),
            error: self.error.as_ref(),
        }
        .sentence()
    }
}

/// Those of these plans, in the order of their steps' tasks.
pub async fn list(connection: &mut PgConnection, plan_ids: &[Uuid]) -> Result<Vec<Fresh>, Error> {
    Ok(sqlx::query_as!(
        Fresh,
        r#"SELECT p.id, p.plan_id, t.id AS "of", t.title, p.checks_attempt = t.attempt AS "is_newest!", p.status, p.preview AS found,
            p.waiting_for AS "waiting_for: Json<WaitingFor>", p.error, p.cancel_requested_at IS NOT NULL AS "stopping!"
        FROM tasks p
        JOIN tasks t ON t.plan_id = p.plan_id AND t.step_id = p.step_id AND t.purpose = 'apply'
        WHERE p.plan_id = ANY ($1) AND p.purpose = 'preview' AND p.checks_attempt IS NOT NULL
        ORDER BY t.id"#,
        plan_ids,
    )
    .fetch_all(connection)
    .await?)
}

/// Whether a change can be previewed once more: its step has a check mode, and what was sent is known.
pub async fn is_possible(connection: &mut PgConnection, task_id: Uuid) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (
            SELECT
            FROM tasks t
            JOIN plans l ON l.id = t.plan_id
            CROSS JOIN jsonb_array_elements(l.body -> 'steps') AS s (step)
            WHERE t.id = $1 AND t.purpose = 'apply' AND t.resolved_parameters IS NOT NULL
            AND s.step ->> 'step_id' = split_part(t.step_id, '.', 1) AND s.step ->> 'check' IN ('full', 'partial')
        ) AS "is_possible!""#,
        task_id,
    )
    .fetch_one(connection)
    .await?)
}

/// Makes the dry run of a change after its newest attempt, with what that was sent; its id. `None` when it was made already, or one
/// before it has not ended. `id` is for a step that had none.
pub async fn make(connection: &mut PgConnection, task_id: Uuid, id: Uuid, at: DateTime<Utc>) -> Result<Option<Uuid>, Error> {
    Ok(sqlx::query_scalar!(
        "INSERT INTO tasks (id, request_id, plan_id, step_id, iteration, purpose, mode, agent_type, action, action_sha256, title, parameters,
            resources, hosts, risk, repeatable, timeout_seconds, priority, status, checks_attempt, created_at, updated_at)
        SELECT $2, request_id, plan_id, step_id, iteration, 'preview', 'check', agent_type, action, action_sha256, title, resolved_parameters,
            resources, hosts, risk, repeatable, timeout_seconds, priority, 'pending', attempt, $3::timestamptz, $3::timestamptz
        FROM tasks
        WHERE id = $1 AND purpose = 'apply' AND resolved_parameters IS NOT NULL
        ON CONFLICT (plan_id, step_id, purpose) DO UPDATE
        SET status = 'pending', checks_attempt = EXCLUDED.checks_attempt, parameters = EXCLUDED.parameters, offer = tasks.offer + 1,
            excluded_agents = '{}', cancel_requested_at = NULL, cancel_reason = NULL, waiting_for = NULL, wait_key = 'look', is_explained = true, claim_by = NULL,
            resend_at = NULL, deadline_at = NULL, progress = 0, message = '', started_at = NULL, finished_at = NULL, output = NULL,
            outputs = '{}', changed = NULL, warnings = '[]', preview = NULL, error = NULL, updated_at = EXCLUDED.updated_at
        WHERE tasks.checks_attempt IS DISTINCT FROM EXCLUDED.checks_attempt
        AND (tasks.finished_at IS NOT NULL OR tasks.status = 'unknown')
        RETURNING id",
        task_id,
        id,
        at,
    )
    .fetch_optional(connection)
    .await?)
}

/// Unknown changes that want a look before they are repeated, can't run any more, and have no fresh dry run. `beyond` their time
/// limit counts as proof.
pub async fn list_wanted(connection: &mut PgConnection, now: DateTime<Utc>, beyond: Duration, limit: i64) -> Result<Vec<Uuid>, Error> {
    Ok(sqlx::query_scalar!(
        "SELECT t.id
        FROM tasks t
        JOIN task_attempts a ON a.task_id = t.id AND a.attempt = t.attempt
        JOIN requests r ON r.id = t.request_id AND r.plan_id = t.plan_id
        JOIN plans l ON l.id = t.plan_id
        WHERE t.status = 'unknown' AND t.purpose = 'apply' AND t.repeatable = 'check_first' AND t.cancel_requested_at IS NULL
        AND t.attempt > t.fenced_attempt AND t.resolved_parameters IS NOT NULL AND r.status IN ('running', 'needs_attention', 'paused')
        AND a.finished_at IS NULL AND a.claimed_at + make_interval(secs => t.timeout_seconds::float8 + $2::float8) <= $1
        AND EXISTS (
            SELECT
            FROM jsonb_array_elements(l.body -> 'steps') AS s (step)
            WHERE s.step ->> 'step_id' = split_part(t.step_id, '.', 1) AND s.step ->> 'check' IN ('full', 'partial')
        )
        AND NOT EXISTS (
            SELECT
            FROM tasks p
            WHERE p.plan_id = t.plan_id AND p.step_id = t.step_id AND p.purpose = 'preview'
            AND (p.checks_attempt = t.attempt OR p.finished_at IS NULL AND p.status <> 'unknown')
        )
        ORDER BY a.claimed_at
        LIMIT $3",
        now,
        beyond.as_secs_f64(),
        limit,
    )
    .fetch_all(connection)
    .await?)
}

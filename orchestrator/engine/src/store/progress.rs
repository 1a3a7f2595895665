//! How a plan's tasks stand: what a request is moved on by, and what people are told about it. Reads only.

use std::collections::BTreeMap;

use chiffon_kernel::store::Error;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::standing::Standing;
use crate::domain::task::Status;

/// One task, as far as its request is concerned.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskLine {
    /// Its id.
    pub id: Uuid,
    /// The plan's step.
    pub step_id: String,
    /// `discover | preview | apply`
    pub purpose: String,
    /// What it does.
    pub title: String,
    /// Where it stands, in the contract's words.
    pub status: String,
    /// Percent.
    pub progress: i16,
    /// Whether a host was changed.
    pub changed: Option<bool>,
    /// What it did.
    pub output: Option<String>,
    /// What it gave back.
    pub outputs: Value,
    /// What went wrong.
    pub error: Option<Value>,
    /// Whether a person wants it stopped.
    pub cancel_requested: bool,
    /// Whether a dry run was made of its step after it had been cut off.
    pub was_looked_at_again: bool,
    /// What became of the steps after it where that did not fail the run: `continue | skip`.
    pub consequence: Option<String>,
}

impl TaskLine {
    /// Whether an agent has it or may have it.
    pub fn is_in_flight(&self) -> bool {
        matches!(self.status.as_str(), "dispatched" | "running" | "unknown")
    }

    /// As decisions see it. A word that nobody knows is for a person.
    pub fn standing(&self) -> Standing {
        let status = Status::from_word(&self.status).unwrap_or(Status::Unknown);
        Standing { status, cancel_requested: self.cancel_requested, forgiven: self.consequence.is_some() }
    }

    /// Whether a person has to decide about it.
    pub fn needs_a_person(&self) -> bool {
        self.standing().needs_a_person()
    }

    /// Whether it will still move by itself.
    pub fn is_moving(&self) -> bool {
        self.standing().is_moving()
    }
}

/// The tasks of a plan with this purpose (`discover | preview | apply`), in the order in which they were made.
pub async fn list(connection: &mut PgConnection, plan_id: Uuid, purpose: &str) -> Result<Vec<TaskLine>, Error> {
    Ok(list_of_plans(connection, &[plan_id], purpose).await?.remove(&plan_id).unwrap_or_default())
}

/// The same of several plans; those without such tasks have none.
pub async fn list_of_plans(
    connection: &mut PgConnection,
    plan_ids: &[Uuid],
    purpose: &str,
) -> Result<BTreeMap<Uuid, Vec<TaskLine>>, Error> {
    let rows = sqlx::query!(
        r#"SELECT plan_id, id, split_part(step_id, '.', 1) AS "step_id!", title, status, progress, changed, output, outputs, error, consequence,
            cancel_requested_at IS NOT NULL AS "cancel_requested!", COALESCE((
                SELECT p.checks_attempt IS NOT NULL
                FROM tasks p
                WHERE p.plan_id = tasks.plan_id AND p.step_id = tasks.step_id AND p.purpose = 'preview'
            ), false) AS "was_looked_at_again!"
        FROM tasks
        WHERE plan_id = ANY ($1) AND purpose = $2
        ORDER BY id"#,
        plan_ids,
        purpose,
    )
    .fetch_all(connection)
    .await?;
    let mut plans: BTreeMap<Uuid, Vec<TaskLine>> = plan_ids.iter().map(|plan_id| (*plan_id, Vec::new())).collect();
    for row in rows {
        plans.entry(row.plan_id).or_default().push(TaskLine {
            id: row.id,
            step_id: row.step_id,
            purpose: purpose.to_owned(),
            title: row.title,
            status: row.status,
            progress: row.progress,
            changed: row.changed,
            output: row.output,
            outputs: row.outputs,
            error: row.error,
            cancel_requested: row.cancel_requested,
            was_looked_at_again: row.was_looked_at_again,
            consequence: row.consequence,
        });
    }
    Ok(plans)
}

/// All tasks of a request, in the order in which they were made.
pub async fn list_of_request(connection: &mut PgConnection, request_id: Uuid) -> Result<Vec<TaskLine>, Error> {
    Ok(sqlx::query_as!(
        TaskLine,
        r#"SELECT id, split_part(step_id, '.', 1) AS "step_id!", purpose, title, status, progress, changed, output, outputs, error, consequence,
            cancel_requested_at IS NOT NULL AS "cancel_requested!", COALESCE((
                SELECT p.checks_attempt IS NOT NULL
                FROM tasks p
                WHERE p.plan_id = tasks.plan_id AND p.step_id = tasks.step_id AND p.purpose = 'preview'
            ), false) AS "was_looked_at_again!"
        FROM tasks
        WHERE request_id = $1
        ORDER BY id"#,
        request_id,
    )
    .fetch_all(connection)
    .await?)
}

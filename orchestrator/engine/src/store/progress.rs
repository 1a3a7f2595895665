//! How a plan's tasks stand: what a request is moved on by, and what people are told about it. Reads only.

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
}

impl TaskLine {
    /// Whether an agent has it or may have it.
    pub fn is_in_flight(&self) -> bool {
        matches!(self.status.as_str(), "dispatched" | "running" | "unknown")
    }

    /// As decisions see it. A word that nobody knows is for a person.
    pub fn standing(&self) -> Standing {
        let status = Status::from_word(&self.status).unwrap_or(Status::Unknown);
        Standing { status, cancel_requested: self.cancel_requested }
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
    Ok(sqlx::query_as!(
        TaskLine,
        r#"SELECT id, step_id, title, status, progress, changed, output, outputs, error, cancel_requested_at IS NOT NULL AS "cancel_requested!"
        FROM tasks
        WHERE plan_id = $1 AND purpose = $2
        ORDER BY id"#,
        plan_id,
        purpose,
    )
    .fetch_all(connection)
    .await?)
}

/// All tasks of a request, in the order in which they were made.
pub async fn list_of_request(connection: &mut PgConnection, request_id: Uuid) -> Result<Vec<TaskLine>, Error> {
    Ok(sqlx::query_as!(
        TaskLine,
        r#"SELECT id, step_id, title, status, progress, changed, output, outputs, error, cancel_requested_at IS NOT NULL AS "cancel_requested!"
        FROM tasks
        WHERE request_id = $1
        ORDER BY id"#,
        request_id,
    )
    .fetch_all(connection)
    .await?)
}

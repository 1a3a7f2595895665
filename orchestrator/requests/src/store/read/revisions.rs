//! All plans that a request has had, to be compared: what was planned, without previews and decisions.

use chiffon_kernel::store::Error;
use chiffon_plans::domain::plan::{PlanDocument, Step};
use chiffon_plans::domain::plan_state::State;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::store::plans::read_state;

/// A plan that a request has or had.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct RevisionView {
    /// From 1.
    pub revision: i32,
    /// `discovering | previewing | proposed | approved | rejected | superseded | expired | withdrawn | failed`
    #[schema(value_type = String)]
    pub state: State,
    /// What an approval would have named; null where discovery had not frozen its outputs.
    pub sha256: Option<String>,
    /// For people.
    pub summary: String,
    /// The highest of its steps.
    pub risk: String,
    /// How long running it should have taken.
    pub estimated_seconds: f64,
    /// Assumptions, words that were not used.
    pub notes: Vec<String>,
    /// `{approvals_needed, self_approval, reasons}`
    pub policy: Value,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// As they were planned, in an order in which they could have run.
    #[schema(value_type = Vec<std::collections::HashMap<String, Value>>)]
    pub steps: Vec<Step>,
}

/// The plans of a request, newest first.
pub async fn list(connection: &mut PgConnection, request_id: Uuid) -> Result<Vec<RevisionView>, Error> {
    let rows = sqlx::query!(
        "SELECT id, revision, state, sha256, body, risk, created_at
        FROM plans
        WHERE request_id = $1
        ORDER BY revision DESC",
        request_id,
    )
    .fetch_all(connection)
    .await?;
    let read = rows.into_iter().map(|row| {
        let bad =
            |error: serde_json::Error| Error::BadData { table: "plans", column: "body", id: row.id.to_string(), value: error.to_string() };
        let document: PlanDocument = serde_json::from_value(row.body).map_err(bad)?;
        Ok(RevisionView {
            revision: row.revision,
            state: read_state(&row.state, row.id)?,
            sha256: row.sha256,
            summary: document.summary,
            risk: row.risk,
            estimated_seconds: document.estimated_seconds,
            notes: document.notes,
            policy: json!(document.policy),
            created_at: row.created_at,
            steps: document.steps,
        })
    });
    read.collect()
}

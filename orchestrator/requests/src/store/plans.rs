//! Revisions of plans. Once its hash is set, a plan's body never changes; the database refuses it.

use chiffon_kernel::store::Error;
use chiffon_plans::domain::plan::PlanDocument;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

/// A revision.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its id.
    pub id: Uuid,
    /// From 1.
    pub revision: i32,
    /// `discovering | previewing | proposed | approved | rejected | superseded | expired | withdrawn | failed`
    pub state: String,
    /// Null until discovery has frozen its outputs.
    pub sha256: Option<String>,
    /// The document.
    pub document: PlanDocument,
    /// Distinct approvers needed.
    pub approvals_needed: i32,
    /// When it can't be approved any more.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was.
    pub approved_at: Option<DateTime<Utc>>,
}

/// A revision to be added.
#[derive(Debug, Clone)]
pub struct New<'n> {
    /// Its id.
    pub id: Uuid,
    /// The round that it answers.
    pub round: i32,
    /// The document, which names request and revision.
    pub document: &'n PlanDocument,
    /// Distinct approvers needed.
    pub approvals_needed: i32,
}

/// Adds a revision in state `discovering`, without a hash.
///
/// # Panics
/// Never: documents always serialize.
pub async fn add(connection: &mut PgConnection, new: &New<'_>, at: DateTime<Utc>) -> Result<(), Error> {
    let document = new.document;
    sqlx::query!(
        "INSERT INTO plans (id, request_id, revision, round, state, body, summary, risk, estimated_seconds, estimated_cost_micro_usd, planned_by, approvals_needed, created_at)
        VALUES ($1, $2, $3, $4, 'discovering', $5, $6, $7, $8, $9, $10, $11, $12)",
        new.id,
        document.request_id,
        document.revision,
        new.round,
        serde_json::to_value(document).expect("a plan is JSON"),
        document.summary,
        document.risk().as_str(),
        document.estimated_seconds,
        document.estimated_cost_usd.count(),
        json!({"provider": document.planned_by.provider, "model": document.planned_by.model}),
        new.approvals_needed,
        at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

struct Stored {
    id: Uuid,
    revision: i32,
    state: String,
    sha256: Option<String>,
    body: Value,
    approvals_needed: i32,
    expires_at: Option<DateTime<Utc>>,
    approved_at: Option<DateTime<Utc>>,
}

/// A revision.
pub async fn get(connection: &mut PgConnection, id: Uuid) -> Result<Row, Error> {
    let stored = sqlx::query_as!(
        Stored,
        "SELECT id, revision, state, sha256, body, approvals_needed, expires_at, approved_at
        FROM plans
        WHERE id = $1",
        id,
    )
    .fetch_one(connection)
    .await?;
    let document = serde_json::from_value(stored.body).map_err(|error| Error::BadData {
        table: "plans",
        column: "body",
        id: id.to_string(),
        value: error.to_string(),
    })?;
    Ok(Row {
        id: stored.id,
        revision: stored.revision,
        state: stored.state,
        sha256: stored.sha256,
        document,
        approvals_needed: stored.approvals_needed,
        expires_at: stored.expires_at,
        approved_at: stored.approved_at,
    })
}

/// The number of the next revision.
pub async fn next_revision(connection: &mut PgConnection, request_id: Uuid) -> Result<i32, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT COALESCE(max(revision), 0) + 1 AS "next!"
        FROM plans
        WHERE request_id = $1"#,
        request_id,
    )
    .fetch_one(connection)
    .await?)
}

/// Fixes a revision: body, hash and how long it may wait for approval. Fails when it was fixed before.
///
/// # Panics
/// Never: documents always serialize.
pub async fn freeze(
    connection: &mut PgConnection,
    id: Uuid,
    document: &PlanDocument,
    sha256: &str,
    state: &str,
    expires_at: DateTime<Utc>,
) -> Result<(), Error> {
    let done = sqlx::query!(
        "UPDATE plans
        SET body = $2, sha256 = $3, state = $4, expires_at = $5
        WHERE id = $1 AND sha256 IS NULL",
        id,
        serde_json::to_value(document).expect("a plan is JSON"),
        sha256,
        state,
        expires_at,
    )
    .execute(connection)
    .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(Error::Moved { table: "plans", id: id.to_string(), from: "discovering" }) }
}

/// Moves a revision that has not come to an end to another state.
pub async fn set_state(connection: &mut PgConnection, id: Uuid, state: &str) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE plans
        SET state = $2
        WHERE id = $1 AND state IN ('discovering', 'previewing', 'proposed')",
        id,
        state,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Gives a revision up for a newer one. An approved one only while nothing of it was begun, which the caller has looked at.
pub async fn supersede(connection: &mut PgConnection, id: Uuid) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE plans
        SET state = 'superseded'
        WHERE id = $1 AND state IN ('discovering', 'previewing', 'proposed', 'approved')",
        id,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Marks a revision as approved: once, so that it can run once.
pub async fn approve(connection: &mut PgConnection, id: Uuid, at: DateTime<Utc>) -> Result<(), Error> {
    let done = sqlx::query!(
        "UPDATE plans
        SET state = 'approved', approved_at = $2
        WHERE id = $1 AND approved_at IS NULL AND sha256 IS NOT NULL AND state IN ('discovering', 'previewing', 'proposed')",
        id,
        at,
    )
    .execute(connection)
    .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(Error::Moved { table: "plans", id: id.to_string(), from: "proposed" }) }
}

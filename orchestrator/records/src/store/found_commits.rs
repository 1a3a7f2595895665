//! Commits that the audit repository had and a restored database did not.

use chiffon_kernel::store::Error;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// A commit, by what it says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundCommit {
    /// Its id.
    pub commit_id: String,
    /// `Record-Id`
    pub record_id: Option<String>,
    /// `Request-Id`
    pub request_id: Option<String>,
    /// `Task-Id`
    pub task_id: Option<String>,
    /// `Outcome`
    pub outcome: Option<String>,
    /// The subject.
    pub subject: String,
}

/// Adds one, unless it is there. A record of the database that it belongs to counts as committed by it.
pub async fn add(connection: &mut PgConnection, found: &FoundCommit, at: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO found_commits (commit_id, record_id, request_id, task_id, outcome, subject, found_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT DO NOTHING",
        found.commit_id,
        found.record_id,
        found.request_id,
        found.task_id,
        found.outcome,
        found.subject,
        at,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "UPDATE git_outbox
        SET commit_id = $2, settled_at = $3
        WHERE id::text = $1 AND settled_at IS NULL",
        found.record_id,
        found.commit_id,
        at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The ids of all.
pub async fn list(connection: &mut PgConnection) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar!("SELECT commit_id FROM found_commits").fetch_all(connection).await?)
}

//! Roles that principals have for a part. Whoever reads a principal reads them in the same statement (`grants_of`).

use chiffon_protocol::action::Risk;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Error;
use super::stored_json::read_json;
use crate::domain::role::{Grant, Role};
use crate::domain::scope::{Scope, risk_of};

/// Those of a principal, as `grants_of` has them.
pub fn read(principal_id: Uuid, stored: Option<Value>) -> Result<Vec<Grant>, Error> {
    stored.map_or_else(|| Ok(Vec::new()), |stored| read_json("grants", "role", &principal_id, &stored))
}

/// A grant as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ListedGrant)]
pub struct Listed {
    /// The role, and for what.
    #[serde(flatten)]
    pub grant: Grant,
    /// Who has given it.
    pub given_by: String,
    /// When.
    pub given_at: DateTime<Utc>,
}

/// Those of a principal, oldest first.
pub async fn list(connection: &mut PgConnection, principal_id: Uuid) -> Result<Vec<Listed>, Error> {
    let rows = sqlx::query!(
        "SELECT id, role, host, action, risk, given_by, given_at FROM grants WHERE principal_id = $1 ORDER BY id",
        principal_id,
    )
    .fetch_all(connection)
    .await?;
    let bad = |id: Uuid, column, value: &str| Error::BadData { table: "grants", column, id: id.to_string(), value: value.to_owned() };
    rows.into_iter()
        .map(|row| {
            let role = Role::from_word(&row.role).ok_or_else(|| bad(row.id, "role", &row.role))?;
            let risk = row.risk.as_deref().map(|word| risk_of(word).ok_or_else(|| bad(row.id, "risk", word))).transpose()?;
            let grant = Grant { id: row.id, role, scope: Scope { host: row.host, action: row.action, risk } };
            Ok(Listed { grant, given_by: row.given_by, given_at: row.given_at })
        })
        .collect()
}

/// Gives somebody a role for a part.
pub async fn add(connection: &mut PgConnection, principal_id: Uuid, grant: &Grant, by: &str, at: DateTime<Utc>) -> Result<(), Error> {
    let scope = &grant.scope;
    sqlx::query!(
        "INSERT INTO grants (id, principal_id, role, host, action, risk, given_by, given_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        grant.id,
        principal_id,
        grant.role.as_str(),
        scope.host,
        scope.action,
        scope.risk.map(Risk::as_str),
        by,
        at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes one of theirs away. `false` where it is not there.
pub async fn remove(connection: &mut PgConnection, principal_id: Uuid, id: Uuid) -> Result<bool, Error> {
    let done = sqlx::query!("DELETE FROM grants WHERE id = $2 AND principal_id = $1", principal_id, id).execute(connection).await?;
    Ok(done.rows_affected() == 1)
}

/// Takes all of theirs away; how many.
pub async fn remove_all(connection: &mut PgConnection, principal_id: Uuid) -> Result<u64, Error> {
    Ok(sqlx::query!("DELETE FROM grants WHERE principal_id = $1", principal_id).execute(connection).await?.rows_affected())
}

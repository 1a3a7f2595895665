//! Passwords of people, by their hash in the PHC string format. The password itself is never stored.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Error, principals};
use crate::domain::role::Principal;

/// A password to be set.
#[derive(Debug, Clone)]
pub struct NewPassword<'p> {
    /// Whose it is.
    pub principal_id: Uuid,
    /// Its hash.
    pub phc: &'p str,
    /// Whether it signs in only together with another in its place.
    pub must_change: bool,
    /// Who sets it.
    pub set_by: &'p str,
}

/// Sets a password, in the place of the one before.
pub async fn set(connection: &mut PgConnection, new: &NewPassword<'_>, at: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO passwords (principal_id, phc, must_change, set_by, set_at)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (principal_id) DO UPDATE
        SET phc = EXCLUDED.phc, must_change = EXCLUDED.must_change, set_by = EXCLUDED.set_by, set_at = EXCLUDED.set_at",
        new.principal_id,
        new.phc,
        new.must_change,
        new.set_by,
        at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes a password away. `false` where there was none.
pub async fn remove(connection: &mut PgConnection, principal_id: Uuid) -> Result<bool, Error> {
    let done = sqlx::query!("DELETE FROM passwords WHERE principal_id = $1", principal_id).execute(connection).await?;
    Ok(done.rows_affected() == 1)
}

/// What a name leads to.
#[derive(Debug, Clone)]
pub struct Found {
    /// Whose it is.
    pub principal: Principal,
    /// The hash.
    pub phc: String,
    /// Whether it signs in only together with another in its place.
    pub must_change: bool,
    /// Who has set it.
    pub set_by: String,
}

/// The password of whoever has this name.
pub async fn find(connection: &mut PgConnection, name: &str) -> Result<Option<Found>, Error> {
    let row = sqlx::query!(
        "SELECT p.id, p.name, p.role, p.kind, grants_of(p.id) AS grants, w.phc, w.must_change, w.set_by
        FROM passwords w
        JOIN principals p ON p.id = w.principal_id
        WHERE p.name = $1",
        name,
    )
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let principal = principals::Row { id: row.id, name: row.name, role: row.role, kind: row.kind, grants: row.grants }.try_into()?;
    Ok(Some(Found { principal, phc: row.phc, must_change: row.must_change, set_by: row.set_by }))
}

/// The hash of somebody's password. Locked: of two who change it at once, the second finds another one.
pub async fn lock(connection: &mut PgConnection, principal_id: Uuid) -> Result<Option<String>, Error> {
    Ok(sqlx::query_scalar!("SELECT phc FROM passwords WHERE principal_id = $1 FOR UPDATE", principal_id).fetch_optional(connection).await?)
}

/// What may be told of a password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = PasswordState)]
pub struct State {
    /// Who has set it.
    pub set_by: String,
    /// When.
    pub set_at: DateTime<Utc>,
    /// Whether it signs in only together with one of their own in its place.
    pub must_change: bool,
}

/// What may be told of somebody's password, where they have one.
pub async fn state(connection: &mut PgConnection, principal_id: Uuid) -> Result<Option<State>, Error> {
    Ok(sqlx::query_as!(State, "SELECT set_by, set_at, must_change FROM passwords WHERE principal_id = $1", principal_id)
        .fetch_optional(connection)
        .await?)
}

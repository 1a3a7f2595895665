//! Public keys under which principals ask over AMQP, and which message became which request.

use chiffon_protocol::key::{Keyring, PublicKey};
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Error, principals};
use crate::domain::role::Principal;

/// A key that somebody wants to be trusted.
#[derive(Debug, Clone)]
pub struct NewKey<'k> {
    /// The key.
    pub key: PublicKey,
    /// Whose it is.
    pub principal_id: Uuid,
    /// What it is for.
    pub label: &'k str,
}

/// Trusts a key. `false` when it was enrolled before, taken back or not.
pub async fn add(connection: &mut PgConnection, new: &NewKey<'_>, at: DateTime<Utc>) -> Result<bool, Error> {
    let done = sqlx::query!(
        "INSERT INTO principal_keys (key_id, principal_id, public_key, label, created_at)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (key_id) DO NOTHING",
        new.key.id(),
        new.principal_id,
        new.key.to_string(),
        new.label,
        at,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Whose key signed something, and the key.
#[derive(Debug, Clone)]
pub struct Found {
    /// Whose it is.
    pub principal: Principal,
    /// The key.
    pub key: PublicKey,
}

/// The key with this id, unless it was taken back.
pub async fn find(connection: &mut PgConnection, key_id: &str) -> Result<Option<Found>, Error> {
    let row = sqlx::query!(
        "SELECT p.id, p.name, p.role, p.kind, grants_of(p.id) AS grants, k.public_key
        FROM principal_keys k
        JOIN principals p ON p.id = k.principal_id
        WHERE k.key_id = $1 AND k.revoked_at IS NULL",
        key_id,
    )
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let key = read(key_id, &row.public_key)?;
    let principal = principals::Row { id: row.id, name: row.name, role: row.role, kind: row.kind, grants: row.grants }.try_into()?;
    Ok(Some(Found { principal, key }))
}

/// All keys that count.
pub async fn ring(connection: &mut PgConnection) -> Result<Keyring, Error> {
    let rows = sqlx::query!("SELECT key_id, public_key FROM principal_keys WHERE revoked_at IS NULL").fetch_all(connection).await?;
    let keys = rows.iter().map(|row| read(&row.key_id, &row.public_key)).collect::<Result<Vec<_>, _>>()?;
    Ok(Keyring::new(keys))
}

fn read(key_id: &str, text: &str) -> Result<PublicKey, Error> {
    text.parse().map_err(|_| Error::BadData {
        table: "principal_keys",
        column: "public_key",
        id: key_id.to_owned(),
        value: text.to_owned(),
    })
}

/// A key as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ListedKey)]
pub struct Listed {
    /// The id that signatures carry; names it for `DELETE /keys/{id}`.
    pub key_id: String,
    /// The key.
    pub public_key: String,
    /// Whose it is.
    pub name: String,
    /// What they may do.
    pub role: String,
    /// `person` or `program`.
    pub kind: String,
    /// What it is for.
    pub label: String,
    /// When it was trusted.
    pub created_at: DateTime<Utc>,
    /// When it was taken back.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// All keys, or the one with this id, the newest first.
pub async fn list(connection: &mut PgConnection, key_id: Option<&str>) -> Result<Vec<Listed>, Error> {
    Ok(sqlx::query_as!(
        Listed,
        "SELECT k.key_id, k.public_key, p.name, p.role, p.kind, k.label, k.created_at, k.revoked_at
        FROM principal_keys k
        JOIN principals p ON p.id = k.principal_id
        WHERE $1::text IS NULL OR k.key_id = $1
        ORDER BY k.created_at DESC, k.key_id",
        key_id,
    )
    .fetch_all(connection)
    .await?)
}

/// Takes a key back. `false` when it does not exist or was taken back before.
pub async fn revoke(connection: &mut PgConnection, key_id: &str, at: DateTime<Utc>) -> Result<bool, Error> {
    let done = sqlx::query!(
        "UPDATE principal_keys
        SET revoked_at = $2
        WHERE key_id = $1 AND revoked_at IS NULL",
        key_id,
        at,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

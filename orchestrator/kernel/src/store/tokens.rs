//! Bearer tokens, by the SHA-256 of their text. The text itself is never stored.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Error, principals};
use crate::domain::role::Principal;

/// A token to be enrolled.
#[derive(Debug, Clone)]
pub struct NewToken<'t> {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub principal_id: Uuid,
    /// SHA-256 of its text.
    pub sha256: &'t [u8],
    /// What it is for.
    pub label: &'t str,
    /// After this it counts no more; `None` never.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Enrols a token. `false` when one with this text is enrolled already.
pub async fn add(connection: &mut PgConnection, token: &NewToken<'_>, at: DateTime<Utc>) -> Result<bool, Error> {
    let done = sqlx::query!(
        "INSERT INTO api_tokens (id, principal_id, token_sha256, label, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (token_sha256) DO NOTHING",
        token.id,
        token.principal_id,
        token.sha256,
        token.label,
        at,
        token.expires_at,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// What a token's text leads to.
#[derive(Debug, Clone)]
pub struct Found {
    /// The token.
    pub id: Uuid,
    /// Whose it is.
    pub principal: Principal,
    /// After this it counts no more.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was taken back.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was last used, to within the time after which that is noted again.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// The token with this hash, whether it still counts or not.
pub async fn find(connection: &mut PgConnection, sha256: &[u8]) -> Result<Option<Found>, Error> {
    let row = sqlx::query!(
        "SELECT t.id AS token_id, p.id, p.name, p.role, p.kind, grants_of(p.id) AS grants, t.expires_at, t.revoked_at, t.last_used_at
        FROM api_tokens t
        JOIN principals p ON p.id = t.principal_id
        WHERE t.token_sha256 = $1",
        sha256,
    )
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let principal = principals::Row { id: row.id, name: row.name, role: row.role, kind: row.kind, grants: row.grants }.try_into()?;
    Ok(Some(Found { id: row.token_id, principal, expires_at: row.expires_at, revoked_at: row.revoked_at, last_used_at: row.last_used_at }))
}

/// Notes that a token is in use; of many calls at once, one writes. `before` is when it was last noted at the latest.
pub async fn touch(connection: &mut PgConnection, id: Uuid, at: DateTime<Utc>, before: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE api_tokens
        SET last_used_at = $2
        WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $3)",
        id,
        at,
        before,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether the token with this id counts.
pub async fn counts(connection: &mut PgConnection, id: Uuid, at: DateTime<Utc>) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (
            SELECT
            FROM api_tokens
            WHERE id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)
        ) AS "counts!""#,
        id,
        at,
    )
    .fetch_one(connection)
    .await?)
}

/// Whether a principal has a token that counts.
pub async fn has_one(connection: &mut PgConnection, principal_id: Uuid, at: DateTime<Utc>) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (
            SELECT
            FROM api_tokens
            WHERE principal_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)
        ) AS "has_one!""#,
        principal_id,
        at,
    )
    .fetch_one(connection)
    .await?)
}

/// A token as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ListedToken)]
pub struct Listed {
    /// Names it for `DELETE /tokens/{id}`.
    pub token_id: Uuid,
    /// Whose it is.
    pub name: String,
    /// What they may do.
    pub role: String,
    /// `person` or `program`.
    pub kind: String,
    /// What it is for.
    pub label: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// After this it counts no more; null never.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was taken back.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was last used, to within an hour; null where it never was.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// The tokens older than a cursor, newest first, at most `limit`.
pub async fn list(connection: &mut PgConnection, before: Option<Uuid>, limit: i64) -> Result<Vec<Listed>, Error> {
    Ok(sqlx::query_as!(
        Listed,
        "SELECT t.id AS token_id, p.name, p.role, p.kind, t.label, t.created_at, t.expires_at, t.revoked_at, t.last_used_at
        FROM api_tokens t
        JOIN principals p ON p.id = t.principal_id
        WHERE $1::uuid IS NULL OR t.id < $1
        ORDER BY t.id DESC
        LIMIT $2",
        before,
        limit,
    )
    .fetch_all(connection)
    .await?)
}

/// The token with this id.
pub async fn get(connection: &mut PgConnection, id: Uuid) -> Result<Option<Listed>, Error> {
    Ok(sqlx::query_as!(
        Listed,
        "SELECT t.id AS token_id, p.name, p.role, p.kind, t.label, t.created_at, t.expires_at, t.revoked_at, t.last_used_at
        FROM api_tokens t
        JOIN principals p ON p.id = t.principal_id
        WHERE t.id = $1",
        id,
    )
    .fetch_optional(connection)
    .await?)
}

/// Takes a token back. `false` when it does not exist or was taken back before.
pub async fn revoke(connection: &mut PgConnection, id: Uuid, at: DateTime<Utc>) -> Result<bool, Error> {
    let done = sqlx::query!(
        "UPDATE api_tokens
        SET revoked_at = $2
        WHERE id = $1 AND revoked_at IS NULL",
        id,
        at,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

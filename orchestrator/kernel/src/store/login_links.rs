//! One-time links that sign a browser in, by the SHA-256 of their code. The code itself is never stored.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Error, principals};
use crate::domain::role::Principal;

/// A link to be made.
#[derive(Debug, Clone)]
pub struct NewLink<'l> {
    /// Its id.
    pub id: Uuid,
    /// Whom it signs in.
    pub principal_id: Uuid,
    /// SHA-256 of its code.
    pub sha256: &'l [u8],
    /// Who makes it.
    pub made_by: &'l str,
    /// The token that what it opens ends with.
    pub token_id: Option<Uuid>,
    /// The session in which it is made.
    pub session_id: Option<Uuid>,
    /// From then on it opens nothing.
    pub expires_at: DateTime<Utc>,
}

/// Adds a link.
pub async fn add(connection: &mut PgConnection, link: &NewLink<'_>, at: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO login_links (id, principal_id, code_sha256, made_by, token_id, session_id, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        link.id,
        link.principal_id,
        link.sha256,
        link.made_by,
        link.token_id,
        link.session_id,
        at,
        link.expires_at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// What a code leads to.
#[derive(Debug, Clone)]
pub struct Found {
    /// The link.
    pub id: Uuid,
    /// Whom it signs in.
    pub principal: Principal,
    /// The token that what it opens ends with.
    pub token_id: Option<Uuid>,
    /// Whether that token counts and the session in which it was made has not ended, where there are such.
    pub maker_counts: bool,
    /// From then on it opens nothing.
    pub expires_at: DateTime<Utc>,
    /// When it was used.
    pub used_at: Option<DateTime<Utc>>,
}

/// The link with this code, whether it still counts or not. Locked: of two that come with it at once, the second finds it used.
pub async fn lock(connection: &mut PgConnection, sha256: &[u8], at: DateTime<Utc>) -> Result<Option<Found>, Error> {
    let row = sqlx::query!(
        r#"SELECT l.id AS link_id, l.token_id, l.expires_at, l.used_at, p.id, p.name, p.role, p.kind, grants_of(p.id) AS grants,
            (l.token_id IS NULL OR EXISTS (
                SELECT
                FROM api_tokens t
                WHERE t.id = l.token_id AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $2)
            )) AND (l.session_id IS NULL OR EXISTS (
                SELECT
                FROM sessions s
                WHERE s.id = l.session_id AND s.ended_at IS NULL AND s.expires_at > $2
            )) AS "maker_counts!"
        FROM login_links l
        JOIN principals p ON p.id = l.principal_id
        WHERE l.code_sha256 = $1
        FOR UPDATE OF l"#,
        sha256,
        at,
    )
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let principal = principals::Row { id: row.id, name: row.name, role: row.role, kind: row.kind, grants: row.grants }.try_into()?;
    let (token_id, maker_counts, expires_at) = (row.token_id, row.maker_counts, row.expires_at);
    Ok(Some(Found { id: row.link_id, principal, token_id, maker_counts, expires_at, used_at: row.used_at }))
}

/// Notes that a link was used.
pub async fn set_used(connection: &mut PgConnection, id: Uuid, at: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query!("UPDATE login_links SET used_at = $2 WHERE id = $1", id, at).execute(connection).await?;
    Ok(())
}

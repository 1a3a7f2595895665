//! Signed-in browsers, by the SHA-256 of what their cookie holds. The cookie's text itself is never stored.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Error, principals};
use crate::domain::role::Principal;

/// A session to be opened.
#[derive(Debug, Clone)]
pub struct NewSession<'s> {
    /// Its id.
    pub id: Uuid,
    /// Who is signed in.
    pub principal_id: Uuid,
    /// SHA-256 of what the cookie holds.
    pub sha256: &'s [u8],
    /// The token with which it ends.
    pub token_id: Option<Uuid>,
    /// What the browser calls itself.
    pub browser: &'s str,
    /// From then on it counts no more, unless it is used before.
    pub expires_at: DateTime<Utc>,
    /// Whether it is for looking, and for deciding about the plans of its links.
    pub is_narrow: bool,
}

/// Opens a session.
pub async fn add(connection: &mut PgConnection, session: &NewSession<'_>, at: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO sessions (id, principal_id, secret_sha256, token_id, browser, created_at, last_used_at, expires_at, is_narrow)
        VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $8)",
        session.id,
        session.principal_id,
        session.sha256,
        session.token_id,
        session.browser,
        at,
        session.expires_at,
        session.is_narrow,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// What a cookie leads to.
#[derive(Debug, Clone)]
pub struct Found {
    /// The session.
    pub id: Uuid,
    /// Who is signed in.
    pub principal: Principal,
    /// The token with which it ends.
    pub token_id: Option<Uuid>,
    /// Whether that token counts, where there is one.
    pub token_counts: bool,
    /// When it was last used, to within the time after which that is noted again.
    pub last_used_at: DateTime<Utc>,
    /// From then on it counts no more.
    pub expires_at: DateTime<Utc>,
    /// When somebody ended it.
    pub ended_at: Option<DateTime<Utc>>,
    /// Whether it is for looking, and for deciding about the plans of its links.
    pub is_narrow: bool,
}

/// The session of this cookie, whether it still counts or not.
pub async fn find(connection: &mut PgConnection, sha256: &[u8], at: DateTime<Utc>) -> Result<Option<Found>, Error> {
    let row = sqlx::query!(
        r#"SELECT s.id AS session_id, s.token_id, s.last_used_at, s.expires_at, s.ended_at, s.is_narrow, p.id, p.name, p.role, p.kind,
            grants_of(p.id) AS grants,
            (s.token_id IS NULL OR t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $2)) AS "token_counts!"
        FROM sessions s
        JOIN principals p ON p.id = s.principal_id
        LEFT JOIN api_tokens t ON t.id = s.token_id
        WHERE s.secret_sha256 = $1"#,
        sha256,
        at,
    )
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let principal = principals::Row { id: row.id, name: row.name, role: row.role, kind: row.kind, grants: row.grants }.try_into()?;
    Ok(Some(Found {
        id: row.session_id,
        principal,
        token_id: row.token_id,
        token_counts: row.token_counts,
        last_used_at: row.last_used_at,
        expires_at: row.expires_at,
        ended_at: row.ended_at,
        is_narrow: row.is_narrow,
    }))
}

/// Whether the session with this id counts.
pub async fn counts(connection: &mut PgConnection, id: Uuid, at: DateTime<Utc>) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (
            SELECT
            FROM sessions s
            LEFT JOIN api_tokens t ON t.id = s.token_id
            WHERE s.id = $1 AND s.ended_at IS NULL AND s.expires_at > $2
            AND (s.token_id IS NULL OR t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $2))
        ) AS "counts!""#,
        id,
        at,
    )
    .fetch_one(connection)
    .await?)
}

/// Whose narrow session this is; `None` for one that is not.
pub async fn narrow_of(connection: &mut PgConnection, id: Uuid) -> Result<Option<Uuid>, Error> {
    Ok(sqlx::query_scalar!("SELECT principal_id FROM sessions WHERE id = $1 AND is_narrow", id).fetch_optional(connection).await?)
}

/// Lets a narrow session count until then, unless it does for longer.
pub async fn last_until(connection: &mut PgConnection, id: Uuid, expires_at: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query!("UPDATE sessions SET expires_at = GREATEST(expires_at, $2) WHERE id = $1 AND is_narrow", id, expires_at)
        .execute(connection)
        .await?;
    Ok(())
}

/// Notes that a session is in use, and until when it counts therefore.
pub async fn touch(connection: &mut PgConnection, id: Uuid, at: DateTime<Utc>, expires_at: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE sessions
        SET last_used_at = $2, expires_at = $3
        WHERE id = $1 AND ended_at IS NULL",
        id,
        at,
        expires_at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A session as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ListedSession)]
pub struct Listed {
    /// Names it for `DELETE /sessions/{id}`.
    pub session_id: Uuid,
    /// Who is signed in.
    pub name: String,
    /// What the browser calls itself.
    pub browser: String,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
    /// When it was last used, to within an hour.
    pub last_used_at: DateTime<Utc>,
    /// From then on it counts no more, unless it is used before.
    pub expires_at: DateTime<Utc>,
    /// When somebody signed out or ended it.
    pub ended_at: Option<DateTime<Utc>>,
    /// Whether it was opened by the link of a notification: it reads, and decides about that link's plan.
    pub is_narrow: bool,
}

/// The sessions that count, newest first, at most `limit`; of everybody, or of one principal. `before` is the cursor.
pub async fn list_open(
    connection: &mut PgConnection,
    of: Option<Uuid>,
    at: DateTime<Utc>,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Listed>, Error> {
    Ok(sqlx::query_as!(
        Listed,
        "SELECT s.id AS session_id, p.name, s.browser, s.created_at, s.last_used_at, s.expires_at, s.ended_at, s.is_narrow
        FROM sessions s
        JOIN principals p ON p.id = s.principal_id
        LEFT JOIN api_tokens t ON t.id = s.token_id
        WHERE ($1::uuid IS NULL OR s.principal_id = $1) AND s.ended_at IS NULL AND s.expires_at > $2
        AND (s.token_id IS NULL OR t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $2))
        AND ($3::uuid IS NULL OR s.id < $3)
        ORDER BY s.id DESC
        LIMIT $4",
        of,
        at,
        before,
        limit,
    )
    .fetch_all(connection)
    .await?)
}

/// The session with this id, and whose it is.
pub async fn get(connection: &mut PgConnection, id: Uuid) -> Result<Option<(Uuid, Listed)>, Error> {
    let row = sqlx::query!(
        "SELECT s.principal_id, p.name, s.browser, s.created_at, s.last_used_at, s.expires_at, s.ended_at, s.is_narrow
        FROM sessions s
        JOIN principals p ON p.id = s.principal_id
        WHERE s.id = $1",
        id,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| {
        let listed = Listed {
            session_id: id,
            name: row.name,
            browser: row.browser,
            created_at: row.created_at,
            last_used_at: row.last_used_at,
            expires_at: row.expires_at,
            ended_at: row.ended_at,
            is_narrow: row.is_narrow,
        };
        (row.principal_id, listed)
    }))
}

/// Ends a session. `false` when it was ended before.
pub async fn end(connection: &mut PgConnection, id: Uuid, at: DateTime<Utc>) -> Result<bool, Error> {
    let done = sqlx::query!("UPDATE sessions SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL", id, at).execute(connection).await?;
    Ok(done.rows_affected() == 1)
}

/// Ends all sessions of a principal but this one. How many.
pub async fn end_all(connection: &mut PgConnection, principal_id: Uuid, but: Option<Uuid>, at: DateTime<Utc>) -> Result<u64, Error> {
    let done = sqlx::query!(
        "UPDATE sessions
        SET ended_at = $3
        WHERE principal_id = $1 AND ended_at IS NULL AND ($2::uuid IS NULL OR id <> $2)",
        principal_id,
        but,
        at,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

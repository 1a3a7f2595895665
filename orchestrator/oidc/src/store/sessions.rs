//! Sessions that a provider stands for. Tokens come and go sealed.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::Error;

/// A session that a provider stands for.
#[derive(Debug, Clone)]
pub struct NewSession<'s> {
    /// The session.
    pub session_id: Uuid,
    /// The provider.
    pub issuer: &'s str,
    /// Whom it stands for.
    pub subject: &'s str,
    /// With what it is asked again.
    pub refresh_token_sealed: Option<&'s [u8]>,
    /// What it is told at the sign-out.
    pub id_token_sealed: &'s [u8],
    /// When it is to be looked at again.
    pub look_at: DateTime<Utc>,
}

/// Adds one that was just confirmed.
pub async fn add(connection: &mut PgConnection, new: &NewSession<'_>, at: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO oidc_sessions (session_id, issuer, subject, refresh_token_sealed, id_token_sealed, confirmed_at, look_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)",
        new.session_id,
        new.issuer,
        new.subject,
        new.refresh_token_sealed,
        new.id_token_sealed,
        at,
        new.look_at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// One that is due.
#[derive(Debug, Clone)]
pub struct Due {
    /// The session.
    pub session_id: Uuid,
    /// The provider.
    pub issuer: String,
    /// Whom it stands for.
    pub subject: String,
    /// Who that is here.
    pub name: String,
    /// With what it is asked again.
    pub refresh_token_sealed: Option<Vec<u8>>,
    /// When it was last confirmed.
    pub confirmed_at: DateTime<Utc>,
}

/// Takes those that are due and still count, at most `limit`, for oneself until `until`: nobody else takes them before.
pub async fn take_due(connection: &mut PgConnection, at: DateTime<Utc>, until: DateTime<Utc>, limit: i64) -> Result<Vec<Due>, Error> {
    Ok(sqlx::query_as!(
        Due,
        "UPDATE oidc_sessions o
        SET look_at = $2
        FROM sessions s, principals p
        WHERE s.id = o.session_id AND p.id = s.principal_id AND o.session_id IN (
            SELECT d.session_id
            FROM oidc_sessions d
            JOIN sessions s ON s.id = d.session_id
            WHERE d.look_at <= $1 AND s.ended_at IS NULL AND s.expires_at > $1
            ORDER BY d.look_at
            LIMIT $3
            FOR UPDATE OF d SKIP LOCKED
        )
        RETURNING o.session_id, o.issuer, o.subject, p.name, o.refresh_token_sealed, o.confirmed_at",
        at,
        until,
        limit,
    )
    .fetch_all(connection)
    .await?)
}

/// Notes that the provider stands for it, and with what it is asked next.
pub async fn set_confirmed(
    connection: &mut PgConnection,
    session_id: Uuid,
    (refresh_token_sealed, id_token_sealed): (Option<&[u8]>, Option<&[u8]>),
    at: DateTime<Utc>,
    look_at: DateTime<Utc>,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE oidc_sessions
        SET refresh_token_sealed = coalesce($2, refresh_token_sealed), id_token_sealed = coalesce($3, id_token_sealed),
            confirmed_at = $4, look_at = $5
        WHERE session_id = $1",
        session_id,
        refresh_token_sealed,
        id_token_sealed,
        at,
        look_at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes when it is to be looked at again.
pub async fn set_look_at(connection: &mut PgConnection, session_id: Uuid, look_at: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query!("UPDATE oidc_sessions SET look_at = $2 WHERE session_id = $1", session_id, look_at).execute(connection).await?;
    Ok(())
}

/// The open sessions of somebody, by this issuer.
pub async fn open_of(connection: &mut PgConnection, issuer: &str, subject: &str) -> Result<Vec<Uuid>, Error> {
    Ok(sqlx::query_scalar!(
        "SELECT o.session_id
        FROM oidc_sessions o
        JOIN sessions s ON s.id = o.session_id
        WHERE o.issuer = $1 AND o.subject = $2 AND s.ended_at IS NULL",
        issuer,
        subject,
    )
    .fetch_all(connection)
    .await?)
}

/// What the provider is told at the sign-out, sealed; `None` for a session that it does not stand for.
pub async fn id_token(connection: &mut PgConnection, session_id: Uuid, issuer: &str) -> Result<Option<Vec<u8>>, Error> {
    Ok(sqlx::query_scalar!("SELECT id_token_sealed FROM oidc_sessions WHERE session_id = $1 AND issuer = $2", session_id, issuer)
        .fetch_optional(connection)
        .await?)
}

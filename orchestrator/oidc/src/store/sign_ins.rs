//! Sign-ins that were begun, by the SHA-256 of their state.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::Error;

/// A sign-in to be begun.
#[derive(Debug, Clone)]
pub struct NewSignIn<'s> {
    /// Its id.
    pub id: Uuid,
    /// SHA-256 of the state.
    pub state_sha256: &'s [u8],
    /// SHA-256 of what the browser's cookie holds.
    pub browser_sha256: &'s [u8],
    /// What the ID token has to repeat.
    pub nonce: &'s str,
    /// What shows that the code is ours.
    pub pkce_verifier: &'s str,
    /// Where the browser comes back to.
    pub redirect_uri: &'s str,
    /// From then on nobody may finish it.
    pub expires_at: DateTime<Utc>,
}

/// Begins one, and lets go what has expired.
pub async fn add(connection: &mut PgConnection, new: &NewSignIn<'_>, at: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query!("DELETE FROM oidc_sign_ins WHERE id IN (SELECT id FROM oidc_sign_ins WHERE expires_at < $1 LIMIT 1000)", at)
        .execute(&mut *connection)
        .await?;
    sqlx::query!(
        "INSERT INTO oidc_sign_ins (id, state_sha256, browser_sha256, nonce, pkce_verifier, redirect_uri, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        new.id,
        new.state_sha256,
        new.browser_sha256,
        new.nonce,
        new.pkce_verifier,
        new.redirect_uri,
        at,
        new.expires_at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// One that was begun.
#[derive(Debug, Clone)]
pub struct Found {
    /// Its id.
    pub id: Uuid,
    /// SHA-256 of what the browser's cookie holds.
    pub browser_sha256: Vec<u8>,
    /// What the ID token has to repeat.
    pub nonce: String,
    /// What shows that the code is ours.
    pub pkce_verifier: String,
    /// Where the browser comes back to.
    pub redirect_uri: String,
    /// From then on nobody may finish it.
    pub expires_at: DateTime<Utc>,
    /// When the browser came back.
    pub used_at: Option<DateTime<Utc>>,
}

/// The one with this state. Locked: of two who come with it at once, the second finds it used.
pub async fn lock(connection: &mut PgConnection, state_sha256: &[u8]) -> Result<Option<Found>, Error> {
    Ok(sqlx::query_as!(
        Found,
        "SELECT id, browser_sha256, nonce, pkce_verifier, redirect_uri, expires_at, used_at
        FROM oidc_sign_ins
        WHERE state_sha256 = $1
        FOR UPDATE",
        state_sha256,
    )
    .fetch_optional(connection)
    .await?)
}

/// Notes that the browser came back.
pub async fn set_used(connection: &mut PgConnection, id: Uuid, at: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query!("UPDATE oidc_sign_ins SET used_at = $2 WHERE id = $1", id, at).execute(connection).await?;
    Ok(())
}

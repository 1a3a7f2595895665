//! Who somebody is here whom a provider knows, by issuer and subject.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::Error;

/// Whose name this is here: the principal of an issuer's subject.
pub async fn find(connection: &mut PgConnection, issuer: &str, subject: &str) -> Result<Option<String>, Error> {
    Ok(sqlx::query_scalar!(
        "SELECT p.name
        FROM oidc_identities i
        JOIN principals p ON p.id = i.principal_id
        WHERE i.issuer = $1 AND i.subject = $2",
        issuer,
        subject,
    )
    .fetch_optional(connection)
    .await?)
}

/// Binds somebody for good. `false` when another call has done so meanwhile.
pub async fn add(
    connection: &mut PgConnection,
    (issuer, subject): (&str, &str),
    principal_id: Uuid,
    at: DateTime<Utc>,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        "INSERT INTO oidc_identities (issuer, subject, principal_id, created_at)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT DO NOTHING",
        issuer,
        subject,
        principal_id,
        at,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

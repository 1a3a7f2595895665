//! Which message of whom became which request: each once, for ever (RELIABILITY 20).

use chiffon_kernel::store::Error;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// A message of a principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The envelope's id.
    pub id: Uuid,
    /// SHA-256 of the canonical JSON of what it asks.
    pub asked_sha256: String,
}

/// What a message became.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Became {
    /// The request.
    pub request_id: Uuid,
    /// SHA-256 of the canonical JSON of what was asked.
    pub asked_sha256: String,
}

/// What a principal's message became before.
pub async fn find(connection: &mut PgConnection, principal_id: Uuid, message_id: Uuid) -> Result<Option<Became>, Error> {
    Ok(sqlx::query_as!(
        Became,
        "SELECT request_id, asked_sha256
        FROM request_messages
        WHERE principal_id = $1 AND message_id = $2",
        principal_id,
        message_id,
    )
    .fetch_optional(connection)
    .await?)
}

/// Notes what a message becomes, in the transaction that makes it. `false` when it became something before: then this transaction
/// must not be committed.
pub async fn add(
    connection: &mut PgConnection,
    principal_id: Uuid,
    message: &Message,
    request_id: Uuid,
    at: DateTime<Utc>,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        "INSERT INTO request_messages (principal_id, message_id, asked_sha256, request_id, received_at)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (principal_id, message_id) DO NOTHING",
        principal_id,
        message.id,
        message.asked_sha256,
        request_id,
        at,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

//! The conversation of a request.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::Error;

/// Adds a turn at the end, under the request's row lock. `principal_id` is `None` for Chiffon's own words.
pub async fn add(
    connection: &mut PgConnection,
    request_id: Uuid,
    principal_id: Option<Uuid>,
    text: &str,
    round: i32,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let sender = if principal_id.is_some() { "user" } else { "chiffon" };
    sqlx::query!(
        "INSERT INTO messages (request_id, seq, at, sender, principal_id, text, round)
        SELECT $1, COALESCE(max(seq), 0) + 1, $2, $3, $4, $5, $6
        FROM messages
        WHERE request_id = $1",
        request_id,
        at,
        sender,
        principal_id,
        text,
        round,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// One turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Whether a person said it (else Chiffon).
    pub by_user: bool,
    /// The words.
    pub text: String,
}

/// All turns, in order.
pub async fn list(connection: &mut PgConnection, request_id: Uuid) -> Result<Vec<Said>, Error> {
    Ok(sqlx::query_as!(
        Said,
        r#"SELECT sender = 'user' AS "by_user!", text
        FROM messages
        WHERE request_id = $1
        ORDER BY seq"#,
        request_id,
    )
    .fetch_all(connection)
    .await?)
}

//! What live views replay: numbered per request, announced with ids only (RELIABILITY 23).

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Error;

/// The channel on which a request's id is announced whenever it has a new event.
pub const CHANNEL: &str = "chiffon_requests";

/// Adds an event under the request's row lock and announces it when the transaction commits.
pub async fn add(connection: &mut PgConnection, request_id: Uuid, kind: &str, data: &Value, at: DateTime<Utc>) -> Result<(), Error> {
    let seq = sqlx::query_scalar!(
        "UPDATE requests
        SET event_seq = event_seq + 1
        WHERE id = $1
        RETURNING event_seq",
        request_id,
    )
    .fetch_one(&mut *connection)
    .await?;
    sqlx::query!(
        "INSERT INTO request_events (request_id, seq, at, kind, data)
        VALUES ($1, $2, $3, $4, $5)",
        request_id,
        seq,
        at,
        kind,
        data,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!("SELECT pg_notify($1, $2)", CHANNEL, request_id.to_string()).execute(connection).await?;
    Ok(())
}

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The SSE cursor.
    pub seq: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// `request | task | message | plan | log`.
    pub kind: String,
    /// What changed.
    pub data: Value,
}

/// The events after a cursor, in order, at most `limit`.
pub async fn list_after(connection: &mut PgConnection, request_id: Uuid, after: i64, limit: i64) -> Result<Vec<Event>, Error> {
    Ok(sqlx::query_as!(
        Event,
        "SELECT seq, at, kind, data
        FROM request_events
        WHERE request_id = $1 AND seq > $2
        ORDER BY seq
        LIMIT $3",
        request_id,
        after,
        limit,
    )
    .fetch_all(connection)
    .await?)
}

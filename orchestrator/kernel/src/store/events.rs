//! What live views replay: numbered per stream, announced with ids only (RELIABILITY 23).

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Error;

/// The channel on which a stream's id is announced whenever it has a new event.
pub const CHANNEL: &str = "chiffon_requests";

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The SSE cursor.
    pub seq: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// `request | task | message | plan | log | commit`.
    pub kind: String,
    /// What changed.
    pub data: Value,
}

/// The events of a stream after a cursor, in order, at most `limit`.
pub async fn list_after(connection: &mut PgConnection, stream_id: Uuid, after: i64, limit: i64) -> Result<Vec<Event>, Error> {
    Ok(sqlx::query_as!(
        Event,
        "SELECT seq, at, kind, data
        FROM request_events
        WHERE request_id = $1 AND seq > $2
        ORDER BY seq
        LIMIT $3",
        stream_id,
        after,
        limit,
    )
    .fetch_all(connection)
    .await?)
}

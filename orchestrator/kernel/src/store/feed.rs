//! All events in one order, without gaps: whoever reads to the end and goes on from there later has seen each of them once.
//!
//! An event's position is the number of its transaction, or that of the event before it in its stream where that is higher, so that a
//! stream's events are in their order. A reader stops at the oldest transaction that runs: what ends after it was read has no lower
//! position.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::Error;
use crate::domain::feed::Place;

/// An event among all.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// Where it stands.
    pub place: Place,
    /// What its stream is of, such as `request`.
    pub stream_kind: String,
    /// When.
    pub at: DateTime<Utc>,
    /// `request | task | message | plan | log | commit`.
    pub kind: String,
    /// What changed.
    pub data: Value,
}

/// The events after this place, in order, at most `limit`.
pub async fn list_after(executor: impl PgExecutor<'_>, after: Place, limit: i64) -> Result<Vec<Told>, Error> {
    let rows = sqlx::query!(
        "SELECT e.feed_position, e.request_id AS stream_id, e.seq, s.kind AS stream_kind, e.at, e.kind, e.data
        FROM request_events e
        JOIN streams s ON s.id = e.request_id
        WHERE (e.feed_position, e.request_id, e.seq) > ($1, $2, $3) AND e.feed_position < (SELECT feed_horizon())
        ORDER BY e.feed_position, e.request_id, e.seq
        LIMIT $4",
        after.position,
        after.stream_id,
        after.seq,
        limit,
    )
    .fetch_all(executor)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Told {
            place: Place { position: row.feed_position, stream_id: row.stream_id, seq: row.seq },
            stream_kind: row.stream_kind,
            at: row.at,
            kind: row.kind,
            data: row.data,
        })
        .collect())
}

/// The place behind everything that has ended by now: what is read from there on comes later, or is of a transaction that ended while an
/// older one ran.
pub async fn now(executor: impl PgExecutor<'_>) -> Result<Place, Error> {
    let horizon = sqlx::query_scalar!(r#"SELECT feed_horizon() AS "horizon!""#).fetch_one(executor).await?;
    Ok(Place { position: horizon - 1, stream_id: Uuid::max(), seq: i64::MAX })
}

/// Where a backup was restored into another cluster, transactions are counted anew: from here on positions go on behind those that there
/// are, and far behind, because there were more after the backup, up to which somebody may have read. Whether that was so.
pub async fn go_on_in_this_cluster(connection: &mut PgConnection) -> Result<bool, Error> {
    let done = sqlx::query!(
        "UPDATE event_feed
        SET cluster = (SELECT system_identifier FROM pg_control_system()),
            base = GREATEST(
                base,
                (1::bigint << 40) - pg_snapshot_xmin(pg_current_snapshot())::text::bigint
                    + GREATEST((SELECT max(feed_position) FROM request_events), (SELECT max(feed_position) FROM streams))
            )
        WHERE cluster <> (SELECT system_identifier FROM pg_control_system())",
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

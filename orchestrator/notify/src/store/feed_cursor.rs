//! Up to where the feed of all events was read for notices: one row, locked by whoever reads on.

use chiffon_kernel::domain::feed::Place;
use chiffon_kernel::store::Error;
use sqlx::PgConnection;

/// The place up to which it was read, locked; `None` while another process reads on. Whoever reads first begins with what is told from now on.
pub async fn lock(connection: &mut PgConnection) -> Result<Option<Place>, Error> {
    sqlx::query!(
        "INSERT INTO notice_feed (position, stream_id, seq)
        VALUES ((SELECT feed_horizon()) - 1, 'ffffffff-ffff-ffff-ffff-ffffffffffff', 9223372036854775807)
        ON CONFLICT (is_one) DO NOTHING"
    )
    .execute(&mut *connection)
    .await?;
    let row = sqlx::query!("SELECT position, stream_id, seq FROM notice_feed FOR UPDATE SKIP LOCKED").fetch_optional(connection).await?;
    Ok(row.map(|row| Place { position: row.position, stream_id: row.stream_id, seq: row.seq }))
}

/// Goes on to this place.
pub async fn set(connection: &mut PgConnection, place: Place) -> Result<(), Error> {
    sqlx::query!("UPDATE notice_feed SET position = $1, stream_id = $2, seq = $3", place.position, place.stream_id, place.seq)
        .execute(connection)
        .await?;
    Ok(())
}

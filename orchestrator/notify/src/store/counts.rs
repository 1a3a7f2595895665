//! How deliveries went, for monitoring.

use chiffon_kernel::store::Error;
use sqlx::{PgConnection, PgPool};

/// Counts one more: `sent`, `failed` (a try) or `given_up`.
pub async fn add(connection: &mut PgConnection, channel: &str, kind: &str, outcome: &str) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO notice_counts (channel, kind, outcome, count)
        VALUES ($1, $2, $3, 1)
        ON CONFLICT (channel, kind, outcome) DO UPDATE
        SET count = notice_counts.count + 1",
        channel,
        kind,
        outcome,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// How often something came to an outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// The channel.
    pub channel: String,
    /// What was told.
    pub kind: String,
    /// `sent`, `failed` or `given_up`.
    pub outcome: String,
    /// How often.
    pub count: i64,
}

/// All counts.
pub async fn list(pool: &PgPool) -> Result<Vec<Counted>, Error> {
    Ok(sqlx::query_as!(Counted, "SELECT channel, kind, outcome, count FROM notice_counts ORDER BY channel, kind, outcome")
        .fetch_all(pool)
        .await?)
}

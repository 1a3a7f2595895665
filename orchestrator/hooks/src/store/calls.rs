//! How often each hook was called and what came of it.

use chiffon_kernel::store::Error;
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};

/// Counts a call that came to this.
pub async fn add(connection: &mut PgConnection, hook: &str, outcome: &str, why: Option<&str>, at: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO webhook_calls (hook, outcome, count, last_at, last_why)
        VALUES ($1, $2, 1, $4, $3)
        ON CONFLICT (hook, outcome) DO UPDATE
        SET count = webhook_calls.count + 1, last_at = excluded.last_at, last_why = excluded.last_why",
        hook,
        outcome,
        why,
        at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// How often a hook's calls came to one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// The hook.
    pub hook: String,
    /// `asked`, `again`, `passed_over`, `refused` or `unfit`.
    pub outcome: String,
    /// How often.
    pub count: i64,
    /// When last.
    pub last_at: DateTime<Utc>,
    /// Why, the last time.
    pub last_why: Option<String>,
}

/// All of them.
pub async fn list(pool: &PgPool) -> Result<Vec<Counted>, Error> {
    Ok(sqlx::query_as!(Counted, "SELECT hook, outcome, count, last_at, last_why FROM webhook_calls ORDER BY hook, outcome")
        .fetch_all(pool)
        .await?)
}

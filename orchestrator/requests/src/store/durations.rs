//! How long actions take, kept as sums: what has ended since the last look is added, so that a look never costs more than that.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

use chiffon_kernel::store::Error;

/// Ends are noted by the clock before their transactions commit: what is younger is added the next time.
const SETTLED: TimeDelta = TimeDelta::seconds(10);
/// Of more runs the older ones weigh less.
const RUNS: f64 = 200.0;

/// The average seconds of the last successful runs of each action. Who adds what is new holds up nobody else: they take the sums as
/// they are.
pub async fn list(connection: &mut PgConnection, now: DateTime<Utc>) -> Result<BTreeMap<String, f64>, Error> {
    add(connection, now - SETTLED).await?;
    let rows =
        sqlx::query!(r#"SELECT action, seconds / runs AS "seconds!" FROM action_durations WHERE runs > 0"#).fetch_all(connection).await?;
    Ok(rows.into_iter().map(|row| (row.action, row.seconds)).collect())
}

async fn add(connection: &mut PgConnection, until: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query!(
        "WITH before AS (
            SELECT finished_at
            FROM action_durations_until
            WHERE finished_at < $1
            FOR UPDATE SKIP LOCKED
        ), new AS (
            SELECT t.action, count(*)::float8 AS runs, sum(a.duration_seconds) AS seconds
            FROM before
            JOIN task_attempts a ON a.finished_at > before.finished_at AND a.finished_at <= $1
            JOIN tasks t ON t.id = a.task_id
            WHERE a.outcome = 'succeeded' AND a.duration_seconds IS NOT NULL AND t.mode = 'apply'
            GROUP BY t.action
        ), moved AS (
            UPDATE action_durations_until
            SET finished_at = $1
            FROM before
            WHERE EXISTS (SELECT FROM new)
        )
        INSERT INTO action_durations AS kept (action, runs, seconds)
        SELECT action, runs, seconds
        FROM new
        ON CONFLICT (action) DO UPDATE
        SET runs = LEAST(kept.runs + EXCLUDED.runs, $2),
            seconds = (kept.seconds + EXCLUDED.seconds) * LEAST(kept.runs + EXCLUDED.runs, $2) / (kept.runs + EXCLUDED.runs)",
        until,
        RUNS,
    )
    .execute(connection)
    .await?;
    Ok(())
}

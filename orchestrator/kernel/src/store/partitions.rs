//! The monthly partitions of what grows with time: made ahead, and dropped when all that is in them is old enough.

use chrono::{DateTime, Datelike as _, Months, NaiveDate, Utc};
use sqlx::{AssertSqlSafe, PgConnection};

use super::Error;

/// The tables that are partitioned by month.
pub const PARTITIONED: [&str; 2] = [LOGS, METRICS];
/// Log lines, by the creation time of their attempt.
pub const LOGS: &str = "execution_logs";
/// Heartbeats, by receipt.
pub const METRICS: &str = "resource_metrics";

/// Makes the partition of one month of a table, unless it is there. `false`: it was, or rows of that month lie in the default
/// partition already, where they stay.
pub async fn add(connection: &mut PgConnection, table: &'static str, month: NaiveDate) -> Result<bool, Error> {
    let first = NaiveDate::from_ymd_opt(month.year(), month.month(), 1).unwrap_or(month);
    let next = first.checked_add_months(Months::new(1)).unwrap_or(first);
    let name = format!("{table}_{}", first.format("%Y_%m"));
    let there = sqlx::query_scalar!(r#"SELECT to_regclass($1) IS NOT NULL AS "there!""#, name).fetch_one(&mut *connection).await?;
    if there {
        return Ok(false);
    }
    // Names come from the list above and from a date, never from outside.
    let statement =
        format!("CREATE TABLE IF NOT EXISTS {name} PARTITION OF {table} FOR VALUES FROM ('{first} 00:00:00+00') TO ('{next} 00:00:00+00')");
    match sqlx::query(AssertSqlSafe(statement)).execute(connection).await {
        Ok(_) => Ok(true),
        // check_violation: the default partition holds rows of that month. duplicate_table: another process was quicker.
        Err(sqlx::Error::Database(error)) if matches!(error.code().as_deref(), Some("23514" | "42P07")) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// A monthly partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// Its table's name.
    pub name: String,
    /// From this time on.
    pub starts: DateTime<Utc>,
    /// Before this time.
    pub ends: DateTime<Utc>,
}

/// The partitions of a table that end at or before a time, the oldest first. The default one has no bounds and is none of them.
pub async fn list_until(connection: &mut PgConnection, table: &str, until: DateTime<Utc>) -> Result<Vec<Partition>, Error> {
    Ok(sqlx::query_as!(
        Partition,
        r#"SELECT p.name AS "name!", p.bounds[1]::timestamptz AS "starts!", p.bounds[2]::timestamptz AS "ends!"
        FROM (
            SELECT c.relname::text AS name,
                regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \(''([^'']+)''\) TO \(''([^'']+)''\)') AS bounds
            FROM pg_inherits i
            JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = to_regclass($1)
        ) AS p
        WHERE p.bounds IS NOT NULL AND p.bounds[2]::timestamptz <= $2
        ORDER BY 2"#,
        table,
        until,
    )
    .fetch_all(connection)
    .await?)
}

/// Whether a span of logs has a log that can still grow, or whose digest is not in the audit yet.
pub async fn has_live_logs(connection: &mut PgConnection, starts: DateTime<Utc>, ends: DateTime<Utc>) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (
            SELECT
            FROM task_attempts a
            JOIN tasks t ON t.id = a.task_id
            WHERE a.created_at >= $1 AND a.created_at < $2
            AND (a.finished_at IS NULL AND t.finished_at IS NULL OR a.log_sealed_at IS NULL AND a.stored_seq > 0)
        ) AS "live!""#,
        starts,
        ends,
    )
    .fetch_one(connection)
    .await?)
}

/// Drops a partition. The table is locked for no longer than a catalogue's change; where somebody reads it for longer than a
/// second, this gives up (`55P03`) instead of making everybody wait behind it.
pub async fn drop(connection: &mut PgConnection, partition: &Partition) -> Result<(), Error> {
    sqlx::query("SET LOCAL lock_timeout = '1s'").execute(&mut *connection).await?;
    // The name comes from the catalogue of the tables above.
    let statement = format!("DROP TABLE IF EXISTS {}", partition.name);
    sqlx::query(AssertSqlSafe(statement)).execute(connection).await?;
    Ok(())
}

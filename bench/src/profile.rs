//! Where the database's time goes: the statements that were asked since the last reset, the most expensive first.

use crate::system::System;

const STATEMENTS: &str = "
    SELECT calls, total_exec_time, rows, wal_bytes::double precision, left(regexp_replace(query, '\\s+', ' ', 'g'), 150)
    FROM pg_stat_statements
    WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND query NOT LIKE '%/* bench */%'
    ORDER BY total_exec_time DESC
    LIMIT 40";

/// Forgets what was asked so far.
pub async fn reset(system: &System) -> anyhow::Result<()> {
    if system.counts_statements {
        sqlx::query("SELECT pg_stat_statements_reset()").execute(&system.pool).await?;
    }
    Ok(())
}

/// Prints to standard error what was asked since then, for each of so many: tasks, say, or seconds.
pub async fn print(system: &System, many: f64, what: &str) -> anyhow::Result<()> {
    if !system.counts_statements {
        eprintln!("bench: this PostgreSQL came without pg_stat_statements, so there is no profile of statements");
        return Ok(());
    }
    let statements: Vec<(i64, f64, i64, f64, String)> = sqlx::query_as(STATEMENTS).fetch_all(&system.pool).await?;
    eprintln!("for each of {many:.0} {what}: calls, milliseconds, rows, WAL bytes");
    #[expect(clippy::cast_precision_loss, reason = "some thousand calls and rows")]
    for (calls, ms, rows, wal, text) in statements {
        eprintln!("{:6.2} {:7.3} {:6.2} {:7.0}  {text}", calls as f64 / many, ms / many, rows as f64 / many, wal / many);
    }
    Ok(())
}

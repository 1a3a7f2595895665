//! Where the database's time goes: the statements that were asked since the last reset, the most expensive first.

use std::collections::BTreeMap;

use crate::system::System;

const STATEMENTS: &str = "
    SELECT calls, total_exec_time, rows, wal_bytes::double precision, left(regexp_replace(query, '\\s+', ' ', 'g'), 150)
    FROM pg_stat_statements
    WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND query NOT LIKE '%/* bench */%'
    ORDER BY total_exec_time DESC
    LIMIT 40";

const TABLES: &str = "
    SELECT relname::text, n_tup_ins, n_tup_upd, n_tup_hot_upd, n_tup_del
    FROM pg_stat_user_tables
    ORDER BY relname";

/// What was written to each table: rows inserted, updated, of these without a new entry in any index, and deleted.
#[derive(Debug, Default)]
pub struct Written(BTreeMap<String, [i64; 4]>);

impl Written {
    async fn so_far(system: &System) -> anyhow::Result<Self> {
        let rows: Vec<(String, i64, i64, i64, i64)> = sqlx::query_as(TABLES).fetch_all(&system.pool).await?;
        Ok(Self(rows.into_iter().map(|(table, inserted, updated, hot, deleted)| (table, [inserted, updated, hot, deleted])).collect()))
    }
}

/// Forgets what was asked so far, and notes what was written.
pub async fn reset(system: &System) -> anyhow::Result<Written> {
    if system.counts_statements {
        sqlx::query("SELECT pg_stat_statements_reset()").execute(&system.pool).await?;
    }
    Written::so_far(system).await
}

/// Prints to standard error what was written and asked since then, for each of so many: tasks, say, or seconds.
pub async fn print(system: &System, before: &Written, many: f64, what: &str) -> anyhow::Result<()> {
    eprintln!("for each of {many:.0} {what}: rows inserted, updated (of these in place), deleted");
    #[expect(clippy::cast_precision_loss, reason = "some thousand rows")]
    for (table, after) in Written::so_far(system).await?.0 {
        let before = before.0.get(&table).copied().unwrap_or_default();
        let [inserted, updated, hot, deleted] = std::array::from_fn(|place| (after[place] - before[place]) as f64 / many);
        if inserted + updated + deleted > 0.0 {
            eprintln!("{inserted:6.2} {updated:6.2} ({hot:5.2}) {deleted:6.2}  {table}");
        }
    }
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

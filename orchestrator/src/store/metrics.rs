//! Heartbeats over time, and the monthly partitions of what grows with time.

use chiffon_protocol::message::Heartbeat;
use chrono::{Datelike as _, Months, NaiveDate};
use sqlx::{AssertSqlSafe, PgConnection};

use super::Error;
use super::agents::signed;

/// Adds heartbeats, all in one statement, at Postgres time.
pub async fn add_all(connection: &mut PgConnection, beats: &[&Heartbeat]) -> Result<(), Error> {
    let agents: Vec<String> = beats.iter().map(|beat| beat.agent_id.clone()).collect();
    let incarnations: Vec<i64> = beats.iter().map(|beat| signed(beat.incarnation)).collect();
    let seqs: Vec<i64> = beats.iter().map(|beat| signed(beat.seq)).collect();
    let cpu: Vec<f64> = beats.iter().map(|beat| beat.cpu.used_percent).collect();
    let load: Vec<f64> = beats.iter().map(|beat| beat.cpu.load_1m).collect();
    let total: Vec<i64> = beats.iter().map(|beat| signed(beat.memory.total_mb)).collect();
    let available: Vec<i64> = beats.iter().map(|beat| signed(beat.memory.available_mb)).collect();
    let busiest = |beat: &&Heartbeat| beat.gpus.iter().map(|gpu| gpu.used_percent).reduce(f64::max);
    let gpu: Vec<Option<f64>> = beats.iter().map(busiest).collect();
    let gpu_free: Vec<Option<i64>> = beats.iter().map(|beat| beat.gpus.iter().map(|gpu| signed(gpu.memory_free_mb)).max()).collect();
    let running: Vec<i32> = beats.iter().map(|beat| i32::try_from(beat.running.len()).unwrap_or(i32::MAX)).collect();
    sqlx::query!(
        "INSERT INTO resource_metrics (at, agent_id, incarnation, seq, cpu_percent, load_1m, memory_total_mb, memory_available_mb,
            gpu_percent, gpu_memory_free_mb, running)
        SELECT now(), m.*
        FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::float8[], $5::float8[], $6::bigint[], $7::bigint[],
            $8::float8[], $9::bigint[], $10::int[]) AS m
        ON CONFLICT DO NOTHING",
        &agents,
        &incarnations,
        &seqs,
        &cpu,
        &load,
        &total,
        &available,
        &gpu as &[Option<f64>],
        &gpu_free as &[Option<i64>],
        &running,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The tables that are partitioned by month.
pub const PARTITIONED: [&str; 2] = ["execution_logs", "resource_metrics"];

/// Makes the partition of one month of a table, unless it is there. `false`: it was, or rows of that month lie in the default
/// partition already, where they stay.
pub async fn add_partition(connection: &mut PgConnection, table: &'static str, month: NaiveDate) -> Result<bool, Error> {
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

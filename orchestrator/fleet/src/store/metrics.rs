//! Heartbeats over time.

use chiffon_kernel::store::Error;
use chiffon_protocol::message::Heartbeat;
use sqlx::PgConnection;

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

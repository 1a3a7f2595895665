//! What work costs: each process's processor time and memory from `/proc`, and what the database counted meanwhile.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use chiffon_bench::processes;

use crate::system::System;
use crate::table::{Figures, Row};

/// A server's process reports what it counted when it rests, at the latest after so long:
/// PGSTAT_IDLE_INTERVAL in PostgreSQL's pgstat.c.
const COUNTED_AFTER: Duration = Duration::from_secs(11);

/// What the database counts, in this order.
const COUNTED: [&str; 7] = ["commits", "rows inserted", "rows updated", "WAL records", "WAL KiB", "WAL syncs", "statements"];
const COUNT: &str = "
    SELECT ARRAY[
        database.xact_commit, database.tup_inserted, database.tup_updated, wal.wal_records,
        (pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') / 1024)::bigint, wal.wal_sync
    ]::double precision[]
    FROM pg_stat_database AS database, pg_stat_wal AS wal
    WHERE database.datname = current_database()";
/// Ours carry a mark.
const STATEMENTS: &str = "
    SELECT coalesce(sum(calls), 0)::double precision
    FROM pg_stat_statements
    WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND query NOT LIKE '%/* bench */%'
        AND query NOT LIKE '%pg_stat_%'";

/// Everything as it stood at one moment.
#[derive(Debug, Clone)]
struct Look {
    at: Instant,
    cpu_seconds: Vec<f64>,
    memory_mib: Vec<f64>,
    counted: Vec<f64>,
}

async fn look(system: &System) -> anyhow::Result<Look> {
    // Taken before the wait, so that the work and what it leaves to do are both in.
    let memory_mib = memory(system)?;
    tokio::time::sleep(COUNTED_AFTER).await;
    let mut counted: Vec<f64> = sqlx::query_scalar(COUNT).fetch_one(&system.pool).await.context("the database's own figures")?;
    // Our own looks were transactions, too.
    #[expect(clippy::cast_precision_loss, reason = "some thousand looks")]
    let own = system.looks.load(Ordering::Relaxed) as f64;
    counted[0] -= own;
    if system.counts_statements {
        counted.push(sqlx::query_scalar(STATEMENTS).fetch_one(&system.pool).await?);
    }
    let cpu_seconds = system.parts()?.into_iter().map(|(_, pid)| processes::cpu_seconds(pid)).collect();
    Ok(Look { at: Instant::now(), cpu_seconds, memory_mib, counted })
}

fn memory(system: &System) -> anyhow::Result<Vec<f64>> {
    let whole = |pid: u32| processes::family(pid).into_iter().filter_map(processes::proportional).sum();
    Ok(system.parts()?.into_iter().map(|(_, pid)| whole(pid)).collect())
}

/// What was spent in some time.
#[derive(Debug, Clone)]
pub struct Spent {
    seconds: f64,
    cpu_seconds: Vec<f64>,
    counted: Vec<f64>,
    memory_mib: Vec<f64>,
}

/// A span that is being measured.
#[derive(Debug)]
pub struct Span(Look);

impl Span {
    /// Begins when what was done before is counted.
    pub async fn begin(system: &System) -> anyhow::Result<Self> {
        Ok(Self(look(system).await?))
    }

    /// Ends when what was done since is counted.
    pub async fn end(self, system: &System) -> anyhow::Result<Spent> {
        let last = look(system).await?;
        let since = |before: Vec<f64>, after: Vec<f64>| before.into_iter().zip(after).map(|(before, after)| after - before).collect();
        Ok(Spent {
            seconds: (last.at - self.0.at).as_secs_f64(),
            cpu_seconds: since(self.0.cpu_seconds, last.cpu_seconds),
            counted: since(self.0.counted, last.counted),
            memory_mib: last.memory_mib,
        })
    }
}

/// The rows of a system with nothing to do.
pub fn idle_rows(system: &System, spent: &Spent) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (index, (part, _)) in system.parts()?.into_iter().enumerate() {
        let percent = 100.0 * spent.cpu_seconds[index] / spent.seconds;
        rows.push(Row::alone(format!("idle: {part}, processor"), "% of a core", one(percent)));
        rows.push(Row::alone(format!("idle: {part}, memory"), "MiB", one(spent.memory_mib[index])));
    }
    for (name, count) in COUNTED.into_iter().zip(&spent.counted) {
        rows.push(Row::alone(format!("idle: {name} a second"), "", one(count / spent.seconds)));
    }
    Ok(rows)
}

/// The rows of these runs of so many tasks each, approved in this way, less what the same time costs with nothing to do.
pub fn load_rows(system: &System, idle: &Spent, runs: &[Spent], tasks: usize, how: &str) -> anyhow::Result<Vec<Row>> {
    #[expect(clippy::cast_precision_loss, reason = "some hundred tasks")]
    let tasks = tasks as f64;
    let each = |of: &dyn Fn(&Spent) -> f64| -> Vec<f64> {
        runs.iter().map(|run| (of(run) - of(idle) / idle.seconds * run.seconds) / tasks).collect()
    };
    let mut rows = Vec::new();
    for (index, (part, _)) in system.parts()?.into_iter().enumerate() {
        let cpu = each(&|spent| spent.cpu_seconds[index] * 1e3);
        rows.push(Row::alone(format!("under load, {how}: {part}, processor a task"), "ms", Figures::of(cpu)));
        let memory = runs.iter().map(|run| run.memory_mib[index]).collect();
        rows.push(Row::alone(format!("under load, {how}: {part}, memory"), "MiB", Figures::of(memory)));
    }
    for (index, name) in COUNTED.into_iter().enumerate().take(idle.counted.len()) {
        rows.push(Row::alone(format!("under load, {how}: {name} a task"), "", Figures::of(each(&|spent| spent.counted[index]))));
    }
    Ok(rows)
}

fn one(figure: f64) -> Figures {
    Figures::of(vec![figure])
}

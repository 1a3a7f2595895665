//! What a Chiffon costs that has nothing to do: one `chiffon up` with RabbitMQ, two agents and nobody who asks.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use chiffon_bench::processes;
use chiffon_e2e::Home;
use serde::Serialize;

/// How long it is left alone before the measuring begins.
const SETTLE: Duration = Duration::from_mins(1);

/// The parts, as they stood at one moment.
#[derive(Debug, Clone, Copy)]
struct Look {
    cpu_seconds: f64,
    memory_mib: f64,
}

/// What one part cost.
#[derive(Debug, Serialize)]
struct Cost {
    part: &'static str,
    cpu_seconds: f64,
    cpu_percent_of_a_core: f64,
    memory_mib_at_first: f64,
    memory_mib_at_last: f64,
}

/// What was measured.
#[derive(Debug, Serialize)]
struct Costs {
    seconds: f64,
    parts: Vec<Cost>,
    heartbeats: i64,
    database_kib: i64,
    database_growth_kib: i64,
    wal_growth_kib: i64,
}

/// Measures it and prints it.
pub async fn measure(span: Duration, as_json: bool) -> anyhow::Result<()> {
    let home = Home::new();
    let mut up = home.up(&["--bus", "rabbitmq"]);
    let chiffon = up.pid();
    let broker = processes::pid_in(&home.data_dir().join("rabbitmq/pid")).context("the broker's process id is not to be found")?;
    let database = find(&home.data_dir().join("postgres"), "postmaster.pid").context("the database's process id is not to be found")?;
    tokio::time::sleep(SETTLE).await;
    let look = || [chiffon_alone(chiffon, &[broker, database]), whole(broker), whole(database)];
    let (began, first, figures) = (Instant::now(), look(), counted(&home)?);
    tokio::time::sleep(span).await;
    let (seconds, last, figures_after) = (began.elapsed().as_secs_f64(), look(), counted(&home)?);
    up.stop(Duration::from_mins(1));
    let names = ["orchestrator and two agents, one process", "RabbitMQ", "PostgreSQL"];
    let parts = names.into_iter().zip(first.into_iter().zip(last)).map(|(part, (first, last))| Cost {
        part,
        cpu_seconds: last.cpu_seconds - first.cpu_seconds,
        cpu_percent_of_a_core: 100.0 * (last.cpu_seconds - first.cpu_seconds) / seconds,
        memory_mib_at_first: first.memory_mib,
        memory_mib_at_last: last.memory_mib,
    });
    let [heartbeats, database_bytes, wal_bytes] = figures_after;
    let costs = Costs {
        seconds,
        parts: parts.collect(),
        heartbeats: heartbeats - figures[0],
        database_kib: database_bytes / 1024,
        database_growth_kib: (database_bytes - figures[1]) / 1024,
        wal_growth_kib: (wal_bytes - figures[2]) / 1024,
    };
    if as_json {
        println!("{}", serde_json::to_string_pretty(&costs)?);
    } else {
        print(&costs);
    }
    Ok(())
}

fn print(costs: &Costs) {
    println!("{:.0} seconds with nothing to do\n\n| part | processor | memory at first, at last |\n|---|---|---|", costs.seconds);
    for cost in &costs.parts {
        println!(
            "| {} | {:.1} s ({:.2} % of a core) | {:.0} MiB, {:.0} MiB |",
            cost.part, cost.cpu_seconds, cost.cpu_percent_of_a_core, cost.memory_mib_at_first, cost.memory_mib_at_last
        );
    }
    println!(
        "\n{} heartbeats stored; the database has {} KiB and grew by {} KiB; {} KiB of write-ahead log",
        costs.heartbeats, costs.database_kib, costs.database_growth_kib, costs.wal_growth_kib
    );
}

fn whole(pid: u32) -> Look {
    let memory_mib = processes::family(pid).into_iter().filter_map(processes::proportional).sum();
    Look { cpu_seconds: processes::cpu_seconds(pid), memory_mib }
}

/// The process without the nodes that it has started.
fn chiffon_alone(pid: u32, nodes: &[u32]) -> Look {
    let below: Vec<u32> = nodes.iter().flat_map(|&node| processes::family(node)).collect();
    let own = processes::family(pid).into_iter().filter(|member| !below.contains(member));
    let cpu_of_nodes: f64 =
        nodes.iter().filter(|node| processes::family(pid).contains(node)).map(|&node| processes::cpu_seconds(node)).sum();
    Look { cpu_seconds: processes::cpu_seconds(pid) - cpu_of_nodes, memory_mib: own.filter_map(processes::proportional).sum() }
}

/// Heartbeats stored, the database's bytes, bytes of write-ahead log since the cluster was made.
fn counted(home: &Home) -> anyhow::Result<[i64; 3]> {
    let statement = "SELECT count(*)::text || ' ' || pg_database_size(current_database()) || ' ' || \
                     pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint AS figures FROM resource_metrics";
    let answer = home.succeed(&["-o", "json", "sql", statement]);
    let rows: serde_json::Value = serde_json::from_str(&answer).with_context(|| answer.clone())?;
    let text = rows.pointer("/items/0/figures").and_then(serde_json::Value::as_str).with_context(|| answer.clone())?;
    let figures: Vec<i64> = text.split(' ').filter_map(|figure| figure.parse().ok()).collect();
    figures.try_into().map_err(|_| anyhow::anyhow!("strange figures: {answer}"))
}

fn find(folder: &Path, name: &str) -> Option<u32> {
    let entries = std::fs::read_dir(folder).ok()?;
    let mut folders = vec![folder.to_owned()];
    folders.extend(entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()));
    folders.iter().find_map(|folder| processes::pid_in(&folder.join(name)))
}

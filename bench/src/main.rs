//! `make bench`: measures, and prints one table: work, Chiffon, peer, limit, how often. Nodes are private, with fsync on and
//! confirms on. A benchmark never fails the tests; it fails itself when the work it measures was not done.

mod celery;
mod cold_start;
mod connections;
mod costs;
mod dispatch;
mod fill;
mod floor;
mod growth;
mod idle;
mod log_lines;
mod machine;
mod noop;
mod profile;
mod round_trip;
mod stored;
mod story;
mod system;
mod table;
mod throughput;

use chiffon_process::panic::caught;
use clap::{Parser, Subcommand};

use celery::Celery;
use machine::Machine;
use system::System;
use table::Row;

/// How often rows are measured that take long.
const FEW: usize = 3;
/// RabbitMQ alone takes seconds.
const COLD_STARTS: usize = 5;

/// Measure Chiffon.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Args {
    #[command(subcommand)]
    part: Option<Part>,
    /// How often each row is measured; long ones a few times at most, round trips ten times as often
    #[arg(long, default_value_t = 30)]
    runs: usize,
    /// Only these rows, separated by commas: dispatch, cold start, round trip, throughput, growth, log lines, stored
    #[arg(long, default_value = "")]
    only: String,
    /// Tasks that are approved at once, 2,000 at most
    #[arg(long, default_value_t = system::HOSTS)]
    tasks: usize,
    /// Lines of one run's log
    #[arg(long, default_value_t = 200_000)]
    lines: usize,
    /// Requests that are stored when the API is measured; a million take some gigabytes and minutes
    #[arg(long, default_value_t = 1_000_000)]
    stored: i64,
    /// Tell on standard error which statements the database's time went to
    #[arg(long)]
    profile: bool,
    /// Measure instead what a Chiffon costs that has nothing to do, for so many minutes
    #[arg(long, value_name = "MINUTES")]
    idle: Option<u64>,
    /// Measure instead what so many connections cost on which nobody calls: `--connections 2000,10000`
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',')]
    connections: Vec<usize>,
    /// For machines
    #[arg(long)]
    json: bool,
}

/// What the benchmark starts of itself.
#[derive(Debug, Subcommand)]
enum Part {
    /// Work as the no-op agent
    #[command(hide = true)]
    Agent(noop::AgentArgs),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    if let Some(Part::Agent(agent)) = args.part {
        return noop::run(agent).await;
    }
    if let Some(minutes) = args.idle {
        return idle::measure(std::time::Duration::from_secs(minutes * 60), args.json).await;
    }
    if !args.connections.is_empty() {
        return connections::measure(&args.connections).await;
    }
    let mut machine = Machine::here();
    let mut rows = Vec::new();
    // What was measured before something failed is told all the same.
    let ended = caught(measure(&args, &mut machine, &mut rows)).await.unwrap_or_else(|panicked| Err(panicked.into()));
    let machine = machine.done();
    if args.json {
        println!("{}", serde_json::to_string_pretty(&serde_json::json!({"machine": machine, "rows": rows}))?);
    } else {
        table::print(&machine, &rows);
    }
    ended
}

async fn measure(args: &Args, machine: &mut Machine, rows: &mut Vec<Row>) -> anyhow::Result<()> {
    let wanted = |name: &str| args.only.split(',').any(|only| name.contains(only.trim()));
    if wanted("dispatch") {
        for driver in ["rabbitmq", "memory"] {
            rows.push(dispatch::row(driver, args.runs).await?);
        }
    }
    if wanted("cold start") {
        rows.extend(cold_start::rows(args.runs.min(COLD_STARTS)).await?);
    }
    if ["round trip", "throughput", "growth", "log lines", "stored"].into_iter().any(wanted) {
        let mut system = System::start().await?;
        machine.versions.push(format!("RabbitMQ {}", system.broker.ctl(&["version"]).await?.trim()));
        machine.settings.extend(system.settings().await?);
        let ended = measure_on(&mut system, args, machine, rows, wanted).await;
        system.stop().await;
        ended?;
    }
    Ok(())
}

/// The rows that are measured on one system, the fullest database last.
async fn measure_on(
    system: &mut System,
    args: &Args,
    machine: &mut Machine,
    rows: &mut Vec<Row>,
    wanted: impl Fn(&str) -> bool,
) -> anyhow::Result<()> {
    let few = args.runs.min(FEW);
    if wanted("round trip") || wanted("throughput") {
        let mut celery = Celery::start(system).await;
        machine.versions.extend(celery.as_ref().ok().map(|celery| format!("Celery {}", celery.version)));
        if wanted("round trip") {
            rows.push(round_trip::row(system, &mut celery, args.runs).await?);
        }
        if wanted("throughput") {
            rows.extend(throughput::rows(system, &mut celery, few, args.tasks, args.profile).await?);
        }
        if let Ok(celery) = celery {
            celery.stop();
        }
    }
    if wanted("growth") {
        rows.extend(growth::rows(system, args.profile).await?);
    }
    if wanted("log lines") {
        rows.push(log_lines::row(system, few, args.lines).await?);
    }
    if wanted("stored") {
        rows.extend(stored::rows(system, args.stored).await?);
    }
    Ok(())
}

//! `make bench`: measures, and prints one table: work, Chiffon, limit, how often. Nodes are private, with fsync on and
//! confirms on. A benchmark never fails the tests; it fails itself when the work it measures was not done.

mod cold_start;
mod connections;
mod dispatch;
mod idle;
mod table;

use clap::Parser;
use table::{Machine, Row};

/// Measure Chiffon.
#[derive(Debug, Parser)]
struct Args {
    /// How often each row is measured
    #[arg(long, default_value_t = 30)]
    runs: usize,
    /// Only rows whose name contains this
    #[arg(long, default_value = "")]
    only: String,
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

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    if let Some(minutes) = args.idle {
        return idle::measure(std::time::Duration::from_secs(minutes * 60), args.json).await;
    }
    if !args.connections.is_empty() {
        return connections::measure(&args.connections).await;
    }
    let wanted = |name: &str| name.contains(&args.only);
    let mut rows: Vec<Row> = Vec::new();
    if wanted("dispatch") {
        for driver in ["rabbitmq", "memory"] {
            rows.push(dispatch::row(driver, args.runs).await?);
        }
    }
    if wanted("cold start") {
        rows.extend(cold_start::rows(args.runs.min(5)).await?);
    }
    let machine = Machine::here();
    if args.json {
        println!("{}", serde_json::to_string_pretty(&serde_json::json!({"machine": machine, "rows": rows}))?);
    } else {
        table::print(&machine, &rows);
    }
    Ok(())
}

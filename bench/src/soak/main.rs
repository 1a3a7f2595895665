//! `make soak`: mixed load on real parts with faults by chance, for as long as asked; then everything has to settle.
//!
//! Exits 1 when an invariant was violated or something could not be told to its end.

mod actions;
mod client;
mod database;
mod faults;
mod invariants;
mod load;
mod memory;
mod report;
mod runs;
mod seed;
mod world;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use chiffon_process::{Shutdown, Spawner};
use clap::Parser;
use tokio::sync::Mutex;

use faults::Faults;
use invariants::Invariants;
use load::Load;
use memory::Memory;
use report::{Report, quantiles};
use seed::Chance;
use world::World;

/// Between two looks at invariants and memory.
const LOOK: Duration = Duration::from_secs(10);
/// Everything has to be settled by then, once faults stop.
const SETTLED_WITHIN: Duration = Duration::from_mins(5);
const TASKS: &str = "SELECT purpose || ' ' || status || '|' || count(*) FROM tasks GROUP BY purpose, status ORDER BY 1";

/// Put Chiffon under load and faults, and see that every promise holds.
#[derive(Debug, Parser)]
struct Args {
    /// How long load and faults go on
    #[arg(long, default_value_t = 5.0)]
    minutes: f64,
    /// Which faults and wishes come; any number, shown in the report
    #[arg(long)]
    seed: Option<u64>,
    /// People who ask, each one thing at a time
    #[arg(long, default_value_t = 6)]
    people: usize,
    /// Orchestrators on the one database and broker
    #[arg(long, default_value_t = 2)]
    orchestrators: usize,
    /// Infrastructure agents that share the hosts
    #[arg(long, default_value_t = 3)]
    agents: usize,
    /// No faults: what the load alone shows
    #[arg(long)]
    calm: bool,
    /// Where the report goes as JSON, besides the text on standard output
    #[arg(long)]
    json: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    chiffon_process::telemetry::install_tls_provider();
    let args = Args::parse();
    let seed = args.seed.unwrap_or_else(|| u64::from(std::process::id()));
    eprintln!("soak: seed {seed}; starting");
    let world = Arc::new(World::start(args.orchestrators, args.agents).await?);
    let report = soak(&args, seed, world).await?;
    report.print();
    if let Some(file) = &args.json {
        std::fs::write(file, serde_json::to_string_pretty(&report)?).with_context(|| format!("{} can't be written", file.display()))?;
    }
    Ok(if report.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn soak(args: &Args, seed: u64, world: Arc<World>) -> anyhow::Result<Report> {
    let load = Arc::new(Load::new(world.clone()));
    let faults = Arc::new(Faults::new(world.clone()));
    let invariants = Arc::new(Invariants::new(world.clone(), load.clone(), faults.weather()));
    let memory = Arc::new(Mutex::new(Memory::new()));
    let shutdown = Shutdown::new();
    let (people, watch) = (Spawner::new(shutdown.clone()), Spawner::new(shutdown.clone()));
    for person in 0..args.people {
        let (load, chance) = (load.clone(), Chance::new(seed, 1 + u64::try_from(person)?));
        people.spawn("person", async move { load.person(chance).await });
    }
    watch.spawn("watch", {
        let (invariants, memory, world, shutdown) = (invariants.clone(), memory.clone(), world.clone(), shutdown.clone());
        async move {
            while shutdown.sleep(LOOK).await {
                memory.lock().await.sample(&world).await;
                invariants.look().await;
            }
        }
    });

    let begun = Instant::now();
    let until = begun + Duration::from_secs_f64(args.minutes * 60.0);
    let told_to_stop = async {
        Shutdown::signal().await;
        eprintln!("soak: told to stop; nothing new begins");
        faults.stop();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        made = faults.make(Chance::new(seed, 0), until, args.calm) => made?,
        () = told_to_stop => {}
    }
    let minutes = begun.elapsed().as_secs_f64() / 60.0;
    eprintln!("soak: no more faults; everything has to settle");
    load.stop();
    let settled_after_seconds = settle(&faults, &people, &invariants).await;
    shutdown.stop();
    watch.finish(Duration::from_mins(1)).await;
    invariants.look_at_the_end().await?;

    let mut tasks = BTreeMap::new();
    for row in database::rows(&world.database_url, TASKS).await? {
        let (what, count) = row.split_once('|').context("two columns")?;
        tasks.insert(what.to_owned(), count.parse()?);
    }
    for words in faults.crashes.lock().await.drain(..) {
        invariants.violated("no process ends by itself", words).await;
    }
    let told = std::mem::take(&mut *load.told.lock().await);
    for words in told.broken {
        invariants.violated("every story is told to its end", words).await;
    }
    let (made, looks, memory) = (faults.made.lock().await.clone(), *invariants.looks.lock().await, memory.lock().await.courses());
    let violations = std::mem::take(&mut *invariants.violations.lock().await);
    drop((load, faults, invariants, people, watch));
    let mut violations: Vec<(String, String)> = violations.into_iter().collect();
    let world = Arc::into_inner(world).context("nobody else holds the world")?;
    violations.extend(world.stop().await.into_iter().map(|words| ("everything stops in order".to_owned(), words)));
    Ok(Report {
        seed,
        minutes,
        orchestrators: args.orchestrators,
        agents: args.agents,
        people: args.people,
        tasks,
        requests: told.ends,
        seconds: quantiles(told.seconds),
        faults: made,
        retries_allowed: told.retries.values().sum(),
        looks,
        settled_after_seconds,
        memory,
        violations,
    })
}

/// Waits until everybody is done and nothing is open; the seconds that it took.
async fn settle(faults: &Faults, people: &Spawner, invariants: &Invariants) -> f64 {
    let begun = Instant::now();
    let done = async {
        people.finish(SETTLED_WITHIN).await;
        while begun.elapsed() < SETTLED_WITHIN {
            match invariants.open().await {
                Ok(open) if open.is_empty() => return,
                _ => tokio::time::sleep(Duration::from_millis(500)).await,
            }
        }
    };
    let watched = async {
        loop {
            faults.raise_the_dead().await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::select! {
        () = done => {}
        () = watched => {}
    }
    begun.elapsed().as_secs_f64()
}

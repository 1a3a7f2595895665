//! `chiffon-simulation`: plays schedules, or tells one again.

use std::process::ExitCode;
use std::time::Instant;

use chiffon_simulation::{Bug, play_many, replay};
use clap::Parser;

/// Plays the decisions of orchestrator and agents over a network and machines that fail, by seed
#[derive(Debug, Parser)]
struct Args {
    /// How many schedules
    #[arg(long, default_value_t = 1_000_000)]
    schedules: u64,
    /// The first seed
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Plays this seed alone, and tells every step of it
    #[arg(long)]
    seed: Option<u64>,
    /// Makes this mistake on purpose
    #[arg(long, value_enum)]
    bug: Option<Bug>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    if let Some(seed) = args.seed {
        println!("{}", replay(seed, args.bug));
        return ExitCode::SUCCESS;
    }
    let began = Instant::now();
    let summary = play_many(args.from, args.schedules, args.bug);
    println!(
        "{} schedules, {} steps, {} faults, {} executions, {} requests ended, in {:.0} s",
        summary.schedules,
        summary.steps,
        summary.faults,
        summary.executions,
        summary.ended,
        began.elapsed().as_secs_f64()
    );
    for failure in &summary.failures {
        println!("seed {}: {}\n  replay it: make simulate ARGS=\"--seed {}\"", failure.seed, failure.violation, failure.seed);
    }
    if summary.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

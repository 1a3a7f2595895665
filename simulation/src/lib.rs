//! The simulation: the decisions of orchestrator and agent, as the product makes them, over a network and clock that lose, double,
//! reorder and delay, and a world in which any party dies, is stopped and comes back at any step. Everything follows from a seed.
//!
//! What is played is the product's own pure code: `chiffon_engine::domain` and `chiffon_requests::domain` (task and request states, claims, results, offers,
//! retries, people's decisions) and `chiffon_worker::machine`. What surrounds it there with SQL, AMQP and files is here
//! plain memory with the same transactions, the same crashes between them, and the same things that survive.

mod agent;
mod bug;
mod invariants;
mod network;
mod orchestrator;
mod records;
mod trace;
mod world;

use std::fmt::Write as _;

pub use bug::Bug;
pub use invariants::{
    APPROVED_AS_SEEN, APPROVED_ONCE, AUDIT_WHOLE, ENDS_STAY, HOSTS_APART, IN_ORDER, KEPT_APART, LEFT_OUT, NO_OLD_PLAN, NOT_REPEATED,
    NOT_SIDE_BY_SIDE, ONCE, RECORDS_TRUE, Violation,
};
pub use trace::Trace;
pub use world::Finished;

/// A schedule that broke a promise.
#[derive(Debug)]
pub struct Failure {
    /// Its seed.
    pub seed: u64,
    /// The promise.
    pub violation: Violation,
}

/// Many schedules.
#[derive(Debug, Default)]
pub struct Summary {
    /// Schedules played to their end.
    pub schedules: u64,
    /// Steps taken.
    pub steps: u64,
    /// Faults injected.
    pub faults: u64,
    /// Attempts executed.
    pub executions: u64,
    /// Requests that ended; the others wait for a person or an agent, and say so.
    pub ended: u64,
    /// The first schedule of each thread that failed.
    pub failures: Vec<Failure>,
}

/// Plays one schedule.
pub fn play(seed: u64, bug: Option<Bug>) -> Result<Finished, Violation> {
    world::World::new(seed, bug, Trace::off()).play()
}

/// Plays one schedule again and tells it step by step.
pub fn replay(seed: u64, bug: Option<Bug>) -> String {
    let mut world = world::World::new(seed, bug, Trace::on());
    let end = world.play();
    let mut story = world.trace.lines().join("\n");
    match end {
        Ok(finished) => drop(write!(story, "\n{finished:?}")),
        Err(violation) => drop(write!(story, "\n{violation}")),
    }
    story
}

/// Plays `count` schedules from a seed on, spread over the machine's cores. Each core stops at its first failure.
pub fn play_many(from: u64, count: u64, bug: Option<Bug>) -> Summary {
    let threads = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let parts = std::thread::scope(|scope| {
        let part = |thread: u64| move || play_some((from + thread..from + count).step_by(usize::try_from(threads).unwrap_or(1)), bug);
        let running: Vec<_> = (0..threads).map(|thread| scope.spawn(part(thread))).collect();
        running.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect::<Vec<_>>()
    });
    parts.into_iter().fold(Summary::default(), |mut all, part| {
        all.schedules += part.schedules;
        all.steps += part.steps;
        all.faults += part.faults;
        all.executions += part.executions;
        all.ended += part.ended;
        all.failures.extend(part.failures);
        all
    })
}

fn play_some(seeds: impl Iterator<Item = u64>, bug: Option<Bug>) -> Summary {
    let mut summary = Summary::default();
    for seed in seeds {
        match play(seed, bug) {
            Ok(finished) => {
                summary.schedules += 1;
                summary.steps += finished.steps;
                summary.faults += u64::from(finished.faults);
                summary.executions += u64::from(finished.executions);
                summary.ended += u64::from(finished.ended);
            }
            Err(violation) => {
                summary.failures.push(Failure { seed, violation });
                break;
            }
        }
    }
    summary
}

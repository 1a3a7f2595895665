//! Saying who this agent is: at the start, after each reconnect, when its catalogue or hosts change, when what made it decline work
//! has passed, and when asked.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use chiffon_process::retry::Policy;
use chiffon_protocol::message::{AgentHello, Unfinished};
use chiffon_protocol::{envelope, topology};
use chrono::{DateTime, TimeDelta};

use super::heartbeat;
use super::sender::REPORT_VALID;
use super::shared::Shared;

/// A clock that differs by more was set; by less it was only steered.
const CLOCK_WAS_SET: TimeDelta = TimeDelta::seconds(10);

const MOST_PROBLEMS: usize = 20;
const LONGEST_PROBLEM: usize = 1_000;

/// Greets until the worker closes; the first greeting has been said by [`say`].
pub(super) async fn run(shared: Arc<Shared>) {
    let mut status = shared.bus.status();
    let mut look = tokio::time::interval(shared.options.refresh_every);
    look.tick().await;
    let mut clock = clock_offset(&shared);
    loop {
        tokio::select! {
            () = shared.closing.cancelled() => return,
            () = shared.hello_wanted.notified() => {}
            () = Shared::reconnected(&mut status) => {}
            _ = look.tick() => {
                let changes = [
                    (shared.kind.refresh().await, "the catalogue, the hosts or the secrets changed"),
                    (journal_is_back(&shared).await, "the journal can be written again"),
                    ((clock_offset(&shared) - clock).abs() > CLOCK_WAS_SET, "the machine's clock was set"),
                ];
                let Some((_, what)) = changes.iter().find(|(is_so, _)| *is_so) else { continue };
                clock = clock_offset(&shared);
                tracing::info!("{what}; saying hello again");
            }
        }
        say(&shared).await;
    }
}

/// Whether the journal, of which an attempt could not be written, takes one now.
async fn journal_is_back(shared: &Arc<Shared>) -> bool {
    if !shared.journal_failed.load(Ordering::Relaxed) {
        return false;
    }
    let prober = Arc::clone(shared);
    let is_back = Shared::on_disk(move || prober.journal.probe()).await.is_ok();
    if is_back {
        shared.journal_failed.store(false, Ordering::Relaxed);
    }
    is_back
}

/// The time of day less the time since the boot: it stays as it is until somebody sets the clock.
fn clock_offset(shared: &Shared) -> TimeDelta {
    let elapsed = TimeDelta::from_std(shared.clock.elapsed()).unwrap_or_default();
    shared.clock.now() - DateTime::UNIX_EPOCH - elapsed
}

/// Says hello until the broker has it, or the worker closes.
pub(super) async fn say(shared: &Shared) {
    let figures = heartbeat::figures(shared).await;
    let mut delays = Policy::RECONNECT.delays();
    loop {
        let hello = AgentHello {
            agent_id: shared.options.agent_id.clone(),
            agent_type: shared.kind.entry().name.clone(),
            hostname: shared.options.hostname.clone(),
            incarnation: shared.journal.incarnation(),
            version: shared.options.version.clone(),
            protocol: vec![envelope::VERSION],
            journal_id: shared.journal.id(),
            labels: shared.kind.labels(),
            resources: figures.resources(),
            hosts: shared.kind.hosts(),
            actions: shared.kind.catalogue(),
            not_offered: shared.kind.not_offered(),
            unfinished: unfinished(shared),
            problems: told([shared.journal.problems().to_vec(), shared.kind.problems()].concat()),
        };
        let Err(error) = shared.sender.send(topology::CLAIMS, &shared.sender.own_trace(), hello, REPORT_VALID).await else { return };
        tracing::debug!(%error, "hello could not be said yet");
        let delay = delays.next_delay().unwrap_or(Policy::RECONNECT.longest);
        tokio::select! {
            () = shared.closing.cancelled() => return,
            () = shared.tasks.shutdown().draining() => return,
            () = tokio::time::sleep(delay) => {}
        }
    }
}

/// A hello stays small, however much is wrong.
fn told(mut problems: Vec<String>) -> Vec<String> {
    let more = problems.len().saturating_sub(MOST_PROBLEMS);
    problems.truncate(MOST_PROBLEMS);
    let mut told: Vec<String> = problems.iter().map(|problem| problem.chars().take(LONGEST_PROBLEM).collect()).collect();
    if more > 0 {
        told.push(format!("and {more} more, which the agent's log names"));
    }
    told
}

fn unfinished(shared: &Shared) -> Vec<Unfinished> {
    shared
        .attempts()
        .values()
        .map(|attempt| {
            let (task_id, number) = attempt.key();
            Unfinished { task_id, attempt: number, state: attempt.state.borrow().as_str().to_owned() }
        })
        .collect()
}

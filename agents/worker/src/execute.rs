//! Running what was granted: `starting` is journalled before anything executes, the result before anybody hears of it.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chiffon_protocol::message::{Outcome, ResultStatus, WorkRequest, WorkResult};
use chiffon_protocol::{ErrorCode, Problem};

use chiffon_process::panic::{Panicked, caught};

use super::attempt::Attempt;
use super::background;
use super::journal::Cursor;
use super::kind::{Ending, RunOutcome};
use super::machine::{self, Begin, State};
use super::recover::{changes, hosts_of, what_was_done};
use super::report;
use super::run_context::CancelCause;
use super::shared::Shared;
use super::time_limit::TimeLimit;
use super::traced;

/// An attempt that belongs to this agent.
#[derive(Debug)]
pub(super) struct Granted {
    pub(super) attempt: Arc<Attempt>,
    pub(super) work: Arc<WorkRequest>,
    pub(super) start_before: Duration,
}

/// Runs a granted attempt and leaves its result to the reporter.
pub(super) async fn run(shared: &Arc<Shared>, granted: Granted) {
    let Granted { attempt, work, start_before } = granted;
    let began = shared.clock.elapsed();
    let started = start(shared, &attempt, start_before).await;
    report::spawn(shared, &attempt);
    let outcome = match started {
        Ok(()) => execute(shared, &attempt, &work).await,
        Err(ended) => ended,
    };
    let duration = shared.clock.elapsed().saturating_sub(began);
    let result = result_of(shared, &attempt, outcome, duration);
    tracing::info!(task_id = %work.task_id, attempt = work.attempt, outcome = ?result.outcome, seconds = result.duration_seconds, "the run ended");
    traced::finish(shared, &attempt, result).await;
}

/// How a run ends that never began, or as the kind says.
enum Ended {
    Ran(Box<RunOutcome>),
    NeverStarted(Problem),
    CancelledBefore(String),
}

/// Journals that it starts; the reason where it must not.
async fn start(shared: &Arc<Shared>, attempt: &Arc<Attempt>, start_before: Duration) -> Result<(), Ended> {
    let late = || {
        let text = "the grant came later than it was good for; nothing was started, and the task is offered again";
        Ended::NeverStarted(Problem::new(ErrorCode::Unclaimed, text))
    };
    let by_a_person = match attempt.cancel.cause() {
        Some(CancelCause::Person(reason)) => Some(reason),
        Some(CancelCause::AgentStops) | None => None,
    };
    match machine::begin(shared.clock.elapsed(), start_before, by_a_person.is_some()) {
        Begin::Yes => {}
        Begin::TooLate => return Err(late()),
        Begin::Cancelled => return Err(Ended::CancelledBefore(by_a_person.unwrap_or_default())),
    }
    let now = shared.clock.now();
    let journalled = attempt
        .change(move |record| {
            record.state = State::Starting;
            record.started_at = Some(now);
        })
        .await;
    if let Err(error) = journalled {
        let text = format!("the journal can't be written ({error}), so nothing was started; make room on the agent's disk");
        return Err(Ended::NeverStarted(Problem::new(ErrorCode::JournalUnavailable, text)));
    }
    match machine::begin(shared.clock.elapsed(), start_before, false) {
        Begin::TooLate => Err(late()),
        Begin::Yes | Begin::Cancelled => Ok(()),
    }
}

async fn execute(shared: &Arc<Shared>, attempt: &Arc<Attempt>, work: &WorkRequest) -> Ended {
    let scratch = shared.scratch().join(format!("{}.{}", work.task_id, work.attempt));
    if let Err(error) = private_folder(&scratch) {
        let text = format!("{} can't be made: {error}; make the agent's data directory writable", scratch.display());
        return Ended::NeverStarted(Problem::new(ErrorCode::DataDirUnusable, text));
    }
    attempt.progress.set(0, "Starting");
    let context = attempt.context(&shared.options.agent_id, scratch.clone(), &shared.clock);
    let marker = context.marker.clone();
    let outcome = match caught(shared.kind.run(work, context)).await {
        Ok(outcome) => outcome,
        Err(panicked) => after_panic(shared, attempt, work, &marker, &panicked).await,
    };
    if let Err(error) = std::fs::remove_dir_all(&scratch) {
        tracing::warn!(folder = %scratch.display(), %error, "a run's private folder could not be removed; the next start tries again");
    }
    Ended::Ran(Box::new(outcome))
}

/// A mistake of ours ends this run and no other: what it left running is stopped, and what it had done is told from its log.
async fn after_panic(shared: &Arc<Shared>, attempt: &Attempt, work: &WorkRequest, marker: &str, panicked: &Panicked) -> RunOutcome {
    let stopped = shared.kind.find_and_stop_leftovers(marker).await;
    TimeLimit::clear(marker);
    let left = background::end(shared, attempt, marker).await.unwrap_or_default();
    let events = attempt.log().read(&mut Cursor::default(), usize::MAX, usize::MAX).unwrap_or_default();
    let changes = changes(&events, work.mode);
    let text =
        format!("the agent could not follow this run ({panicked}), so it was stopped; {}", what_was_done(&events, work.mode, stopped));
    tracing::error!(task_id = %work.task_id, attempt = work.attempt, "{text}");
    let hosts = hosts_of(&events, &left);
    RunOutcome { changed: !changes.is_empty(), warnings: background::warnings(&hosts), hosts, ..RunOutcome::internal(text) }
}

fn private_folder(path: &Path) -> std::io::Result<()> {
    if path.exists() {
        std::fs::remove_dir_all(path)?;
    }
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn result_of(shared: &Shared, attempt: &Attempt, ended: Ended, duration: Duration) -> WorkResult {
    let (outcome, run) = match ended {
        Ended::Ran(run) => (outcome_of(&run.ending, attempt.cancel.cause()), *run),
        Ended::NeverStarted(problem) => (Outcome::NotStarted, RunOutcome::failed(problem)),
        Ended::CancelledBefore(reason) => {
            let text = format!("cancelled before it started ({reason}); nothing was changed");
            let problem = Problem::new(ErrorCode::CancelledByPerson, text.clone());
            (Outcome::Cancelled, RunOutcome::new(Ending::Cancelled(problem), text))
        }
    };
    let mut result = bare_result(shared, attempt, outcome, run.output);
    result.duration_seconds = duration.as_secs_f64();
    result.resource_usage = run.usage;
    result.exit_code = run.exit_code;
    result.changed = run.changed;
    result.hosts = run.hosts;
    result.outputs = run.outputs;
    result.warnings = run.warnings;
    result.preview = run.preview;
    result.variables = run.variables;
    result.error = match run.ending {
        Ending::Succeeded => None,
        Ending::Cancelled(problem) if outcome == Outcome::Interrupted => {
            let text = format!("the agent was stopped while this ran: {}", problem.message);
            Some(Problem::new(ErrorCode::Interrupted, text).with_details(problem.details).into())
        }
        Ending::Failed(problem) | Ending::Cancelled(problem) => Some(problem.into()),
    };
    result
}

/// A run that was stopped because the agent stops was interrupted, not cancelled by anybody.
fn outcome_of(ending: &Ending, cause: Option<CancelCause>) -> Outcome {
    match (ending, cause) {
        (Ending::Succeeded, _) => Outcome::Succeeded,
        (Ending::Failed(_), _) => Outcome::Failed,
        (Ending::Cancelled(_), Some(CancelCause::AgentStops)) => Outcome::Interrupted,
        (Ending::Cancelled(_), _) => Outcome::Cancelled,
    }
}

/// A result that says how it ended and nothing else yet.
pub(super) fn bare_result(shared: &Shared, attempt: &Attempt, outcome: Outcome, output: String) -> WorkResult {
    let (task_id, number) = attempt.key();
    WorkResult {
        task_id,
        status: if outcome == Outcome::Succeeded { ResultStatus::Completed } else { ResultStatus::Failed },
        output,
        duration_seconds: 0.0,
        resource_usage: chiffon_protocol::message::ResourceUsage::default(),
        attempt: number,
        agent_id: shared.options.agent_id.clone(),
        exit_code: None,
        changed: false,
        hosts: Vec::new(),
        outputs: serde_json::Map::new(),
        last_seq: attempt.log().last_seq(),
        error: None,
        outcome: Some(outcome),
        warnings: Vec::new(),
        preview: None,
        variables: None,
        // What was journalled as starting and then came too late was never begun.
        started_at: attempt.record().started_at.filter(|_| outcome != Outcome::NotStarted),
        events: Vec::new(),
    }
}

/// Takes an attempt out of the journal: it was refused, or everything about it is stored.
pub(super) async fn forget(shared: &Shared, attempt: &Arc<Attempt>) {
    if let Err(error) = attempt.forget().await {
        tracing::warn!(attempt = ?attempt.key(), %error, "a finished attempt could not be taken out of the journal");
    }
    shared.attempts().remove(&attempt.key());
}

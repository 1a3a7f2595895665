//! Running one play from its start to its outcome.

use std::collections::BTreeSet;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use chiffon_protocol::message::{Metrics, Mode};
use chiffon_protocol::{ErrorCode, Problem};
use serde_json::{Map, Value};
use tokio::process::{Child, ChildStderr, ChildStdout};
use tokio::time::Instant;

use super::command;
use super::events::Observer;
use super::granted;
use super::lines::{Line, Lines};
use super::stop::{Stop, StopReason};
use super::usage::Usage;
use super::variables::{self, Binding};
use super::{dry_run, host_processes, long_results, outcome, progress};
use crate::ansible_config::CALLBACKS;
use crate::catalogue::Action;
use crate::inventory::not_found;
use crate::redact::Redactor;
use crate::redact::vaulted::Vaulted;
use chiffon_worker::cgroup::Group;
use chiffon_worker::time_limit::{GRACE, TimeLimit};
use chiffon_worker::{CancelCause, RunContext, RunOutcome, marker};

/// How often the costs are looked at.
const SAMPLE_EVERY: Duration = Duration::from_millis(500);
/// A process that a play left behind may hold its pipes open; so long they are still read after its end.
const PIPES_END: Duration = Duration::from_secs(2);

/// How long hosts are waited for when the agent itself has to end.
const URGENT_PATIENCE: Duration = Duration::from_secs(10);

/// What is to be run.
#[derive(Debug)]
pub(crate) struct Play {
    pub(crate) action: Action,
    /// Defaults filled in, secrets resolved.
    pub(crate) parameters: Map<String, Value>,
    pub(crate) hosts: Vec<String>,
    pub(crate) mode: Mode,
    pub(crate) timeout: Duration,
    pub(crate) program: PathBuf,
    pub(crate) inventory: PathBuf,
    /// Hosts that are this machine.
    pub(crate) here: BTreeSet<String>,
    pub(crate) playbooks: PathBuf,
    pub(crate) binding: Binding,
    pub(crate) redactor: Redactor,
}

fn prepare_callbacks(scratch: &Path) -> io::Result<Vaulted> {
    dry_run::prepare(scratch)?;
    long_results::prepare(scratch)?;
    progress::prepare(scratch)?;
    Vaulted::prepare(scratch)
}

/// Runs it. Nothing slow stands between the call and the process.
pub(crate) async fn run(play: Play, context: RunContext) -> RunOutcome {
    let parameters = match command::write_variables(&context.scratch, &play.parameters) {
        Ok(path) => path,
        Err(error) => {
            let text = format!("the parameters can't be written to {}: {error}", context.scratch.display());
            return RunOutcome::failed(Problem::new(ErrorCode::DataDirUnusable, text));
        }
    };
    let vaulted = match prepare_callbacks(&context.scratch) {
        Ok(vaulted) => vaulted,
        Err(error) => {
            let text = format!("the callbacks that watch the play can't be written to {}: {error}", context.scratch.display());
            return RunOutcome::failed(Problem::new(ErrorCode::DataDirUnusable, text));
        }
    };
    let granted = match granted::prepare(&context.scratch, &play) {
        Ok(path) => path,
        Err(error) => {
            let text = format!("what keeps the play to its hosts can't be written to {}: {error}", context.scratch.display());
            return RunOutcome::failed(Problem::new(ErrorCode::DataDirUnusable, text));
        }
    };
    let bound = match variables::prepare(&context.scratch, &play) {
        Ok(path) => path,
        Err(error) => {
            let text = format!("what binds the play to its hosts' variables can't be written to {}: {error}", context.scratch.display());
            return RunOutcome::failed(Problem::new(ErrorCode::DataDirUnusable, text));
        }
    };
    let mut command = command::run(&play, &parameters, &context.marker);
    let callbacks =
        command.as_std().get_envs().find(|(name, _)| *name == CALLBACKS).and_then(|(_, folders)| folders).map(ToOwned::to_owned);
    command.envs(vaulted.environment(&callbacks.unwrap_or_default())).env(granted::VARIABLE, granted).env(variables::VARIABLE, bound);
    // Dropped at the end of the run; what lives when this process has been killed is ended by it (RELIABILITY 13).
    let _limit = match TimeLimit::begin(&context.marker, play.timeout.saturating_add(GRACE)) {
        Ok(limit) => limit,
        Err(error) => {
            let text =
                format!("`/bin/sh` can't be run ({error}), so nobody would keep the time limit if this agent died; nothing was started");
            return RunOutcome::failed(Problem::new(ErrorCode::ResourcesExhausted, text));
        }
    };
    let child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return RunOutcome::failed(not_found(&play.program, &error)),
    };
    let redactor = play.redactor.clone().with_vaulted(vaulted);
    let observer = Observer::new(play.mode, &play.hosts, redactor, context.events.clone(), context.progress.clone());
    let mut watched = Watch::new(child, observer, &play).run(&context).await;
    if watched.is_cut_off() {
        let left = marker::stop_all(&context.marker).await;
        let reason = watched.stop.as_ref().map(|stop| &stop.reason);
        // Whoever waits for an agent that ends may kill it.
        let is_urgent = reason == Some(&StopReason::Cancelled(CancelCause::AgentStops));
        let patience = if is_urgent { URGENT_PATIENCE } else { host_processes::PATIENCE };
        let background = &watched.observer.background;
        let reach = host_processes::Reach::of(&play);
        let clean = host_processes::end(reach, &context.marker, background.open(), background.touched(), patience).await;
        tracing::info!(marker = context.marker, ?reason, left, "a play was stopped, or died");
        watched.observer.stopped(&clean);
    } else if let Some(group) = Group::find(&context.marker) {
        // A service that the play has started on this machine may live on in it, and is to.
        group.remove().await;
    }
    outcome::judge(&play, watched.observer.finish(), watched.exit, watched.stop.as_ref().map(|stop| &stop.reason), watched.usage.total())
}

/// A running play and what has been seen of it.
struct Watch {
    child: Child,
    group: i32,
    stdout: Option<Lines<ChildStdout>>,
    stderr: Option<Lines<ChildStderr>>,
    observer: Observer,
    usage: Usage,
    sampled: Instant,
    stop: Option<Stop>,
    exit: Option<ExitStatus>,
    pipes_until: Option<Instant>,
    deadline: Instant,
}

impl Watch {
    fn new(mut child: Child, observer: Observer, play: &Play) -> Self {
        let group = child.id().and_then(|pid| i32::try_from(pid).ok()).unwrap_or(0);
        Self {
            group,
            stdout: child.stdout.take().map(Lines::new),
            stderr: child.stderr.take().map(Lines::new),
            child,
            observer,
            usage: Usage::of(group),
            sampled: Instant::now(),
            stop: None,
            exit: None,
            pipes_until: None,
            deadline: Instant::now() + play.timeout,
        }
    }

    async fn run(mut self, context: &RunContext) -> Self {
        let mut sample = tokio::time::interval(SAMPLE_EVERY);
        while self.exit.is_none() || self.stdout.is_some() || self.stderr.is_some() {
            tokio::select! {
                line = next(&mut self.stdout) => self.out(line),
                line = next(&mut self.stderr) => {
                    match line {
                        Some(line) => self.observer.error(line),
                        None => self.stderr = None,
                    }
                }
                exit = self.child.wait(), if self.exit.is_none() => {
                    self.exit = Some(exit.unwrap_or_default());
                    self.pipes_until = Some(Instant::now() + PIPES_END);
                }
                _ = sample.tick(), if self.exit.is_none() => context.progress.set_metrics(self.sample()),
                cause = context.cancel.cancelled(), if self.stop.is_none() && self.exit.is_none() => self.stop(StopReason::Cancelled(cause)),
                () = until(Some(self.deadline)), if self.stop.is_none() && self.exit.is_none() => self.stop(StopReason::TimedOut),
                () = until(self.stop.as_ref().and_then(Stop::due)) => self.harder(),
                () = until(self.pipes_until) => break,
            }
        }
        self
    }

    /// Whether it was stopped, or died in the middle: what it has begun on its hosts may go on without it.
    fn is_cut_off(&self) -> bool {
        let killed = self.exit.is_none_or(|exit| exit.signal().is_some());
        let died = self.observer.seen.stats.is_none() && (killed || !self.observer.background.under_way().is_empty());
        self.stop.is_some() || died
    }

    fn out(&mut self, line: Option<Line>) {
        let Some(line) = line else {
            self.stdout = None;
            return;
        };
        self.observer.out(line);
        if self.stop.is_none()
            && let Some(beyond) = self.observer.seen.beyond.clone()
        {
            self.stop(StopReason::HostsExceed(beyond));
        }
    }

    fn stop(&mut self, reason: StopReason) {
        self.stop = Some(Stop::begin(reason, self.group));
    }

    /// The group did not listen. What left the group is found by its marker once the play itself has ended.
    fn harder(&mut self) {
        if let Some(stop) = &mut self.stop {
            stop.harder();
        }
    }

    fn sample(&mut self) -> Metrics {
        let since_last = self.sampled.elapsed();
        self.sampled = Instant::now();
        self.usage.sample(since_last)
    }
}

/// The next line of a pipe; a pipe that fails has ended, one that is gone never answers.
async fn next<R: tokio::io::AsyncRead + Unpin>(pipe: &mut Option<Lines<R>>) -> Option<Line> {
    match pipe {
        Some(lines) => lines.next().await.ok().flatten(),
        None => std::future::pending().await,
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

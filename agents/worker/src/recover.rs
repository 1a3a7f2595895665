//! A start after a stop or a kill: what the predecessor left running is stopped, and each attempt it left open gets a result.
//!
//! Nothing is run again here. What may have been executed is reported as interrupted; what provably was not, as not started.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chiffon_protocol::message::{HostResult, HostStatus, LogEvent, Mode, Outcome, WorkResult};
use chiffon_protocol::{ErrorCode, Problem};

use super::attempt::Attempt;
use super::background;
use super::execute::bare_result;
use super::journal::Cursor;
use super::machine::{self, Recovered, State};
use super::marker;
use super::run_context::NewEvent;
use super::shared::Shared;
use super::time_limit::TimeLimit;
use super::traced;

/// At most this many changes are named in an interrupted attempt's summary; the log has them all.
const NAMED: usize = 20;

/// At most this many tasks that changed a host are named in its result.
pub const NAMED_CHANGES: usize = 100;

/// The kind of the event which says that a task of a dry run ran for real and changed its host.
pub const MADE: &str = "changed_for_real";

/// Settles everything that the journal holds, and gives it back to be reported. Runs before the first hello.
pub(super) async fn run(shared: &Arc<Shared>) -> std::io::Result<Vec<Arc<Attempt>>> {
    let mut settled = Vec::new();
    for found in shared.journal.attempts() {
        let attempt = Arc::new(Attempt::new(&shared.journal, found, shared.options.max_log_bytes)?);
        let (task_id, number) = attempt.key();
        shared.attempts().insert(attempt.key(), Arc::clone(&attempt));
        if attempt.result().is_none() {
            let marker = marker::of(&shared.options.agent_id, task_id, number);
            let stopped = shared.kind.find_and_stop_leftovers(&marker).await;
            TimeLimit::clear(&marker);
            let left = background::end(shared, &attempt, &marker).await?;
            let result = match machine::recovered(attempt.record().state, false) {
                Recovered::NotStarted => not_started(shared, &attempt),
                Recovered::Interrupted | Recovered::Report => interrupted(shared, &attempt, stopped, &left)?,
            };
            tracing::warn!(%task_id, attempt = number, outcome = ?result.outcome, stopped, "the journal holds an attempt that was cut off");
            traced::finish(shared, &attempt, result).await;
        }
        attempt.state.send_replace(State::Finished);
        settled.push(attempt);
    }
    // Extra-vars of killed runs may hold secrets. Nobody writes there any more: what ran was stopped above.
    match std::fs::remove_dir_all(shared.scratch()) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    Ok(settled)
}

/// What is said of an attempt that the journal proves never to have started.
pub(super) fn not_started(shared: &Shared, attempt: &Attempt) -> WorkResult {
    let text = "the agent was stopped before this started; nothing was changed";
    let mut result = bare_result(shared, attempt, Outcome::NotStarted, text.to_owned());
    result.error = Some(Problem::new(ErrorCode::Interrupted, text).into());
    result
}

fn interrupted(shared: &Shared, attempt: &Attempt, stopped: usize, left: &BTreeSet<String>) -> std::io::Result<WorkResult> {
    let now = shared.clock.now();
    let mode = attempt.mode();
    let (text, last_at, changed, hosts) = {
        let mut log = attempt.log();
        let events = log.read(&mut Cursor::default(), usize::MAX, usize::MAX)?;
        let text = match mode {
            Mode::Apply => format!("the agent was killed while this ran, so it is partly done; {}", what_was_done(&events, mode, stopped)),
            Mode::Check => format!("the agent was killed while this ran; {}", what_was_done(&events, mode, stopped)),
        };
        log.add(NewEvent::text("warning", text.clone()), now);
        (text, events.last().map(|event| event.at), !changes(&events, mode).is_empty(), hosts_of(&events, left))
    };
    let mut result = bare_result(shared, attempt, Outcome::Interrupted, text.clone());
    if let (Some(started), Some(ended)) = (attempt.record().started_at, last_at) {
        result.duration_seconds = (ended - started).to_std().unwrap_or_default().as_secs_f64();
    }
    result.changed = changed;
    result.warnings = background::warnings(&hosts);
    result.hosts = hosts;
    let details = serde_json::json!({ "processes_stopped": stopped });
    result.error = Some(Problem::new(ErrorCode::Interrupted, text).with_details(details).into());
    Ok(result)
}

/// What the log proves to have been changed, as tasks on hosts: in check mode only what ran for real all the same.
pub(super) fn changes(events: &[LogEvent], mode: Mode) -> Vec<String> {
    let kind = if mode == Mode::Check { MADE } else { "task_changed" };
    events
        .iter()
        .filter(|event| event.kind == kind)
        .map(|event| format!("\"{}\" on {}", event.name.as_deref().unwrap_or("?"), event.host.as_deref().unwrap_or("?")))
        .collect()
}

/// What the log proves of each host of a run that was cut off.
pub(super) fn hosts_of(events: &[LogEvent], left: &BTreeSet<String>) -> Vec<HostResult> {
    let mut hosts: BTreeMap<&str, HostResult> = BTreeMap::new();
    for event in events {
        let Some(name) = event.host.as_deref() else { continue };
        let host = hosts.entry(name).or_insert_with(|| HostResult { host: name.to_owned(), ..HostResult::default() });
        match event.kind.as_str() {
            "task_ok" => host.ok += 1,
            "task_changed" => {
                host.ok += 1;
                host.changed += 1;
                if host.changes.len() < NAMED_CHANGES {
                    host.changes.extend(event.name.clone());
                }
            }
            MADE if host.made.len() < NAMED_CHANGES => host.made.extend(event.name.clone()),
            "task_skipped" => host.skipped += 1,
            "task_failed" => {
                host.failed += 1;
                host.message = Some(event.text.clone());
            }
            "host_unreachable" => {
                host.status = HostStatus::Unreachable;
                host.message = Some(event.text.clone());
            }
            _ => {}
        }
    }
    let mut hosts = hosts.into_values().collect();
    background::keep(&mut hosts, left, events);
    hosts
}

/// What a cut-off run had done, from its log, and what to do.
pub(super) fn what_was_done(events: &[LogEvent], mode: Mode, stopped: usize) -> String {
    let done = changes(events, mode);
    let mut parts = vec![match (mode, done.len()) {
        (Mode::Check, 0) => "it was a dry run, and its log shows no task that ran for real by then".to_owned(),
        (Mode::Apply, 0) => "the log shows no change by then, and what was under way may have made one".to_owned(),
        (_, count) if count > NAMED => format!("changed by then: {} and {} more", done[..NAMED].join(", "), count - NAMED),
        (_, _) => format!("changed by then: {}", done.join(", ")),
    }];
    if let Some(name) = events.iter().rev().find(|event| event.kind == "task_started").and_then(|event| event.name.as_deref()) {
        parts.push(format!("the last task that was started is \"{name}\""));
    }
    if stopped > 0 {
        parts.push(format!("{stopped} processes that it left running were stopped"));
    }
    let next = match mode {
        Mode::Check => "Ask for the plan again",
        Mode::Apply => "Only the hosts show how far it came",
    };
    format!("{}. {next}", parts.join("; "))
}

//! What a play came to: its statistics and its exit code decide, because an ignored failure looks like a real one and a
//! pattern without hosts exits with 0.

use std::collections::BTreeMap;
use std::process::ExitStatus;

use chiffon_protocol::action::Risk;
use chiffon_protocol::message::{HostStatus, Mode, ResourceUsage};
use chiffon_protocol::{ErrorCode, Problem};
use serde_json::{Map, Value, json};

use super::cure;
use super::hosts;
use super::run::Play;
use super::seen::{HostStats, Seen};
use super::stop::StopReason;
use super::variables;
use crate::inventory;
use chiffon_worker::{CancelCause, Ending, RunOutcome};

/// At most this many changes are named in a summary; the log has them all.
const NAMED: usize = 20;

/// The outcome of a play that has ended.
pub(super) fn judge(play: &Play, seen: Seen, exit: Option<ExitStatus>, stopped: Option<&StopReason>, usage: ResourceUsage) -> RunOutcome {
    // What was done to its end before the stop reached it is done: a completed result wins.
    let completed = seen.stats.is_some() && exit.is_some_and(|exit| exit.success());
    let stopped = stopped.filter(|reason| matches!(reason, StopReason::HostsExceed(_)) || !completed);
    let mut warnings = seen.warnings.clone();
    warnings.extend(made_in_preview(&seen));
    warnings.extend(variables::not_compared(play));
    let unasked = changed_unasked(play, &seen);
    let problem = match stopped {
        Some(reason) => Err(stop_problem(play, &seen, reason)),
        None => verdict(play, &seen, exit)
            .and_then(|()| unasked.clone().map_or(Ok(()), Err))
            .and_then(|()| check_outputs(play, &seen, &mut warnings)),
    };
    // What ended it otherwise is told first.
    warnings.extend(unasked.filter(|unasked| problem.as_ref() != Err(unasked)).map(|unasked| unasked.message));
    let cancelled = matches!(stopped, Some(StopReason::Cancelled(_)));
    let ending = match problem {
        Ok(()) => Ending::Succeeded,
        Err(problem) if cancelled => Ending::Cancelled(problem),
        Err(problem) => Ending::Failed(problem),
    };
    let summary = seen.stats.as_ref().map(summary).unwrap_or_default();
    let output = match &ending {
        Ending::Succeeded => summary,
        Ending::Failed(problem) | Ending::Cancelled(problem) if summary.is_empty() => problem.message.clone(),
        Ending::Failed(problem) | Ending::Cancelled(problem) => format!("{summary}\n{}", problem.message),
    };
    let hosts = hosts::of_play(&play.hosts, &seen, stopped.is_some());
    // What could be looked into is shown, although a host was off; without it nothing was previewed.
    let reached = hosts.iter().any(|host| host.status != HostStatus::Unreachable && host.ok > 0);
    let unreachable_only = matches!(&ending, Ending::Failed(problem) if problem.code == ErrorCode::HostUnreachable);
    let is_dry = play.mode == Mode::Check;
    if is_dry {
        warnings.extend(seen.variables.not_bound(play));
    }
    RunOutcome {
        variables: seen.variables.to_bind(play).filter(|_| is_dry),
        output,
        exit_code: exit.and_then(|exit| exit.code()),
        changed: !seen.changed.is_empty() || seen.stats.as_ref().is_some_and(|stats| stats.values().any(|stats| stats.changed > 0)),
        outputs: seen.outputs.values,
        usage,
        warnings,
        preview: (is_dry && (ending == Ending::Succeeded || (unreachable_only && reached)))
            .then(|| seen.previewing.finish(&hosts, &seen.unstarted, &seen.plays.without_hosts)),
        hosts,
        ending,
    }
}

fn summary(stats: &BTreeMap<String, HostStats>) -> String {
    let lines = stats.iter().map(|(host, stats)| {
        let HostStats { ok, changed, skipped, failures, unreachable, .. } = stats;
        format!("{host}: {ok} ok, {changed} changed, {skipped} skipped, {failures} failed, {unreachable} unreachable")
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn stop_problem(play: &Play, seen: &Seen, reason: &StopReason) -> Problem {
    let done = done(play.mode, seen);
    match reason {
        StopReason::HostsExceed(beyond) => {
            let text = format!(
                "{}, which was not granted (granted: {}), and the play was killed; {done}. Correct {}/playbook.yml, or make it a target",
                beyond.words(),
                play.hosts.join(", "),
                play.action.spec.name
            );
            let details = json!({"host": beyond.on, "task": beyond.task, "held_back": beyond.held_back, "granted": play.hosts});
            Problem::new(ErrorCode::HostsExceedGrant, text).with_details(details)
        }
        StopReason::TimedOut => {
            let text = format!(
                "the play took longer than its {} seconds and was stopped during {}; {done}. Look at the hosts, then raise `timeout_seconds` of `{}` or run it again",
                play.timeout.as_secs(),
                task(seen),
                play.action.spec.name
            );
            Problem::new(ErrorCode::PlayTimeout, text)
                .with_details(json!({"timeout_seconds": play.timeout.as_secs(), "task": seen.current_task}))
        }
        StopReason::Cancelled(cause) => {
            let why = match cause {
                CancelCause::Person(reason) if !reason.is_empty() => format!("cancelled ({reason})"),
                CancelCause::Person(_) => "cancelled".to_owned(),
                CancelCause::AgentStops => "stopped with its agent".to_owned(),
            };
            let text = format!("{why} during {}; {done}", task(seen));
            Problem::new(ErrorCode::CancelledByPerson, text)
                .with_details(json!({"task": seen.current_task, "changed": named(has_changed(play.mode, seen))}))
        }
    }
}

fn task(seen: &Seen) -> String {
    if seen.current_task.is_empty() { "its start".to_owned() } else { format!("\"{}\"", seen.current_task) }
}

/// What really changed: in a dry run only what ran for real.
fn has_changed(mode: Mode, seen: &Seen) -> &[(String, String)] {
    if mode == Mode::Check { &seen.made } else { &seen.changed }
}

fn named(changes: &[(String, String)]) -> Vec<String> {
    changes.iter().map(|(host, task)| format!("\"{task}\" on {host}")).collect()
}

/// What ran for real in a dry run, first of all that a person should know.
fn made_in_preview(seen: &Seen) -> Option<String> {
    let named = named(&seen.made);
    (!named.is_empty()).then(|| format!("changed for real in the preview, because check mode is off for it: {}", first_of(&named)))
}

/// What had been done when a play was stopped.
fn done(mode: Mode, seen: &Seen) -> String {
    let changed = named(has_changed(mode, seen));
    let open: Vec<(String, String)> = seen.under_way.iter().map(|(host, task)| (host.clone(), task.clone())).collect();
    let open = named(&open);
    match (changed.is_empty(), open.is_empty() || mode == Mode::Check) {
        (true, true) => "nothing had been changed by then".to_owned(),
        (true, false) => {
            format!("no task had said by then that it changed something, and what was under way may have: {}", first_of(&open))
        }
        (false, true) => format!("changed by then: {}", first_of(&changed)),
        (false, false) => {
            format!("changed by then: {}; under way, and may have changed something: {}", first_of(&changed), first_of(&open))
        }
    }
}

/// What a run changed whose action says that it only reads, so that nobody was asked.
fn changed_unasked(play: &Play, seen: &Seen) -> Option<Problem> {
    if play.mode == Mode::Check || play.action.spec.risk != Risk::ReadOnly || seen.changed.is_empty() {
        return None;
    }
    let text = format!(
        "`{}` is declared read_only and changed something: {}; set its true risk, or `changed_when: false` where it only reads",
        play.action.spec.name,
        first_of(&named(&seen.changed))
    );
    let changed: Vec<Value> = seen.changed.iter().map(|(host, task)| json!({"host": host, "task": task})).collect();
    Some(Problem::new(ErrorCode::ReadOnlyChanged, text).with_details(json!({"changed": changed})))
}

fn first_of(named: &[String]) -> String {
    let rest = if named.len() > NAMED { format!(" and {} more", named.len() - NAMED) } else { String::new() };
    format!("{}{rest}", named[..named.len().min(NAMED)].join(", "))
}

fn verdict(play: &Play, seen: &Seen, exit: Option<ExitStatus>) -> Result<(), Problem> {
    if let Some(problem) = seen.variables.problem() {
        return Err(problem);
    }
    let Some(stats) = &seen.stats else { return Err(no_statistics(play, seen, exit)) };
    let failed: Vec<&str> = stats.iter().filter(|(_, stats)| stats.failures > 0).map(|(host, _)| host.as_str()).collect();
    let unreachable: Vec<&str> = stats.iter().filter(|(_, stats)| stats.unreachable > 0).map(|(host, _)| host.as_str()).collect();
    if !failed.is_empty() {
        return Err(play_failed(play, seen, &failed, &unreachable));
    }
    if !unreachable.is_empty() {
        return Err(not_reached(play, seen, &unreachable));
    }
    if stats.is_empty() {
        return Err(inventory::broken_since(&play.inventory, &seen.errors).unwrap_or_else(|| no_hosts(play)));
    }
    if exit.is_some_and(|exit| exit.success()) {
        return Ok(());
    }
    let text = format!("ansible-playbook ended with {}: {}", exit_words(exit), last_words(seen));
    Err(Problem::new(ErrorCode::PlayFailed, text))
}

/// Each kind of reason with the hosts that have it, the words of the first, and what helps there.
fn not_reached(play: &Play, seen: &Seen, unreachable: &[&str]) -> Problem {
    let reason = |host: &str| seen.unreachable.get(host).map(String::as_str).unwrap_or_default().trim().trim_end_matches('.');
    let cure = |said: &str, host: &str| {
        cure::of(said, host, &play.inventory).unwrap_or_else(|| {
            format!("see that {host} is on, that its address in the inventory is right, and that this agent's user can log in by `ssh`")
        })
    };
    let mut kinds: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for host in unreachable {
        kinds.entry(cure(reason(host), "HOST")).or_default().push(host);
    }
    let told: Vec<String> = kinds
        .into_values()
        .map(|hosts| {
            format!("{} can't be reached: {}. What helps: {}", hosts.join(", "), reason(hosts[0]), cure(reason(hosts[0]), hosts[0]))
        })
        .collect();
    Problem::new(ErrorCode::HostUnreachable, told.join("; ")).with_details(json!({"hosts": unreachable}))
}

/// The words, with what helps where that is known.
fn with_cure(words: String, host: &str, play: &Play) -> String {
    match cure::of(&words, host, &play.inventory) {
        Some(cure) => format!("{words}. What helps: {cure}"),
        None => words,
    }
}

fn play_failed(play: &Play, seen: &Seen, failed: &[&str], unreachable: &[&str]) -> Problem {
    // The last failure of a host is the one that ended it; those before were ignored or rescued.
    let failures: Vec<_> = failed.iter().filter_map(|host| seen.failures.iter().rev().find(|failure| failure.host == *host)).collect();
    let Some(first) = failures.first() else {
        return Problem::new(ErrorCode::PlayFailed, format!("the play failed on {}; its log says where", failed.join(", ")));
    };
    let words = with_cure(first.message.trim().to_owned(), &first.host, play);
    let mut text = format!("task \"{}\" ({}) failed on {}: {words}", first.task, first.place, first.host);
    if failed.len() > 1 {
        let others: Vec<&str> = failed.iter().filter(|host| **host != first.host).copied().collect();
        text.extend(["; it failed also on ", &others.join(", ")]);
    }
    if !unreachable.is_empty() {
        text.extend(["; not reachable: ", &unreachable.join(", ")]);
    }
    let details = failures
        .iter()
        .map(|failure| json!({"host": failure.host, "task": failure.task, "place": failure.place, "message": failure.message}));
    Problem::new(ErrorCode::PlayFailed, text).with_details(json!({"failures": details.collect::<Vec<_>>(), "unreachable": unreachable}))
}

fn no_hosts(play: &Play) -> Problem {
    let hosts = play.hosts.join(", ");
    let text = format!(
        "no host of the inventory fits both the play's `hosts:` and the granted {hosts}; correct the `hosts:` of {}/playbook.yml, or the inventory",
        play.action.spec.name
    );
    Problem::new(ErrorCode::NoHostsMatched, text).with_details(json!({"hosts": play.hosts}))
}

/// Without statistics the play never began, or was killed.
fn no_statistics(play: &Play, seen: &Seen, exit: Option<ExitStatus>) -> Problem {
    if seen.current_task.is_empty()
        && let Some(problem) = inventory::broken_since(&play.inventory, &seen.errors)
    {
        return problem;
    }
    let errors = with_cure(last_words(seen), &play.hosts.join(","), play);
    if errors.contains("does not match any hosts") {
        return no_hosts(play);
    }
    if exit.is_some_and(|exit| exit.code().is_some_and(|code| code != 0)) && seen.current_task.is_empty() {
        let text = format!("{}/playbook.yml can't be run: {errors}", play.action.spec.name);
        return Problem::new(ErrorCode::PlaybookSyntax, text);
    }
    let text = format!(
        "ansible-playbook ended with {} during {}, without a summary; {}. {errors}",
        exit_words(exit),
        task(seen),
        done(play.mode, seen)
    );
    Problem::new(ErrorCode::PlayFailed, text)
}

fn last_words(seen: &Seen) -> String {
    let words = seen.errors.trim();
    if words.is_empty() { "it said nothing; the log has all there is".to_owned() } else { words.to_owned() }
}

fn exit_words(exit: Option<ExitStatus>) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match exit {
        Some(exit) => match (exit.code(), exit.signal()) {
            (Some(code), _) => format!("exit code {code}"),
            (None, Some(signal)) => format!("signal {signal}"),
            (None, None) => "an unknown status".to_owned(),
        },
        None => "an unknown status".to_owned(),
    }
}

/// Outputs must fit what the action promises, because later steps take them. A dry run may lack some.
fn check_outputs(play: &Play, seen: &Seen, warnings: &mut Vec<String>) -> Result<(), Problem> {
    let of_host = |(host, outputs): (Option<&str>, Map<String, Value>)| {
        let told = play.action.output_findings(&outputs).into_iter();
        told.map(|finding| host.map_or_else(|| finding.clone(), |host| format!("{host}: {finding}"))).collect::<Vec<_>>()
    };
    let findings: Vec<String> = seen.outputs.of_each_host().into_iter().flat_map(of_host).collect();
    if findings.is_empty() {
        return Ok(());
    }
    let said: Vec<String> = seen.outputs.too_long.iter().chain(&findings).cloned().collect();
    let text = format!("the play's outputs do not fit `outputs` of {}/action.yml: {}", play.action.spec.name, said.join("; "));
    if play.mode == Mode::Check {
        warnings.push(format!("in the preview, {text}"));
        return Ok(());
    }
    let text = format!("{text}; the play itself ran to its end. Correct its `set_stats`");
    Err(Problem::new(ErrorCode::OutputsInvalid, text).with_details(json!({"findings": findings})))
}

//! What a run has started in the background on its hosts, as its log tells: which jobs are open, and ending them after a kill.
//!
//! The log is all that is left of a run whose agent was killed. What the kind can't end there may still run, and is told.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use chiffon_protocol::message::{HostResult, HostStatus, LogEvent};

use super::attempt::Attempt;
use super::journal::Cursor;
use super::run_context::NewEvent;
use super::shared::Shared;

/// The kind of the event which says that a host works on a task in the background. Its text ends with the job's id.
pub const JOB_STARTED: &str = "job_started";
/// The kind of the event which says that such a job does not run any more. Its text ends with the job's id, too.
pub const JOB_ENDED: &str = "job_ended";

/// Jobs by host, each id with the task that started it.
pub type Jobs = BTreeMap<String, BTreeMap<String, String>>;

/// What people are told of one job that may still run.
pub fn words(task: &str, job: &str) -> String {
    format!("\"{task}\" in the background as job {job}")
}

/// The event of a job that begins (`kind` is [`JOB_STARTED`]) or has ended.
pub fn event(kind: &'static str, host: &str, task: &str, job: &str) -> NewEvent {
    let text = if kind == JOB_ENDED { "does not run any more: job" } else { "runs in the background as job" };
    NewEvent { kind, host: Some(host.to_owned()), name: Some(task.to_owned()), text: format!("{text} {job}"), diff: None }
}

/// The jobs whose end no event tells.
pub(super) fn open(events: &[LogEvent]) -> Jobs {
    let mut jobs = Jobs::new();
    for event in events {
        let (Some(host), Some(job)) = (event.host.as_deref(), event.text.rsplit(' ').next()) else { continue };
        match event.kind.as_str() {
            JOB_STARTED => {
                jobs.entry(host.to_owned()).or_default().insert(job.to_owned(), event.name.clone().unwrap_or_default());
            }
            JOB_ENDED => {
                jobs.entry(host.to_owned()).or_default().remove(job);
            }
            _ => {}
        }
    }
    jobs.retain(|_, jobs| !jobs.is_empty());
    jobs
}

/// Ends what a cut-off attempt has left on its hosts, as far as its kind can; the log tells what was ended. The hosts on which something
/// may still run.
pub(super) async fn end(shared: &Arc<Shared>, attempt: &Attempt, marker: &str) -> io::Result<BTreeSet<String>> {
    let events = attempt.log().read(&mut Cursor::default(), usize::MAX, usize::MAX)?;
    let Some(work) = attempt.work().filter(|_| has_begun(&events)) else { return Ok(BTreeSet::new()) };
    let jobs = open(&events);
    let left = shared.kind.end_on_hosts(&work, marker, &jobs).await;
    let now = shared.clock.now();
    let mut log = attempt.log();
    for (host, jobs) in jobs.iter().filter(|(host, _)| !left.contains(*host)) {
        for (job, task) in jobs {
            log.add(event(JOB_ENDED, host, task, job), now);
        }
    }
    Ok(left)
}

fn has_begun(events: &[LogEvent]) -> bool {
    events.iter().any(|event| event.kind == "task_started")
}

/// Adds what may still run on these hosts to what the log tells of each. One that was not reached had nothing to do.
pub(super) fn keep(hosts: &mut Vec<HostResult>, left: &BTreeSet<String>, events: &[LogEvent]) {
    let jobs = open(events);
    let last = events.iter().rev().find(|event| event.kind == "task_started").and_then(|event| event.name.as_deref());
    for name in left {
        if hosts.iter().any(|host| host.host == *name && host.status == HostStatus::Unreachable) {
            continue;
        }
        let mut what: Vec<String> = jobs.get(name).into_iter().flatten().map(|(job, task)| words(task, job)).collect();
        what.extend(last.map(|last| format!("what it did when its agent was killed (\"{last}\" was begun last)")));
        match hosts.iter_mut().find(|host| host.host == *name) {
            Some(host) => host.may_still_run = what,
            None => hosts.push(HostResult { host: name.clone(), may_still_run: what, ..HostResult::default() }),
        }
    }
}

/// A sentence for each thing that may still run on a host.
pub(super) fn warnings(hosts: &[HostResult]) -> Vec<String> {
    let of_host = |host: &HostResult| {
        let name = host.host.clone();
        host.may_still_run.iter().map(move |what| format!("may still run on {name}, which did not answer: {what}")).collect::<Vec<_>>()
    };
    hosts.iter().flat_map(of_host).collect()
}

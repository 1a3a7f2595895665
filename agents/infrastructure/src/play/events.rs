//! Understanding what Ansible says, line by line, and passing it on without secrets: the log, the progress, the preview.
//!
//! The callback's format differs between versions, so every field is optional and an event of an unknown name is passed over.

use std::collections::{BTreeMap, BTreeSet};

use chiffon_protocol::message::Mode;
use serde_json::Value;

use super::background::Background;
use super::cut;
use super::dry_run::{self, Was};
use super::granted::Told;
use super::lines::Line;
use super::outputs::{Outputs, PutOut};
use super::progress::{Counter, read_list};
use super::seen::{HostStats, Seen, host_stats};
use crate::ansible_json;
use crate::redact::Redactor;
use chiffon_worker::{EventSink, MADE, NewEvent, Progress};

/// A text longer than this is cut, and says so.
pub(super) const LONGEST_TEXT: usize = 16 * 1024;
/// So much of standard error is kept for the explanation of a failure.
const KEPT_ERRORS: usize = 16 * 1024;

/// Watches one play.
#[derive(Debug)]
pub(crate) struct Observer {
    pub(super) seen: Seen,
    pub(super) mode: Mode,
    pub(super) granted: BTreeSet<String>,
    pub(super) redactor: Redactor,
    pub(super) sink: EventSink,
    progress: Progress,
    pub(super) counter: Counter,
    pub(super) outputs: Outputs,
    pub(super) background: Background,
    current_task_id: String,
}

impl Observer {
    pub(crate) fn new(mode: Mode, hosts: &[String], redactor: Redactor, sink: EventSink, progress: Progress) -> Self {
        let granted: BTreeSet<String> = hosts.iter().cloned().collect();
        let counter = Counter::new(granted.len());
        Self {
            seen: Seen::default(),
            mode,
            granted,
            redactor,
            sink,
            progress,
            counter,
            outputs: Outputs::default(),
            background: Background::default(),
            current_task_id: String::new(),
        }
    }

    /// The play was stopped, and these hosts say that nothing of it is left there.
    pub(super) fn stopped(&mut self, clean: &BTreeSet<String>) {
        self.seen.may_still_run = self.background.stopped(clean);
    }

    /// All that was seen, at the end.
    pub(super) fn finish(mut self) -> Seen {
        let put_out = self.outputs.finish();
        self.seen.warnings.extend(self.background.warnings());
        self.seen.warnings.extend(self.seen.plays.warnings());
        let warnings = put_out.warnings.iter().chain(&put_out.too_long).map(|text| self.redactor.text(text));
        self.seen.warnings.extend(warnings);
        self.seen.outputs = PutOut { values: self.redactor.members(&put_out.values), ..put_out };
        self.seen.unstarted = self.counter.unstarted();
        self.seen.begun.clone_from(self.background.touched());
        self.seen.under_way.clone_from(self.background.under_way());
        self.seen
    }

    /// A line of standard output.
    pub(crate) fn out(&mut self, line: Line) {
        self.redactor.refresh();
        let bytes = match line {
            Line::TooLong(length) => {
                let text = format!("an event of {} MiB is left out of the log", length >> 20);
                self.say(NewEvent::text("warning", text));
                return;
            }
            Line::Whole(bytes) => bytes,
        };
        let event = ansible_json::read::<Value>(&bytes).ok();
        let event = event.as_ref().and_then(|event| Some((event.get("_event")?.as_str()?, event)));
        match event {
            Some((name, event)) => self.event(name, event),
            None if bytes.iter().all(u8::is_ascii_whitespace) => {}
            None => self.say(NewEvent::text("output", String::from_utf8_lossy(&bytes))),
        }
    }

    /// A line of standard error.
    pub(crate) fn error(&mut self, line: Line) {
        self.redactor.refresh();
        let Line::Whole(bytes) = line else { return };
        let text = String::from_utf8_lossy(&bytes);
        if text.trim().is_empty() || is_harmless(&text) {
            return;
        }
        let text = self.redactor.text(&text);
        if self.seen.errors.len() < KEPT_ERRORS {
            self.seen.errors.push_str(&text);
            self.seen.errors.push('\n');
        }
        let kind = if text.starts_with("[WARNING]") || text.starts_with("[DEPRECATION WARNING]") { "warning" } else { "output" };
        self.sink.add(NewEvent::text(kind, cut::at_line(text, LONGEST_TEXT)));
    }

    fn event(&mut self, name: &str, event: &Value) {
        match name {
            "v2_playbook_on_play_start" => {
                let name = event.pointer("/play/name").and_then(Value::as_str).unwrap_or_default().to_owned();
                self.say(NewEvent { kind: "play_started", name: Some(name), ..NewEvent::default() });
            }
            "v2_playbook_on_task_start" | "v2_playbook_on_handler_task_start" => self.task_started(event),
            "v2_runner_on_start" if id_of(event) != self.current_task_id => self.task_started(event),
            "v2_runner_on_ok" | "v2_runner_on_failed" | "v2_runner_on_skipped" | "v2_runner_on_unreachable" => {
                let hosts = event.get("hosts").and_then(Value::as_object);
                for (host, result) in hosts.into_iter().flatten() {
                    self.result(name, event, host, result);
                }
                self.tell_progress();
            }
            "v2_playbook_on_stats" => self.statistics(event),
            "chiffon_tasks" => self.listed(event),
            "chiffon_began" => self.began(event),
            "chiffon_output_too_long" => self.outputs.too_long(event),
            "chiffon_job" => self.job(event),
            "chiffon_variables" | "chiffon_variables_changed" => self.seen.variables.read(name, event),
            _ => {
                if let Some(told) = Told::read(name, event) {
                    self.told(told);
                } else if self.mode == Mode::Check {
                    self.no_dry_run(name, event);
                }
            }
        }
    }

    /// How many tasks there will be.
    fn listed(&mut self, event: &Value) {
        if let Some(list) = read_list(event) {
            self.counter.promise(list);
            self.tell_progress();
        }
    }

    fn began(&mut self, event: &Value) {
        let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
        let task = self.redactor.text(text("task"));
        self.background.began(text("host"), &task);
        self.tell_progress();
    }

    /// A host works on a task in the background, and the play waits for it.
    fn job(&mut self, event: &Value) {
        let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
        let task = self.redactor.text(text("task"));
        let events = self.background.job(text("host"), &task, event);
        self.add_all(events);
    }

    pub(super) fn add_all(&self, events: Vec<NewEvent>) {
        for event in events {
            self.sink.add(event);
        }
    }

    /// What our own callback says.
    fn told(&mut self, told: Told) {
        match told {
            Told::Beyond(beyond) => {
                self.seen.beyond.get_or_insert(beyond);
            }
            Told::Unended { host } => {
                self.seen.unended.insert(host);
            }
            Told::NoHosts { play } => self.seen.plays.without_hosts(self.redactor.text(&play)),
            Told::Besides { play, hosts, more } => self.seen.plays.besides(&self.redactor.text(&play), &hosts, more),
        }
    }

    fn task_started(&mut self, event: &Value) {
        let name = task_name(event);
        id_of(event).clone_into(&mut self.current_task_id);
        self.counter.started(&self.current_task_id);
        self.seen.current_task = self.redactor.text(&name);
        self.say(NewEvent { kind: "task_started", name: Some(name), ..NewEvent::default() });
        self.tell_progress();
    }

    /// The task that a host has just answered to was no dry run, or one on values that are not there.
    fn no_dry_run(&mut self, name: &str, event: &Value) {
        let Some(told) = dry_run::Told::read(name, event) else { return };
        let task = self.redactor.text(told.task);
        let changed = match told.was {
            Was::Hollow(variable) => return self.seen.previewing.hollow(&task, variable),
            Was::ForReal { changed } => changed,
        };
        self.seen.previewing.for_real(told.host, &task, changed);
        if changed {
            self.seen.made.push((told.host.to_owned(), task.clone()));
        }
        let kind = if changed { MADE } else { "warning" };
        let text = "check mode is off for this task: it ran for real in the preview".to_owned();
        self.sink.add(NewEvent { kind, host: Some(told.host.to_owned()), name: Some(task), text, diff: None });
    }

    fn statistics(&mut self, event: &Value) {
        let hosts = event.get("stats").and_then(Value::as_object);
        let stats: BTreeMap<String, HostStats> =
            hosts.into_iter().flatten().map(|(host, stats)| (host.clone(), host_stats(stats))).collect();
        for (host, stats) in &stats {
            let HostStats { ok, changed, skipped, failures, unreachable, .. } = stats;
            let text = format!("{ok} ok, {changed} changed, {skipped} skipped, {failures} failed, {unreachable} unreachable");
            self.sink.add(NewEvent { kind: "stats", host: Some(host.clone()), text, ..NewEvent::default() });
        }
        self.seen.stats = Some(stats);
        self.outputs.statistics(event);
    }

    fn tell_progress(&mut self) {
        let verb = if self.mode == Mode::Check { "Previewing" } else { "Running" };
        let doing = self.background.in_words().unwrap_or_else(|| match self.seen.current_task.as_str() {
            "" => "the playbook".to_owned(),
            task => task.to_owned(),
        });
        self.progress.set(self.counter.percent().unwrap_or(0), format!("{verb}: {doing}"));
    }

    pub(super) fn say(&self, mut event: NewEvent) {
        event.text = cut::at_line(self.redactor.text(&event.text), LONGEST_TEXT);
        event.name = event.name.map(|name| self.redactor.text(&name));
        self.sink.add(event);
    }
}

/// The name of an event's task.
pub(super) fn task_name(event: &Value) -> String {
    event.pointer("/task/name").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Ansible says this of every parameter named like a keyword of plays: at once, and from 2.19 on of each result.
pub(super) fn is_harmless(warning: &str) -> bool {
    warning.contains("Found variable using reserved name")
}

fn id_of(event: &Value) -> &str {
    event.pointer("/task/id").and_then(Value::as_str).unwrap_or_default()
}

//! What each task came to on each host: its event, its part of the preview, and what it changed.

use chiffon_protocol::message::Mode;
use serde_json::Value;

use super::events::{LONGEST_TEXT, Observer, is_harmless, task_name};
use super::granted::Beyond;
use super::result_text::{items_changed, lacks_check_support, text_of, why_skipped};
use super::seen::Failure;
use super::written::Look;
use super::{cut, diff, not_shown};
use chiffon_worker::NewEvent;

impl Observer {
    pub(super) fn result(&mut self, event_name: &str, event: &Value, host: &str, result: &Value) {
        if !self.granted.contains(host) {
            self.seen.beyond.get_or_insert_with(|| Beyond::host(host));
        }
        self.redactor.learn_from(result);
        let task = self.redactor.text(&task_name(event));
        self.warnings_of(host, &task, result);
        self.outputs.result(host, result);
        let events = self.background.result(host, &task, result);
        self.add_all(events);
        let changed = result.get("changed").and_then(Value::as_bool).unwrap_or(false);
        let text = self.redactor.text(&text_of(result));
        let mut diff = String::new();
        let kind = match event_name {
            "v2_runner_on_unreachable" => {
                self.background.unreachable(host);
                self.seen.unreachable.insert(host.to_owned(), text.clone());
                "host_unreachable"
            }
            "v2_runner_on_failed" => {
                let place = event.pointer("/task/path").and_then(Value::as_str).unwrap_or_default();
                let place = self.redactor.text(place);
                // A loop that failed after some of its items has done these.
                if changed || items_changed(result) {
                    diff = self.diff_of(result, &task);
                    self.changed(host, &task, &diff, result);
                } else {
                    self.seen.previewing.failed(host, &task);
                }
                self.seen.failures.push(Failure { host: host.to_owned(), task: task.clone(), place, message: text.clone() });
                "task_failed"
            }
            "v2_runner_on_skipped" => {
                if lacks_check_support(result) {
                    self.seen.previewing.unknown(host, &task);
                } else {
                    self.seen.previewing.skipped(host, &task, &self.redactor.text(&why_skipped(result)));
                }
                "task_skipped"
            }
            _ if changed => {
                diff = self.diff_of(result, &task);
                self.changed(host, &task, &diff, result);
                "task_changed"
            }
            _ => {
                self.seen.previewing.unchanged(host);
                "task_ok"
            }
        };
        self.counter.answered(host, matches!(kind, "task_failed" | "host_unreachable"));
        let diff = (!diff.is_empty()).then_some(diff);
        self.sink.add(NewEvent { kind, host: Some(host.to_owned()), name: Some(task), text: cut::at_line(text, LONGEST_TEXT), diff });
    }

    fn changed(&mut self, host: &str, task: &str, diff: &str, result: &Value) {
        self.seen.changed.push((host.to_owned(), task.to_owned()));
        let is_hollow = self.mode == Mode::Check && self.redactor.has_placeholders();
        let written = Look { redactor: &self.redactor, now: self.sink.now(), is_hollow }.written(result, task);
        if self.mode == Mode::Apply {
            self.seen.written.extend(written.into_iter().map(|written| (host.to_owned(), written)));
            return;
        }
        match not_shown::of_result(result) {
            Some(why) => self.seen.previewing.not_shown(host, task, diff, written, &why),
            None => self.seen.previewing.change(host, task, diff, written),
        }
    }

    /// What a result changed, as a diff; empty where it tells none, or may not.
    fn diff_of(&mut self, result: &Value, task: &str) -> String {
        if result.get("censored").is_some() {
            return String::new();
        }
        let place = diff::place_of(result).unwrap_or_else(|| task.to_owned());
        self.redactor.diff(&diff::of_result(result, &place))
    }

    fn warnings_of(&mut self, host: &str, task: &str, result: &Value) {
        for warning in result.get("warnings").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            if is_harmless(warning) {
                continue;
            }
            let (host, name) = (Some(host.to_owned()), Some(task.to_owned()));
            self.say(NewEvent { kind: "warning", host, name, text: warning.to_owned(), diff: None });
        }
    }
}

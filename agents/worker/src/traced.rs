//! What an agent does as spans: work taken in, an attempt, and what its log tells of each task on each host.
//!
//! Tasks are told from the log when the attempt has ended: it is without secrets, it survives a kill, and a run waits for nobody.

use std::sync::Arc;
use std::time::Duration;

use chiffon_bus::Delivery;
use chiffon_process::traces::{Kind, OnQueue, Span, SpanId};
use chiffon_protocol::message::{LogEvent, Outcome, WorkResult};
use chrono::{DateTime, TimeDelta, Utc};

use super::attempt::Attempt;
use super::journal::Cursor;
use super::shared::Shared;

/// An attempt has no more spans of tasks and their hosts; how many more there would be stands at its own.
const MOST: usize = 500;
/// Of a log, so many events are read at a time.
const AT_A_TIME: usize = 2_000;
const BYTES_AT_A_TIME: usize = 1024 * 1024;

/// A delivery that is being taken in, if that is to be a span.
pub(super) struct Taken(Option<Delivered>);

struct Delivered {
    trace_id: String,
    sending: SpanId,
    message_id: String,
    start: DateTime<Utc>,
}

impl Taken {
    /// Begins it.
    pub(super) fn of(shared: &Shared, delivery: &Delivery) -> Self {
        let delivered = || {
            let trace_id = delivery.correlation_id.clone().filter(|trace_id| shared.options.traces.keeps(trace_id))?;
            let sending = SpanId::of_parent(delivery.headers.get("traceparent")?, &trace_id)?;
            Some(Delivered { trace_id, sending, message_id: delivery.message_id.clone()?, start: shared.clock.now() })
        };
        Self(delivered())
    }

    /// Hands it over: it was granted, or is none of this agent's.
    pub(super) fn trace(self, shared: &Shared, queue: &str, is_granted: bool) {
        let Some(Delivered { trace_id, sending, message_id, start }) = self.0 else { return };
        shared.options.traces.add(&trace_id, || {
            OnQueue { destination: queue, routing_key: queue, message_id: &message_id }
                .processed(SpanId::of_message(shared.ids.new_message_id()), start, shared.clock.now())
                .under(sending)
                .with("chiffon.agent.id", shared.options.agent_id.as_str())
                .with("chiffon.work.granted", is_granted)
        });
    }
}

/// Ends an attempt, with its spans.
pub(super) async fn finish(shared: &Arc<Shared>, attempt: &Arc<Attempt>, result: WorkResult) {
    let record = attempt.record();
    if shared.options.traces.keeps(&record.trace_id) {
        let (shared_, attempt_, result) = (Arc::clone(shared), Arc::clone(attempt), result.clone());
        // Without it the attempt ends all the same.
        let told = Shared::on_disk(move || {
            trace(&shared_, &attempt_, &result);
            Ok(())
        });
        drop(told.await);
    }
    attempt.finish(result).await;
}

fn trace(shared: &Shared, attempt: &Attempt, result: &WorkResult) {
    let (record, traces, now) = (attempt.record(), &shared.options.traces, shared.clock.now());
    let id = SpanId::of_attempt(record.task_id, record.attempt);
    let start = record.started_at.unwrap_or(now);
    // What was cut off ended with what was last seen of it, not when that was found.
    let length = Duration::try_from_secs_f64(result.duration_seconds).ok().and_then(|length| TimeDelta::from_std(length).ok());
    let end = record.started_at.zip(length).map_or(now, |(started, length)| started + length);
    let mut tasks = Tasks { id, end, open: None, number: 0, kept: Vec::new(), left_out: 0 };
    let mut cursor = Cursor::default();
    while let Ok(events) = attempt.log().read(&mut cursor, AT_A_TIME, BYTES_AT_A_TIME)
        && !events.is_empty()
    {
        for event in &events {
            tasks.event(event);
        }
    }
    tasks.close(end);
    let (work, outcome) = (attempt.work(), result.outcome);
    let failed = outcome.filter(|outcome| *outcome != Outcome::Succeeded);
    let error = result.error.as_ref().map(|error| error.code.to_string()).or_else(|| failed.map(|_| "failed".to_owned()));
    traces.add(&record.trace_id, || {
        let action = work.as_ref().map_or("", |work| work.action.as_str());
        Span::new(id, Kind::Internal, format!("attempt {action}"), start, end)
            .under(attempt.offered())
            .with("chiffon.request.id", record.request_id)
            .with("chiffon.task.id", record.task_id)
            .with("chiffon.task.attempt", record.attempt)
            .with("chiffon.agent.id", shared.options.agent_id.as_str())
            .with("chiffon.action", action)
            .with_some("chiffon.mode", work.as_ref().map(|work| word(&work.mode)))
            .with_some("chiffon.outcome", outcome.map(|outcome| word(&outcome)))
            .with("chiffon.changed", result.changed)
            .with("chiffon.spans.left_out", tasks.left_out)
            .failed(error)
    });
    for span in tasks.kept {
        traces.add(&record.trace_id, || span);
    }
}

/// The word by which the wire has it.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Spans of a run's tasks, made of its log in the order of its events.
struct Tasks {
    id: SpanId,
    end: DateTime<Utc>,
    open: Option<Span>,
    number: u64,
    kept: Vec<Span>,
    left_out: u64,
}

impl Tasks {
    fn event(&mut self, event: &LogEvent) {
        let status = match event.kind.as_str() {
            "task_started" => {
                self.close(event.at);
                let name = event.name.as_deref().unwrap_or_default();
                let span = Span::new(self.next(), Kind::Internal, format!("task {name}"), event.at, event.at);
                self.open = Some(span.under(self.id).with("chiffon.ansible.task", name));
                return;
            }
            "task_ok" => "ok",
            "task_changed" => "changed",
            "task_skipped" => "skipped",
            "task_failed" => "failed",
            "host_unreachable" => "unreachable",
            _ => return,
        };
        let Some(host) = event.host.as_deref() else { return };
        let id = self.next();
        let failed = matches!(status, "failed" | "unreachable").then_some(status);
        let (parent, start) = self.open.as_ref().map_or((self.id, event.at), |task| (task.id, task.start));
        if let Some(task) = &mut self.open {
            task.end = event.at;
            if failed.is_some() {
                task.error = failed.map(str::to_owned);
            }
        }
        let name = event.name.as_deref().unwrap_or_default();
        let span = Span::new(id, Kind::Internal, format!("host {host}"), start, event.at)
            .under(parent)
            .with("chiffon.host", host)
            .with("chiffon.ansible.task", name)
            .with("chiffon.ansible.status", status)
            .failed(failed);
        self.keep(span);
    }

    /// The task that is under way has ended, at the latest when the next one begins.
    fn close(&mut self, at: DateTime<Utc>) {
        let Some(mut task) = self.open.take() else { return };
        if task.end == task.start {
            task.end = at.min(self.end).max(task.start);
        }
        self.keep(task);
    }

    fn keep(&mut self, span: Span) {
        if self.kept.len() < MOST { self.kept.push(span) } else { self.left_out += 1 }
    }

    fn next(&mut self) -> SpanId {
        self.number += 1;
        self.id.below(self.number)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
    }

    fn event(second: i64, kind: &str, host: Option<&str>, name: &str) -> LogEvent {
        let (host, name) = (host.map(str::to_owned), Some(name.to_owned()));
        LogEvent { seq: 1, at: at(second), kind: kind.to_owned(), host, name, text: String::new(), diff: None }
    }

    fn tasks() -> Tasks {
        let id = SpanId::of_attempt(Uuid::from_u128(9), 1);
        Tasks { id, end: at(100), open: None, number: 0, kept: Vec::new(), left_out: 0 }
    }

    #[test]
    fn a_task_lasts_until_its_last_host_has_answered_and_its_hosts_hang_on_it() {
        let mut told = tasks();
        for event in [
            event(1, "play_started", None, "play"),
            event(1, "task_started", None, "one"),
            event(3, "task_ok", Some("a"), "one"),
            event(5, "task_failed", Some("b"), "one"),
            event(6, "output", Some("a"), "words"),
            event(7, "task_started", None, "two"),
        ] {
            told.event(&event);
        }
        told.close(at(9));
        let seen: Vec<_> = told.kept.iter().map(|span| (span.name.as_str(), span.start, span.end, span.error.as_deref())).collect();
        assert_eq!(
            seen,
            [
                ("host a", at(1), at(3), None),
                ("host b", at(1), at(5), Some("failed")),
                ("task one", at(1), at(5), Some("failed")),
                ("task two", at(7), at(9), None),
            ]
        );
        assert_eq!(told.kept[0].parent, Some(told.kept[2].id));
        assert_eq!(told.kept[2].parent, Some(told.id));
    }

    #[test]
    fn no_more_spans_are_kept_than_there_is_room_for_and_the_rest_is_counted() {
        let mut told = tasks();
        for number in 0..400 {
            told.event(&event(number, "task_started", None, "one"));
            told.event(&event(number, "task_changed", Some("a"), "one"));
        }
        told.close(at(500));
        assert_eq!((told.kept.len(), told.left_out), (MOST, 300));
        let ids: std::collections::BTreeSet<SpanId> = told.kept.iter().map(|span| span.id).collect();
        assert!(told.kept.iter().filter_map(|span| span.parent).all(|parent| parent == told.id || ids.contains(&parent)));
    }
}

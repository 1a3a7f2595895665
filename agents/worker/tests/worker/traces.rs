//! What an agent does as spans of the request's trace, also when it is killed in the middle.

use std::collections::BTreeMap;
use std::sync::Arc;

use chiffon_agents_harness::journal::{journal_is_empty, journal_is_free};
use chiffon_agents_harness::kinds::Shell;
use chiffon_agents_harness::orchestrator::{Orchestrator, work};
use chiffon_agents_harness::running::{AGENT, PATIENCE, RunningWorker, options, result_of};
use chiffon_process::traces::{Ended, Kind, LINE, Service, Span, SpanId, Traces, Value};
use chiffon_protocol::message::Outcome;
use chiffon_testkit::until;
use chiffon_worker::WorkerOptions;
use serde_json::json;
use tokio::sync::mpsc::Receiver;

fn traces() -> (Traces, Receiver<Ended>) {
    Traces::new(Service { name: "chiffon-agent", instance: AGENT.to_owned() }, 1.0)
}

/// What has come so far, by name.
fn told(line: &mut Receiver<Ended>) -> BTreeMap<String, Span> {
    assert!(line.len() < LINE, "nothing was dropped");
    std::iter::from_fn(|| line.try_recv().ok()).map(|ended| (ended.span.name.clone(), ended.span)).collect()
}

#[tokio::test]
async fn an_attempt_is_a_span_with_its_hosts_below_it_and_its_result_too() {
    let (orchestrator, folder) = (Orchestrator::start().await, tempfile::tempdir().expect("a folder"));
    let (traces, mut line) = traces();
    let options = WorkerOptions { traces, ..options(&orchestrator, folder.path()) };
    let _worker = RunningWorker::start_with(&orchestrator, options, Arc::new(Shell::default())).await;
    let work = work("script", json!({"script": "echo Write the file", "password": "s3cret"}), &["here"]);
    orchestrator.offer(&work).await;
    assert_eq!(result_of(&orchestrator, work.task_id).await.outcome, Some(Outcome::Succeeded));
    journal_is_empty(folder.path()).await;

    let spans = told(&mut line);
    let attempt = &spans["attempt script"];
    assert_eq!((attempt.id, attempt.kind, attempt.error.as_deref()), (SpanId::of_attempt(work.task_id, 1), Kind::Internal, None));
    assert_eq!(attempt.get("chiffon.agent.id"), Some(&Value::from(AGENT)));
    assert_eq!(attempt.get("chiffon.outcome"), Some(&Value::from("succeeded")));
    assert_eq!(spans["host here"].parent, Some(attempt.id));
    assert_eq!(spans["host here"].get("chiffon.ansible.status"), Some(&Value::from("changed")));
    assert_eq!(spans["send orchestrator.results"].parent, Some(attempt.id));
    assert_eq!(spans["send orchestrator.claims"].parent, attempt.parent, "both hang on the offer");
    let names: Vec<&String> = spans.keys().collect();
    assert_eq!(names.len(), 4, "neither heartbeats nor hellos are spans: {names:?}");
    assert!(!format!("{spans:?}").contains("s3cret"), "{spans:?}");
}

#[tokio::test]
async fn an_attempt_that_a_kill_has_cut_off_is_told_by_the_next_start_under_the_same_id() {
    let (orchestrator, folder) = (Orchestrator::start().await, tempfile::tempdir().expect("a folder"));
    let worker = RunningWorker::start(&orchestrator, folder.path(), Arc::new(Shell::default())).await;
    let work = work("script", json!({"script": "echo First change; sleep 300"}), &["here"]);
    orchestrator.offer(&work).await;
    until("its event", PATIENCE, async || if orchestrator.log(work.task_id).len() == 1 { Ok(()) } else { Err("none") }).await;
    worker.kill();
    journal_is_free(folder.path()).await;

    let (traces, mut line) = traces();
    let options = WorkerOptions { traces, ..options(&orchestrator, folder.path()) };
    let _worker = RunningWorker::start_with(&orchestrator, options, Arc::new(Shell::default())).await;
    assert_eq!(result_of(&orchestrator, work.task_id).await.outcome, Some(Outcome::Interrupted));
    journal_is_empty(folder.path()).await;
    let spans = told(&mut line);
    let attempt = &spans["attempt script"];
    assert_eq!(attempt.id, SpanId::of_attempt(work.task_id, 1));
    assert!(attempt.error.is_some() && attempt.parent.is_some(), "{attempt:?}");
    assert_eq!(attempt.get("chiffon.outcome"), Some(&Value::from("interrupted")));
    assert_eq!(spans["host here"].parent, Some(attempt.id));
}

//! Kills and stops at every state of the journal: what may have run is never run again, what provably did not is said so.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use chiffon_agents_harness::journal::{journal_is_empty, journal_is_free, journalled};
use chiffon_agents_harness::kinds::{FourCores, Shell};
use chiffon_agents_harness::orchestrator::{Claims, Orchestrator, work};
use chiffon_agents_harness::running::{AGENT, PATIENCE, RunningWorker, options, result_of};
use chiffon_protocol::ErrorCode;
use chiffon_protocol::message::{HostStatus, Outcome};
use chiffon_testkit::until;
use chiffon_worker::marker;
use serde_json::{Value, json};

#[tokio::test]
async fn a_run_cut_off_by_a_kill_is_stopped_and_reported_as_interrupted_with_what_was_done() {
    let (orchestrator, folder) = (Orchestrator::start().await, tempfile::tempdir().expect("a folder"));
    let shell = Arc::new(Shell::default());
    let worker = RunningWorker::start(&orchestrator, folder.path(), shell.clone()).await;
    let ran = folder.path().join("ran");
    let script = format!("echo x >> {}; echo First change; echo Second change; setsid sleep 300 & wait", ran.display());
    let work = work("script", json!({"script": script}), &["here"]);
    orchestrator.offer(&work).await;
    until("both events", PATIENCE, async || if orchestrator.log(work.task_id).len() == 2 { Ok(()) } else { Err("not yet") }).await;
    worker.kill();
    journal_is_free(folder.path()).await;
    let marker = marker::of(AGENT, work.task_id, 1);
    assert!(!marker::find(&marker).is_empty(), "the killed agent leaves its run behind");

    let _worker = RunningWorker::start(&orchestrator, folder.path(), shell.clone()).await;
    assert!(marker::find(&marker).is_empty(), "nothing is left running when the new start says hello");
    let result = result_of(&orchestrator, work.task_id).await;
    assert_eq!(result.outcome, Some(Outcome::Interrupted));
    assert!(result.changed, "its events prove a change");
    assert_eq!((result.hosts[0].host.as_str(), result.hosts[0].changed, result.hosts[0].status), ("here", 2, HostStatus::Unfinished));
    let error = result.error.expect("an error");
    assert_eq!(error.code, ErrorCode::Interrupted.number());
    for part in ["First change", "Second change", "left running were stopped"] {
        assert!(error.message.contains(part), "{}", error.message);
    }
    orchestrator.offer(&work).await;
    journal_is_empty(folder.path()).await;
    assert_eq!(std::fs::read_to_string(&ran).expect("it ran").lines().count(), 1, "it ran once");
    let log = orchestrator.log(work.task_id);
    assert!((1..).zip(&log).all(|(number, event)| event.seq == number), "no gap and no doubles: {log:?}");
    let hellos = orchestrator.hellos();
    assert!(hellos[1].incarnation > hellos[0].incarnation);
    assert_eq!(hellos[1].journal_id, hellos[0].journal_id);
    assert_eq!(hellos[1].unfinished.len(), 1);
}

#[tokio::test]
async fn a_mistake_in_following_a_run_ends_that_run_alone_and_tells_what_was_done() {
    let (orchestrator, folder) = (Orchestrator::start().await, tempfile::tempdir().expect("a folder"));
    let _worker = RunningWorker::start(&orchestrator, folder.path(), Arc::new(Shell::default())).await;
    let bad = work("script", json!({"script": "echo Wrote the file; setsid sleep 300 & wait", "panics": true}), &["here"]);
    orchestrator.offer(&bad).await;
    let result = result_of(&orchestrator, bad.task_id).await;
    let error = result.error.expect("an error");
    assert_eq!((result.outcome, error.code, result.changed), (Some(Outcome::Failed), ErrorCode::Internal.number(), true));
    assert!(error.message.contains("Wrote the file") && error.message.contains("left running were stopped"), "{}", error.message);
    assert!(marker::find(&marker::of(AGENT, bad.task_id, 1)).is_empty(), "nothing is left running");
    let good = work("script", json!({"script": "true"}), &["here"]);
    orchestrator.offer(&good).await;
    assert_eq!(result_of(&orchestrator, good.task_id).await.outcome, Some(Outcome::Succeeded), "the agent goes on");
}

#[tokio::test]
async fn an_attempt_whose_claim_was_not_answered_before_the_kill_never_started() {
    let (orchestrator, folder) = (Orchestrator::start().await, tempfile::tempdir().expect("a folder"));
    let shell = Arc::new(Shell::default());
    orchestrator.set_claims(Claims::Silence);
    let worker = RunningWorker::start(&orchestrator, folder.path(), shell.clone()).await;
    let work = work("script", json!({"script": "true"}), &["here"]);
    orchestrator.offer(&work).await;
    until("a claim", PATIENCE, async || orchestrator.claims().pop().ok_or("none")).await;
    worker.kill();
    journal_is_free(folder.path()).await;

    // The delivery comes back, maybe only after the attempt is settled: then nobody gets it any more.
    orchestrator.set_claims(Claims::Refuse);
    let _worker = RunningWorker::start(&orchestrator, folder.path(), shell.clone()).await;
    assert_eq!(result_of(&orchestrator, work.task_id).await.outcome, Some(Outcome::NotStarted));
    journal_is_empty(folder.path()).await;
    assert_eq!(shell.runs.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn who_leaves_before_its_claim_is_answered_says_that_it_never_started() {
    let (orchestrator, folder) = (Orchestrator::start().await, tempfile::tempdir().expect("a folder"));
    let shell = Arc::new(Shell::default());
    orchestrator.set_claims(Claims::Silence);
    let worker = RunningWorker::start(&orchestrator, folder.path(), shell.clone()).await;
    let work = work("script", json!({"script": "true"}), &["here"]);
    orchestrator.offer(&work).await;
    until("a claim", PATIENCE, async || orchestrator.claims().pop().ok_or("none")).await;
    worker.shutdown.drain();
    assert_eq!(result_of(&orchestrator, work.task_id).await.outcome, Some(Outcome::NotStarted), "no lease has to run out first");
    until("the worker to leave", PATIENCE, async || worker.ended()).await.expect("without a problem");
    assert_eq!(shell.runs.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_journal_reopened_at_each_state_reports_and_runs_nothing() {
    let (orchestrator, folder) = (Orchestrator::start().await, tempfile::tempdir().expect("a folder"));
    let shell = Arc::new(Shell::default());
    let template = work("script", json!({}), &["here"]);
    for (state, expected) in [
        ("received", Outcome::NotStarted),
        ("claimed", Outcome::NotStarted),
        ("granted", Outcome::NotStarted),
        ("starting", Outcome::Interrupted),
        ("finished", Outcome::Interrupted),
    ] {
        let task_id = uuid::Uuid::from_u128(template.task_id.as_u128() + state.len() as u128);
        let attempt = folder.path().join(format!("journal/{task_id}.1"));
        std::fs::create_dir_all(&attempt).expect("made");
        std::fs::write(attempt.join("work.json"), "{}").expect("written");
        let record = json!({"task_id": task_id, "attempt": 1, "offer": 1, "state": state, "claim_id": task_id, "work_sha256": "",
            "trace_id": "0123456789abcdef0123456789abcdef", "request_id": task_id, "started_at": Value::Null});
        std::fs::write(attempt.join("state.json"), record.to_string()).expect("written");
        let worker = RunningWorker::start(&orchestrator, folder.path(), shell.clone()).await;
        let result = result_of(&orchestrator, task_id).await;
        assert_eq!(result.outcome, Some(expected), "{state}");
        journal_is_empty(folder.path()).await;
        worker.kill();
        journal_is_free(folder.path()).await;
        orchestrator.heard.lock().expect("is free").messages.clear();
    }
    assert_eq!(shell.runs.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_result_that_was_not_acknowledged_is_reported_unchanged_by_the_next_start() {
    let (orchestrator, folder) = (Orchestrator::start().await, tempfile::tempdir().expect("a folder"));
    let shell = Arc::new(Shell::default());
    orchestrator.set_acknowledge(false);
    let worker = RunningWorker::start(&orchestrator, folder.path(), shell.clone()).await;
    let work = work("script", json!({"script": "echo done"}), &["here"]);
    orchestrator.offer(&work).await;
    let first = result_of(&orchestrator, work.task_id).await;
    worker.kill();
    journal_is_free(folder.path()).await;
    orchestrator.heard.lock().expect("is free").messages.clear();
    orchestrator.set_acknowledge(true);
    let _worker = RunningWorker::start(&orchestrator, folder.path(), shell.clone()).await;
    assert_eq!(result_of(&orchestrator, work.task_id).await, first);
    journal_is_empty(folder.path()).await;
    assert_eq!(orchestrator.log(work.task_id).len(), 1, "the events come with it");
    assert_eq!(shell.runs.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_attempt_folder_without_a_state_does_not_count() {
    let (orchestrator, folder) = (Orchestrator::start().await, tempfile::tempdir().expect("a folder"));
    std::fs::create_dir_all(folder.path().join("journal/half.1")).expect("made");
    std::fs::write(folder.path().join("journal/half.1/work.json"), "{").expect("written");
    let _worker = RunningWorker::start(&orchestrator, folder.path(), Arc::new(Shell::default())).await;
    assert!(journalled(folder.path()).is_empty());
}

#[tokio::test]
async fn a_drain_finishes_what_runs_and_a_stop_ends_it_as_interrupted() {
    let (orchestrator, folder) = (Orchestrator::start().await, tempfile::tempdir().expect("a folder"));
    let worker = RunningWorker::start(&orchestrator, folder.path(), Arc::new(Shell::default())).await;
    let gate = folder.path().join("gate");
    let script = format!("echo begun; while [ ! -e {} ]; do sleep 0.05; done; echo ended", gate.display());
    let short = work("script", json!({"script": script}), &["here"]);
    orchestrator.offer(&short).await;
    until("the first event", PATIENCE, async || orchestrator.log(short.task_id).pop().ok_or("none")).await;
    worker.shutdown.drain();
    std::fs::write(&gate, "").expect("written");
    until("the worker to leave", PATIENCE, async || worker.ended()).await.expect("without a problem");
    assert_eq!(result_of(&orchestrator, short.task_id).await.outcome, Some(Outcome::Succeeded));
    worker.kill();
    journal_is_free(folder.path()).await;

    let worker = RunningWorker::start(&orchestrator, folder.path(), Arc::new(Shell::default())).await;
    let long = work("script", json!({"script": "echo begun; sleep 300"}), &["here"]);
    orchestrator.offer(&long).await;
    until("the first event", PATIENCE, async || orchestrator.log(long.task_id).pop().ok_or("none")).await;
    worker.shutdown.stop();
    until("the worker to leave", PATIENCE, async || worker.ended()).await.expect("without a problem");
    assert_eq!(result_of(&orchestrator, long.task_id).await.outcome, Some(Outcome::Interrupted));
    assert!(marker::find(&marker::of(AGENT, long.task_id, 1)).is_empty());
}

#[tokio::test]
async fn a_second_agent_on_the_same_journal_is_refused() {
    let (orchestrator, folder) = (Orchestrator::start().await, tempfile::tempdir().expect("a folder"));
    let _worker = RunningWorker::start(&orchestrator, folder.path(), Arc::new(Shell::default())).await;
    let parts = chiffon_worker::WorkerParts {
        bus: orchestrator.broker.connect(),
        clock: chiffon_process::SystemClock::shared(),
        ids: chiffon_process::RandomIds::shared(),
        kind: Arc::new(Shell::default()),
        probe: Arc::new(FourCores),
        tasks: orchestrator.tasks.clone(),
    };
    let refused = chiffon_worker::Worker::new(options(&orchestrator, folder.path()), parts).expect_err("it is held");
    assert_eq!(refused.code, ErrorCode::JournalUnavailable);
    assert!(refused.message.contains(&std::process::id().to_string()), "{}", refused.message);
}

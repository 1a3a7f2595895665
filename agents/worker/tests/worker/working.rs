//! From an offer to an acknowledged result, and everything that must not become one.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chiffon_agents_harness::journal::{journal_is_empty, journalled};
use chiffon_agents_harness::kinds::Shell;
use chiffon_agents_harness::orchestrator::{Claims, Orchestrator, WORK, envelope, work};
use chiffon_agents_harness::running::{AGENT, PATIENCE, RunningWorker, options, result_of};
use chiffon_process::{Clock as _, SystemClock};
use chiffon_protocol::key::KeyPair;
use chiffon_protocol::message::{Availability, Command, Control, ErrorReport, Intake, Outcome, ResultAck, ResultStatus, WorkRequest};
use chiffon_protocol::{ErrorCode, Message, Problem, signature, topology};
use chiffon_testkit::until;
use chiffon_worker::{Ended, WorkerOptions};
use serde_json::json;
use uuid::Uuid;

fn script(text: &str) -> WorkRequest {
    work("script", json!({"script": text}), &["here"])
}

#[tokio::test]
async fn work_is_claimed_run_reported_and_forgotten_once_it_is_stored() {
    let (orchestrator, folder) = (Orchestrator::start().await, tempfile::tempdir().expect("a folder"));
    let _worker = RunningWorker::start(&orchestrator, folder.path(), Arc::new(Shell::default())).await;
    let work = script("for i in $(seq 1 500); do echo line $i; done");
    orchestrator.offer(&work).await;

    let result = result_of(&orchestrator, work.task_id).await;
    assert_eq!((result.status, result.outcome), (ResultStatus::Completed, Some(Outcome::Succeeded)));
    assert_eq!(result.last_seq, 500);
    journal_is_empty(folder.path()).await;
    let log = orchestrator.log(work.task_id);
    assert_eq!(log.len(), 500);
    assert!((1..).zip(&log).all(|(number, event)| event.seq == number && event.text == format!("line {number}")));
    let heard = orchestrator.heard.lock().expect("is free");
    let about = heard.messages.iter().filter(|envelope| envelope.request_id == work.task_id);
    let traces: std::collections::BTreeSet<&str> = about.map(|envelope| envelope.trace_id.as_str()).collect();
    assert_eq!(traces.len(), 1, "claim, statuses and result carry the trace of the work: {traces:?}");
}

#[tokio::test]
async fn a_log_beyond_its_limit_is_cut_which_it_says_and_the_result_arrives() {
    let (orchestrator, folder) = (Orchestrator::start().await, tempfile::tempdir().expect("a folder"));
    let limited = WorkerOptions { max_log_bytes: 2_000, ..options(&orchestrator, folder.path()) };
    let _worker = RunningWorker::start_with(&orchestrator, limited, Arc::new(Shell::default())).await;
    let work = script("for number in $(seq 500); do echo line $number; done");
    orchestrator.offer(&work).await;
    assert_eq!(result_of(&orchestrator, work.task_id).await.outcome, Some(Outcome::Succeeded));
    journal_is_empty(folder.path()).await;
    let log = orchestrator.log(work.task_id);
    assert!(log.len() < 100, "{} lines", log.len());
    assert!(log.iter().any(|event| event.text.contains("agent.max_log_bytes")), "{log:?}");
}

#[tokio::test]
async fn a_refused_claim_runs_nothing_and_is_forgotten() {
    let (orchestrator, folder) = (Orchestrator::start().await, tempfile::tempdir().expect("a folder"));
    let shell = Arc::new(Shell::default());
    orchestrator.set_claims(Claims::Refuse);
    let _worker = RunningWorker::start(&orchestrator, folder.path(), shell.clone()).await;
    orchestrator.offer(&script("true")).await;
    until("a claim", PATIENCE, async || orchestrator.claims().pop().ok_or("none")).await;
    journal_is_empty(folder.path()).await;
    queue_is_empty(&orchestrator).await;
    assert_eq!(shell.runs.load(Ordering::SeqCst), 0);
    assert!(orchestrator.results().is_empty());
}

#[tokio::test]
async fn a_claim_without_an_answer_is_asked_again_with_the_same_id() {
    let (orchestrator, folder) = (Orchestrator::start().await, tempfile::tempdir().expect("a folder"));
    let shell = Arc::new(Shell::default());
    orchestrator.set_claims(Claims::Silence);
    let _worker = RunningWorker::start(&orchestrator, folder.path(), shell.clone()).await;
    let work = script("true");
    orchestrator.offer(&work).await;
    until("three claims", PATIENCE, async || if orchestrator.claims().len() >= 3 { Ok(()) } else { Err(orchestrator.claims().len()) })
        .await;
    let claims = orchestrator.claims();
    assert!(claims.iter().all(|claim| *claim == claims[0]), "{claims:?}");
    assert_eq!(shell.runs.load(Ordering::SeqCst), 0);
    orchestrator.set_claims(Claims::Grant);
    assert_eq!(result_of(&orchestrator, work.task_id).await.outcome, Some(Outcome::Succeeded));
}

#[tokio::test]
async fn a_grant_that_binds_other_work_does_not_count() {
    let (orchestrator, folder) = (Orchestrator::start().await, tempfile::tempdir().expect("a folder"));
    let shell = Arc::new(Shell::default());
    orchestrator.set_claims(Claims::GrantOtherWork);
    let _worker = RunningWorker::start(&orchestrator, folder.path(), shell.clone()).await;
    orchestrator.offer(&script("true")).await;
    until("two claims", PATIENCE, async || if orchestrator.claims().len() >= 2 { Ok(()) } else { Err(orchestrator.claims().len()) }).await;
    assert_eq!(shell.runs.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_grant_that_comes_too_late_starts_nothing_and_says_so() {
    let (orchestrator, folder) = (Orchestrator::start().await, tempfile::tempdir().expect("a folder"));
    let shell = Arc::new(Shell::default());
    orchestrator.set_claims(Claims::GrantLate);
    let _worker = RunningWorker::start(&orchestrator, folder.path(), shell.clone()).await;
    let work = script("true");
    orchestrator.offer(&work).await;
    assert_eq!(result_of(&orchestrator, work.task_id).await.outcome, Some(Outcome::NotStarted));
    assert_eq!(shell.runs.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn work_that_it_can_not_do_is_declined_with_the_reason() {
    let (orchestrator, folder) = (Orchestrator::start().await, tempfile::tempdir().expect("a folder"));
    let _worker = RunningWorker::start(&orchestrator, folder.path(), Arc::new(Shell::default())).await;
    let unknown = work("teleport", json!({}), &["here"]);
    orchestrator.offer(&unknown).await;
    let decline = until("a decline", PATIENCE, async || orchestrator.declines().pop().ok_or("none")).await;
    assert_eq!((decline.task_id, decline.attempt, decline.offer), (unknown.task_id, 1, 1));
    assert!(decline.reason.contains("teleport"), "{}", decline.reason);
    queue_is_empty(&orchestrator).await;
    assert!(journalled(folder.path()).is_empty());
}

#[tokio::test]
async fn a_journal_that_can_not_be_written_declines_and_claims_nothing() {
    let (orchestrator, folder) = (Orchestrator::start().await, tempfile::tempdir().expect("a folder"));
    let _worker = RunningWorker::start(&orchestrator, folder.path(), Arc::new(Shell::default())).await;
    let work = script("true");
    // A folder where the attempt's log should be: no user may write there, not even root.
    std::fs::create_dir(folder.path().join(format!("journal/{}.1.log", work.task_id))).expect("made");
    orchestrator.offer(&work).await;
    let decline = until("a decline", PATIENCE, async || orchestrator.declines().pop().ok_or("none")).await;
    assert!(decline.reason.contains("journal"), "{}", decline.reason);
    assert!(orchestrator.claims().is_empty());
}

#[tokio::test]
async fn unsigned_forged_misaddressed_and_unreadable_work_becomes_a_dead_letter() {
    let (orchestrator, folder) = (Orchestrator::start().await, tempfile::tempdir().expect("a folder"));
    let shell = Arc::new(Shell::default());
    let _worker = RunningWorker::start(&orchestrator, folder.path(), shell.clone()).await;
    let body = envelope(script("true"), Uuid::nil()).to_bytes();
    let soon = SystemClock.now() + Duration::from_mins(1);
    let queue = WORK;
    let sign = |key: &KeyPair, to: &str, until, body: &[u8]| Some(signature::sign(key, to, until, body));
    let text = br#"{"not": "an envelope"}"#.to_vec();
    let unknown = String::from_utf8(body.clone()).expect("is text").replace("work_request", "work_wish").into_bytes();
    let cases = [
        (None, body.clone(), "5012"),
        (sign(&KeyPair::generate(), queue, soon, &body), body.clone(), "5012"),
        (sign(&orchestrator.key, "agent.desktop.other", soon, &body), body.clone(), "5012"),
        (sign(&orchestrator.key, queue, soon, &text), text, "5003"),
        (sign(&orchestrator.key, queue, soon, &unknown), unknown, "5011"),
    ];
    for (number, (header, body, code)) in cases.into_iter().enumerate() {
        orchestrator.publish(topology::WORK_EXCHANGE, queue, header, body).await;
        let asked = async || {
            let letters = orchestrator.dead_letters().await;
            if letters.len() == number + 1 { Ok(letters) } else { Err(letters) }
        };
        let letters = until("a dead letter", PATIENCE, asked).await;
        assert!(letters.iter().any(|letter| letter.contains(code)), "case {number} should be {code}: {letters:?}");
    }
    assert!(orchestrator.claims().is_empty());
    assert_eq!(shell.runs.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn work_that_is_too_old_by_its_clock_is_declined_and_the_clock_is_named() {
    let (orchestrator, folder) = (Orchestrator::start().await, tempfile::tempdir().expect("a folder"));
    let shell = Arc::new(Shell::default());
    let _worker = RunningWorker::start(&orchestrator, folder.path(), shell.clone()).await;
    let body = envelope(script("true"), Uuid::nil()).to_bytes();
    let past = SystemClock.now() - Duration::from_hours(3);
    let header = signature::sign(&orchestrator.key, WORK, past, &body);
    orchestrator.publish(topology::WORK_EXCHANGE, WORK, Some(header), body).await;
    let decline = until("a decline", PATIENCE, async || orchestrator.declines().pop().ok_or("none")).await;
    assert!(decline.reason.contains("clock"), "{}", decline.reason);
    queue_is_empty(&orchestrator).await;
    assert!(orchestrator.claims().is_empty());
    assert_eq!(shell.runs.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_attempt_that_is_delivered_three_times_runs_once() {
    let (orchestrator, folder) = (Orchestrator::start().await, tempfile::tempdir().expect("a folder"));
    let shell = Arc::new(Shell::default());
    orchestrator.set_acknowledge(false);
    let _worker = RunningWorker::start(&orchestrator, folder.path(), shell.clone()).await;
    let work = script("echo once");
    for _ in 0..2 {
        orchestrator.offer(&work).await;
    }
    let result = result_of(&orchestrator, work.task_id).await;
    orchestrator.offer(&work).await;
    queue_is_empty(&orchestrator).await;
    assert_eq!(shell.runs.load(Ordering::SeqCst), 1);
    assert_eq!(orchestrator.claims().iter().map(|claim| claim.claim_id).collect::<std::collections::BTreeSet<_>>().len(), 1);
    assert_eq!(result.last_seq, 1);
}

#[tokio::test]
async fn a_result_is_repeated_until_it_is_acknowledged_and_lost_events_come_again() {
    let (orchestrator, folder) = (Orchestrator::start().await, tempfile::tempdir().expect("a folder"));
    orchestrator.set_acknowledge(false);
    let _worker = RunningWorker::start(&orchestrator, folder.path(), Arc::new(Shell::default())).await;
    let work = script("echo one; echo two");
    orchestrator.offer(&work).await;
    result_of(&orchestrator, work.task_id).await;
    // The orchestrator has stored the result but lost what came before it.
    orchestrator.heard.lock().expect("is free").messages.clear();
    orchestrator.say(AGENT, ResultAck { task_id: work.task_id, attempt: 1, last_seq: 0, result_stored: true }).await;
    result_of(&orchestrator, work.task_id).await;
    let asked = async || if orchestrator.log(work.task_id).len() == 2 { Ok(()) } else { Err(orchestrator.log(work.task_id)) };
    until("both events again", PATIENCE, asked).await;
    assert_eq!(journalled(folder.path()), [format!("{}.1", work.task_id)]);
    orchestrator.say(AGENT, ResultAck { task_id: work.task_id, attempt: 1, last_seq: 2, result_stored: true }).await;
    journal_is_empty(folder.path()).await;
}

#[tokio::test]
async fn a_cancelled_run_is_stopped_with_all_its_processes() {
    let (orchestrator, folder) = (Orchestrator::start().await, tempfile::tempdir().expect("a folder"));
    let _worker = RunningWorker::start(&orchestrator, folder.path(), Arc::new(Shell::default())).await;
    let work = script("echo begun; setsid sleep 300 & wait");
    orchestrator.offer(&work).await;
    until("the first event", PATIENCE, async || orchestrator.log(work.task_id).pop().ok_or("none")).await;
    orchestrator.command(AGENT, Command::Cancel, Some(work.task_id)).await;
    let result = result_of(&orchestrator, work.task_id).await;
    assert_eq!((result.status, result.outcome), (ResultStatus::Failed, Some(Outcome::Cancelled)));
    let marker = chiffon_worker::marker::of(AGENT, work.task_id, 1);
    assert!(chiffon_worker::marker::find(&marker).is_empty());
}

#[tokio::test]
async fn one_attempt_can_be_stopped_by_its_number() {
    let (orchestrator, folder) = (Orchestrator::start().await, tempfile::tempdir().expect("a folder"));
    let two = WorkerOptions { concurrency: 2, ..options(&orchestrator, folder.path()) };
    let _worker = RunningWorker::start_with(&orchestrator, two, Arc::new(Shell::default())).await;
    let first = script("echo begun; sleep 300");
    let second = WorkRequest { attempt: 2, ..first.clone() };
    for work in [&first, &second] {
        orchestrator.offer(work).await;
    }
    let both = async || match orchestrator.heartbeats().pop() {
        Some(beat) if beat.running.iter().filter(|running| running.progress == 50).count() == 2 => Ok(()),
        last => Err(last),
    };
    until("both attempts in a heartbeat", PATIENCE, both).await;
    let stop =
        Control { command: Command::Cancel, task_id: Some(first.task_id), attempt: Some(1), reason: "another one counts".to_owned() };
    orchestrator.say(AGENT, stop).await;
    let result = result_of(&orchestrator, first.task_id).await;
    assert_eq!((result.attempt, result.outcome), (1, Some(Outcome::Cancelled)));
    let marker = |attempt| chiffon_worker::marker::of(AGENT, first.task_id, attempt);
    assert!(chiffon_worker::marker::find(&marker(1)).is_empty());
    assert!(!chiffon_worker::marker::find(&marker(2)).is_empty(), "the other one goes on");
    orchestrator.command(AGENT, Command::Cancel, Some(first.task_id)).await;
    let ended = async || if chiffon_worker::marker::find(&marker(2)).is_empty() { Ok(()) } else { Err("it still runs") };
    until("the other one's end", PATIENCE, ended).await;
}

#[tokio::test]
async fn heartbeats_name_what_runs_and_a_paused_agent_takes_nothing() {
    let (orchestrator, folder) = (Orchestrator::start().await, tempfile::tempdir().expect("a folder"));
    let _worker = RunningWorker::start(&orchestrator, folder.path(), Arc::new(Shell::default())).await;
    let long = script("echo begun; sleep 300");
    orchestrator.offer(&long).await;
    let running = async || {
        let beat = orchestrator.heartbeats().pop().ok_or_else(|| "no heartbeat".to_owned())?;
        beat.running.iter().find(|running| running.task_id == long.task_id && running.progress == 50).cloned().ok_or(format!("{beat:?}"))
    };
    until("the attempt in a heartbeat", PATIENCE, running).await;

    orchestrator.command(AGENT, Command::Pause, None).await;
    let paused = async || match orchestrator.heartbeats().pop() {
        Some(beat) if beat.availability == Availability::Paused => Ok(()),
        last => Err(last),
    };
    until("a paused heartbeat", PATIENCE, paused).await;
    let consumers = async || match orchestrator.bus.depth(WORK).await.expect("has a depth") {
        (_, 0) => Ok(()),
        depth => Err(depth),
    };
    until("no consumer", PATIENCE, consumers).await;
    let later = script("true");
    orchestrator.offer(&later).await;
    orchestrator.command(AGENT, Command::Resume, None).await;
    assert_eq!(result_of(&orchestrator, later.task_id).await.outcome, Some(Outcome::Succeeded));
    let beats = orchestrator.heartbeats();
    assert!(beats.windows(2).all(|pair| pair[1].seq > pair[0].seq && pair[0].incarnation == pair[1].incarnation));
    orchestrator.command(AGENT, Command::Cancel, Some(long.task_id)).await;
    result_of(&orchestrator, long.task_id).await;
}

#[tokio::test]
async fn a_drained_agent_finishes_reports_and_ends_and_takes_nothing_more() {
    let (orchestrator, folder) = (Orchestrator::start().await, tempfile::tempdir().expect("a folder"));
    let worker = RunningWorker::start(&orchestrator, folder.path(), Arc::new(Shell::default())).await;
    let running = script("echo begun; while ! test -e ../../go; do sleep 0.1; done");
    orchestrator.offer(&running).await;
    until("the first event", PATIENCE, async || orchestrator.log(running.task_id).pop().ok_or("none")).await;
    orchestrator.set_acknowledge(false);
    for _ in 0..2 {
        orchestrator.command(AGENT, Command::Drain, None).await;
    }
    says(&orchestrator, Intake::Draining).await;
    let later = script("true");
    orchestrator.offer(&later).await;
    std::fs::write(folder.path().join("go"), "").expect("written");
    assert_eq!(result_of(&orchestrator, running.task_id).await.outcome, Some(Outcome::Succeeded));
    assert!(worker.ended().is_err(), "nobody has acknowledged the result yet");
    orchestrator.set_acknowledge(true);
    let ended = until("the worker to end", PATIENCE, async || worker.ended()).await.expect("without a problem");
    assert_eq!(ended, Ended::Drained);
    assert!(journalled(folder.path()).is_empty(), "nothing is left to report");
    let claimed: Vec<Uuid> = orchestrator.claims().iter().map(|claim| claim.task_id).collect();
    assert!(!claimed.contains(&later.task_id), "it took nothing more");
}

#[tokio::test]
async fn a_drain_is_taken_back_by_a_resume_and_one_among_others_never_ends() {
    let (orchestrator, folder) = (Orchestrator::start().await, tempfile::tempdir().expect("a folder"));
    let shared = WorkerOptions { ends_when_drained: false, ..options(&orchestrator, folder.path()) };
    let worker = RunningWorker::start_with(&orchestrator, shared, Arc::new(Shell::default())).await;
    orchestrator.command(AGENT, Command::Drain, None).await;
    says(&orchestrator, Intake::Draining).await;
    orchestrator.command(AGENT, Command::Resume, None).await;
    says(&orchestrator, Intake::Open).await;
    let work = script("true");
    orchestrator.offer(&work).await;
    assert_eq!(result_of(&orchestrator, work.task_id).await.outcome, Some(Outcome::Succeeded));
    assert!(worker.ended().is_err());
}

#[tokio::test]
async fn a_refusal_is_understood_and_is_no_dead_letter() {
    let (orchestrator, folder) = (Orchestrator::start().await, tempfile::tempdir().expect("a folder"));
    let _worker = RunningWorker::start(&orchestrator, folder.path(), Arc::new(Shell::default())).await;
    let refusal = Problem::new(ErrorCode::HostnameTaken, "agent-2 is the agent of test-host already");
    orchestrator.say(AGENT, ErrorReport::from(refusal)).await;
    // What is said later is heard later.
    orchestrator.command(AGENT, Command::Hello, None).await;
    until("a second hello", PATIENCE, async || if orchestrator.hellos().len() == 2 { Ok(()) } else { Err(orchestrator.hellos().len()) })
        .await;
    assert!(orchestrator.dead_letters().await.is_empty());
}

#[tokio::test]
async fn a_run_that_ends_at_once_is_told_with_one_result_that_takes_its_log_along() {
    let (orchestrator, folder) = (Orchestrator::start().await, tempfile::tempdir().expect("a folder"));
    orchestrator.set_acknowledge(false);
    // Longer than this test takes, however busy the machine is.
    let long = Duration::from_mins(1);
    let patient = WorkerOptions { events_every: long, result_again: long, ..options(&orchestrator, folder.path()) };
    let _worker = RunningWorker::start_with(&orchestrator, patient, Arc::new(Shell::default())).await;
    let works: Vec<WorkRequest> = (0..4).map(|_| script("echo one; echo two; echo three")).collect();
    for work in &works {
        orchestrator.offer(work).await;
    }
    for work in &works {
        result_of(&orchestrator, work.task_id).await;
        let whole = async || if orchestrator.log(work.task_id).len() == 3 { Ok(()) } else { Err(orchestrator.log(work.task_id)) };
        until("its log", PATIENCE, whole).await;
        let mut said = orchestrator.heard(|message| match message {
            Message::WorkStatus(status) if status.task_id == work.task_id => Some("status"),
            Message::WorkResult(result) if result.task_id == work.task_id => Some("result"),
            _ => None,
        });
        said.sort_unstable();
        assert_eq!(said, ["result"]);
    }
}

#[tokio::test]
async fn events_that_the_result_has_taken_along_in_vain_are_said_again() {
    let (orchestrator, folder) = (Orchestrator::start().await, tempfile::tempdir().expect("a folder"));
    orchestrator.set_passes_over_events_of_results();
    let _worker = RunningWorker::start(&orchestrator, folder.path(), Arc::new(Shell::default())).await;
    let work = script("echo one; echo two; echo three");
    orchestrator.offer(&work).await;
    let result = result_of(&orchestrator, work.task_id).await;
    assert_eq!((result.events.len(), result.started_at.is_some()), (3, true));
    let whole = async || if orchestrator.log(work.task_id).len() == 3 { Ok(()) } else { Err(orchestrator.log(work.task_id)) };
    until("its log, by statuses", PATIENCE, whole).await;
    // Whoever knows nothing of such events acknowledges statuses, too.
    let ack = ResultAck { task_id: work.task_id, attempt: 1, last_seq: 3, result_stored: true };
    orchestrator.say(AGENT, ack).await;
    journal_is_empty(folder.path()).await;
}

#[tokio::test]
async fn there_is_no_subscription_while_there_is_no_room() {
    let (orchestrator, folder) = (Orchestrator::start().await, tempfile::tempdir().expect("a folder"));
    let narrow = WorkerOptions { concurrency: 1, ..options(&orchestrator, folder.path()) };
    let _worker = RunningWorker::start_with(&orchestrator, narrow, Arc::new(Shell::default())).await;
    let (long, short) = (script("echo begun; sleep 300"), script("true"));
    orchestrator.offer(&long).await;
    until("the first event", PATIENCE, async || orchestrator.log(long.task_id).pop().ok_or("none")).await;
    orchestrator.offer(&short).await;
    let lies_there = async || match orchestrator.bus.depth(WORK).await.expect("has a depth") {
        (1, 0) => Ok(()),
        depth => Err(depth),
    };
    until("work that others can take", PATIENCE, lies_there).await;
    orchestrator.command(AGENT, Command::Cancel, Some(long.task_id)).await;
    assert_eq!(result_of(&orchestrator, short.task_id).await.outcome, Some(Outcome::Succeeded));
    result_of(&orchestrator, long.task_id).await;
}

#[tokio::test]
async fn hello_is_said_again_when_the_orchestrator_asks() {
    let (orchestrator, folder) = (Orchestrator::start().await, tempfile::tempdir().expect("a folder"));
    let _worker = RunningWorker::start(&orchestrator, folder.path(), Arc::new(Shell::default())).await;
    let first = orchestrator.hellos().pop().expect("a hello");
    assert_eq!(
        (first.agent_id.as_str(), first.hostname.as_str(), first.hosts["all"].as_slice()),
        (AGENT, "test-host", &["here".to_owned()][..])
    );
    assert!((first.resources.cpu_cores - 4.0).abs() < 1e-9);
    orchestrator.command(AGENT, Command::Hello, None).await;
    until("a second hello", PATIENCE, async || if orchestrator.hellos().len() == 2 { Ok(()) } else { Err(orchestrator.hellos().len()) })
        .await;
}

/// Waits until a heartbeat says that it follows this order.
async fn says(orchestrator: &Orchestrator, intake: Intake) {
    let said = async || match orchestrator.heartbeats().pop() {
        Some(beat) if beat.intake == Some(intake) => Ok(()),
        last => Err(last),
    };
    until("a heartbeat with the order", PATIENCE, said).await;
}

async fn queue_is_empty(orchestrator: &Orchestrator) {
    let empty = async || match orchestrator.bus.depth(WORK).await.expect("has a depth") {
        (0, _) => Ok(()),
        depth => Err(depth),
    };
    until("an empty queue", PATIENCE, empty).await;
}

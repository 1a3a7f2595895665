//! Plays that are stopped, take too long or die: what they had done is told, and nothing of them runs on.

use std::os::unix::fs::PermissionsExt as _;

use chiffon_agents_harness::running::{AGENT, PATIENCE};
use chiffon_infrastructure::InfrastructureOptions;
use chiffon_protocol::ErrorCode;
use chiffon_protocol::message::{Command, HostStatus, Outcome, WorkRequest};
use chiffon_testkit::until;
use chiffon_worker::marker;
use serde_json::json;

use crate::playbooks::Playbooks;
use crate::plays::{WRITE, error};

/// Seconds in which a play comes to its second task, however busy the machine is.
const ENOUGH_TO_BEGIN: u64 = 25;

#[tokio::test]
async fn a_play_that_takes_too_long_is_stopped_and_says_what_it_had_done() {
    let books = Playbooks::new();
    books.action("slow", "", &format!("{WRITE}    - name: Wait for ever\n      ansible.builtin.command: sleep 300\n"));
    let fleet = books.start().await;
    let work = WorkRequest { timeout_seconds: ENOUGH_TO_BEGIN, ..fleet.work("slow", json!({"host": "nas"}), &["nas"]) };
    let message = error(&fleet.run(&work).await, ErrorCode::PlayTimeout);
    assert!(message.contains("\"Wait for ever\"") && message.contains("\"Write the file\" on nas"), "{message}");
    assert!(marker::find(&marker::of(AGENT, work.task_id, 1)).is_empty());
}

#[tokio::test]
async fn a_task_that_was_under_way_when_a_play_was_stopped_may_have_changed_something_and_nothing_says_otherwise() {
    let books = Playbooks::new();
    let tasks = "    - name: Write and hang\n      ansible.builtin.shell: date > @DIR@/written; sleep 300\n";
    books.action("hang", "", tasks);
    let fleet = books.start().await;
    let work = WorkRequest { timeout_seconds: ENOUGH_TO_BEGIN, ..fleet.work("hang", json!({"host": "nas"}), &["nas"]) };
    let result = fleet.run(&work).await;
    assert!(fleet.playbooks.path("written").exists(), "it did change something");
    let message = error(&result, ErrorCode::PlayTimeout);
    assert!(message.contains("may have: \"Write and hang\" on nas") && !message.contains("nothing had been changed"), "{message}");
    let host = &result.hosts[0];
    assert_eq!((host.status, host.changed), (HostStatus::Unfinished, 0));
    assert!(host.message.as_deref().is_some_and(|message| message.contains("\"Write and hang\" was under way")), "{host:?}");
}

#[tokio::test]
async fn what_a_play_that_was_killed_had_begun_is_ended_and_told() {
    let books = Playbooks::new();
    books.action("hang", "", "    - name: Write and hang\n      ansible.builtin.shell: date > @DIR@/written; sleep 300\n");
    let fleet = books.start().await;
    let work = fleet.work("hang", json!({"host": "nas"}), &["nas"]);
    fleet.orchestrator.offer(&work).await;
    let mark = marker::of(AGENT, work.task_id, 1);
    let written = fleet.playbooks.path("written");
    until("the task", PATIENCE, async || if written.exists() { Ok(()) } else { Err("nothing is written yet") }).await;
    // What the kernel does where memory ends: the play's own processes die, and what they have started does not.
    for pid in marker::find(&mark) {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        if String::from_utf8_lossy(&line).contains("ansible-playbook") {
            let killed = std::process::Command::new("kill").args(["-9", &pid.to_string()]).status();
            assert!(killed.is_ok(), "{killed:?}");
        }
    }
    let result = chiffon_agents_harness::running::result_of(&fleet.orchestrator, work.task_id).await;
    let message = error(&result, ErrorCode::PlayFailed);
    assert!(message.contains("may have: \"Write and hang\" on nas"), "{message}");
    assert_eq!(result.hosts[0].status, HostStatus::Unfinished);
    assert!(marker::find(&mark).is_empty(), "nothing of it runs on");
}

#[tokio::test]
async fn a_cancelled_play_is_partly_done_and_nothing_of_it_runs_on() {
    let books = Playbooks::new();
    books.action("slow", "", &format!("{WRITE}    - name: Wait for ever\n      ansible.builtin.command: sleep 300\n"));
    let fleet = books.start().await;
    let work = fleet.work("slow", json!({"host": "nas"}), &["nas"]);
    fleet.orchestrator.offer(&work).await;
    let waiting = async || {
        let log = fleet.orchestrator.log(work.task_id);
        if log.iter().any(|event| event.kind == "task_started" && event.name.as_deref() == Some("Wait for ever")) {
            Ok(())
        } else {
            Err(log)
        }
    };
    until("the second task", PATIENCE, waiting).await;
    fleet.orchestrator.command(AGENT, Command::Cancel, Some(work.task_id)).await;
    let result = chiffon_agents_harness::running::result_of(&fleet.orchestrator, work.task_id).await;
    assert_eq!(result.outcome, Some(Outcome::Cancelled));
    let message = error(&result, ErrorCode::CancelledByPerson);
    assert!(message.contains("\"Write the file\" on nas"), "{message}");
    assert!(marker::find(&marker::of(AGENT, work.task_id, 1)).is_empty());
}

#[tokio::test]
async fn output_that_is_no_event_and_a_kill_from_outside_are_survived() {
    let books = Playbooks::new();
    books.action("write", "", WRITE);
    let script = "#!/bin/sh\necho 'no event'\necho '{\"_event\": \"v2_runner_on_ok\", \"hosts\": 7}'\necho '{\"_event\": \"v9_new\"}'\nhead -c 9000000 /dev/zero | tr '\\0' x\necho\necho broken >&2\nkill -9 $$\n";
    books.write("ansible-playbook", script);
    std::fs::set_permissions(books.path("ansible-playbook"), std::fs::Permissions::from_mode(0o755)).expect("set");
    let options = InfrastructureOptions { ansible_playbook: books.path("ansible-playbook"), ..books.options() };
    let fleet = books.start_with(options).await;
    let work = fleet.work("write", json!({"host": "nas"}), &["nas"]);
    let message = error(&fleet.run(&work).await, ErrorCode::PlayFailed);
    assert!(message.contains("signal 9") && message.contains("broken"), "{message}");
    let log = fleet.orchestrator.log(work.task_id);
    assert!(log.iter().any(|event| event.kind == "output" && event.text == "no event"), "{log:?}");
    assert!(log.iter().any(|event| event.kind == "warning" && event.text.contains("8 MiB")), "{log:?}");
}

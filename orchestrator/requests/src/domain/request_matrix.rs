//! The state x event matrix of a request, as a snapshot and as the table in docs/state-machines.md.
//!
//! `UPDATE_DOCS=1` rewrites the table between its markers; otherwise the test compares.

use std::fmt::Write as _;

use chiffon_testkit::page_table::assert_documented;

use super::*;

fn matrix() -> String {
    let mut table = "| state | event | becomes |\n|---|---|---|\n".to_owned();
    for status in Status::ALL {
        let (mut refused, mut moves) = (Vec::new(), String::new());
        for event in Event::ALL {
            match status.on(*event) {
                Ok(next) => writeln!(moves, "| {status} | {event} | {next} |").expect("a text takes it"),
                Err(_) => refused.push(event.as_str()),
            }
        }
        let all = if moves.is_empty() { "anything".to_owned() } else { refused.join(", ") };
        table.push_str(&moves);
        writeln!(table, "| {status} | {all} | refused |").expect("a text takes it");
    }
    table
}

#[test]
fn every_state_meets_every_event() {
    let mut lines = String::new();
    for status in Status::ALL {
        let moves: Vec<String> =
            Event::ALL.iter().filter_map(|event| status.on(*event).ok().map(|next| format!("{event} -> {next}"))).collect();
        let moves = if moves.is_empty() { "over".to_owned() } else { moves.join(", ") };
        writeln!(lines, "{status}: {moves}").expect("a text takes it");
    }
    insta::assert_snapshot!(lines, @r"
    planning: ask -> needs_input, discover -> discovering, preview -> previewing, propose -> awaiting_approval, run_unasked -> running, give_up -> failed, expire -> expired, cancel -> cancelled
    needs_input: say -> planning, expire -> expired, cancel -> cancelled
    discovering: ask -> needs_input, preview -> previewing, propose -> awaiting_approval, run_unasked -> running, say -> planning, plan_again -> planning, expire -> expired, cancel -> cancelled
    previewing: propose -> awaiting_approval, say -> planning, plan_again -> planning, reject -> rejected, expire -> expired, cancel -> cancelled
    awaiting_approval: say -> planning, plan_again -> planning, approve -> running, reject -> rejected, expire -> expired, cancel -> cancelled
    running: plan_again -> planning, expire -> expired, cancel -> running, alarm -> needs_attention, go_on -> running, pause -> paused, complete -> completed, fail -> failed, stop -> cancelled
    needs_attention: expire -> expired, cancel -> needs_attention, alarm -> needs_attention, go_on -> running, hold -> paused, pause -> needs_attention, resume -> needs_attention, complete -> completed, fail -> failed, stop -> cancelled
    paused: expire -> expired, cancel -> paused, alarm -> needs_attention, go_on -> paused, hold -> paused, resume -> running, complete -> completed, fail -> failed, stop -> cancelled
    completed: over
    failed: over
    cancelled: over
    rejected: over
    expired: over
    ");
}

#[test]
fn the_documented_matrix_is_this_one() {
    assert_documented("request", &matrix());
}

#[test]
fn a_finished_request_takes_no_event_and_offers_no_call() {
    for status in Status::ALL.iter().filter(|status| status.is_finished()) {
        assert!(Event::ALL.iter().all(|event| status.on(*event).is_err()), "{status} moves");
        assert!(status.next_calls().is_empty(), "{status} offers a call");
    }
}

#[test]
fn every_open_state_can_be_cancelled_and_says_so() {
    for status in Status::ALL.iter().filter(|status| !status.is_finished()) {
        assert!(status.on(Event::Cancel).is_ok(), "{status} can't be cancelled");
        assert!(status.next_calls().contains(&"cancel"), "{status} does not offer to cancel");
    }
}

#[test]
fn only_a_proposed_plan_can_be_approved_and_only_a_fresh_one_runs_unasked() {
    let into_running =
        |event: Event| -> Vec<Status> { Status::ALL.iter().copied().filter(|status| status.on(event) == Ok(Status::Running)).collect() };
    assert_eq!(into_running(Event::Approve), [Status::AwaitingApproval]);
    assert_eq!(into_running(Event::RunUnasked), [Status::Planning, Status::Discovering]);
}

#[test]
fn words_read_back() {
    assert!(Status::ALL.iter().all(|status| Status::from_word(status.as_str()) == Some(*status)));
    assert_eq!(Status::from_word("done"), None);
}

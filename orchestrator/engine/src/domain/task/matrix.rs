//! The state x event matrix of a task: its snapshot is the table in docs/state-machines.md.
//!
//! Building the tests with `UPDATE_DOCS=1` rewrites the table between its markers; otherwise they compare.

use chiffon_protocol::message::Outcome;
use chiffon_testkit::page_table::assert_documented;

use super::{Decision, Event, InvalidTransition, Owned, Status, Task};

fn owned(started: bool, cancel_requested: bool) -> Owned {
    Owned { attempt: 1, agent_id: "a".to_owned(), started, cancel_requested }
}

fn states() -> Vec<(&'static str, Task)> {
    vec![
        ("pending", Task::Pending),
        ("waiting", Task::Waiting),
        ("dispatched, offered", Task::Offered { attempt: 1, offer: 1 }),
        ("dispatched, claimed", Task::Claimed(owned(false, false))),
        ("running", Task::Running(owned(true, false))),
        ("running, cancel requested", Task::Running(owned(true, true))),
        ("unknown, not known to have begun", Task::Unknown(owned(false, false))),
        ("unknown, begun", Task::Unknown(owned(true, false))),
        ("unknown, cancel requested", Task::Unknown(owned(true, true))),
        ("completed", Task::Completed),
        ("failed", Task::Failed),
        ("cancelled", Task::Cancelled),
        ("interrupted", Task::Interrupted { attempt: 1, cancel_requested: false }),
        ("interrupted, cancel requested", Task::Interrupted { attempt: 1, cancel_requested: true }),
        ("skipped", Task::Skipped),
    ]
}

fn events() -> Vec<Event> {
    let finish = |outcome| Event::Finish { attempt: 1, outcome };
    vec![
        Event::DependenciesMet,
        Event::DependencyFailed,
        Event::Offer { attempt: 1, offer: 1 },
        Event::Claim { attempt: 1, offer: 1, agent_id: "a".to_owned() },
        Event::Decline { attempt: 1, offer: 1 },
        Event::OfferExpired { attempt: 1, offer: 1 },
        Event::Returned { attempt: 1, offer: 1 },
        Event::Start { attempt: 1 },
        Event::Progress { attempt: 1 },
        finish(Outcome::Succeeded),
        finish(Outcome::Failed),
        finish(Outcome::Cancelled),
        finish(Outcome::Interrupted),
        finish(Outcome::NotStarted),
        Event::CancelRequested,
        Event::LeaseExpired { attempt: 1 },
        Event::Hold,
        Event::Retry { attempt: 1 },
        Event::TryAgain { attempt: 1 },
        Event::LeaveOut,
        Event::Resolve { attempt: 1, decision: Decision::Retry },
        Event::Resolve { attempt: 1, decision: Decision::Done },
        Event::Resolve { attempt: 1, decision: Decision::GiveUp },
    ]
}

fn label(task: &Task) -> String {
    match task {
        Task::Offered { .. } => "dispatched, offered".to_owned(),
        Task::Claimed(owned) if owned.cancel_requested => "dispatched, claimed, cancel requested".to_owned(),
        Task::Claimed(_) => "dispatched, claimed".to_owned(),
        Task::Running(owned) | Task::Unknown(owned) if owned.cancel_requested => format!("{}, cancel requested", task.status().as_str()),
        Task::Interrupted { cancel_requested: true, .. } => "interrupted, cancel requested".to_owned(),
        Task::Pending
        | Task::Waiting
        | Task::Running(_)
        | Task::Unknown(_)
        | Task::Completed
        | Task::Failed
        | Task::Cancelled
        | Task::Interrupted { .. }
        | Task::Skipped => task.status().as_str().to_owned(),
    }
}

fn matrix() -> String {
    let mut table = "| state | event | becomes |\n|---|---|---|\n".to_owned();
    for (name, state) in states() {
        let mut refused = Vec::new();
        for event in events() {
            let words = event.name();
            match state.clone().on(event) {
                Ok(next) => table.extend(["| ", name, " | ", words, " | ", &label(&next), " |\n"]),
                Err(_) => refused.push(words),
            }
        }
        let all = if refused.len() == events().len() { "anything".to_owned() } else { refused.join(", ") };
        table.extend(["| ", name, " | ", &all, " | refused |\n"]);
    }
    table
}

#[test]
fn every_state_meets_every_event_as_documented() {
    assert_documented("task", &matrix());
}

#[test]
fn reports_of_other_attempts_and_offers_are_named() {
    let offered = Task::Offered { attempt: 2, offer: 3 };
    let claim = |attempt, offer| Event::Claim { attempt, offer, agent_id: "a".to_owned() };
    assert_eq!(offered.clone().on(claim(2, 2)), Err(InvalidTransition::Superseded { attempt: 2, offer: 2 }));
    assert_eq!(offered.clone().on(claim(1, 3)), Err(InvalidTransition::Superseded { attempt: 1, offer: 3 }));
    assert!(offered.on(claim(2, 3)).is_ok());
    let late = Event::Finish { attempt: 3, outcome: Outcome::Succeeded };
    assert_eq!(Task::Running(owned(true, false)).on(late), Err(InvalidTransition::Superseded { attempt: 3, offer: 0 }));
}

#[test]
fn a_cancelled_task_that_never_started_is_not_offered_again() {
    let not_started = Event::Finish { attempt: 1, outcome: Outcome::NotStarted };
    assert_eq!(Task::Claimed(owned(false, true)).on(not_started.clone()), Ok(Task::Cancelled));
    assert_eq!(Task::Claimed(owned(false, false)).on(not_started), Ok(Task::Waiting));
}

#[test]
fn a_decision_about_another_attempt_changes_nothing() {
    for decision in Decision::ALL {
        let about_an_older_one = Event::Resolve { attempt: 1, decision };
        let superseded = Err(InvalidTransition::Superseded { attempt: 1, offer: 0 });
        let second = Owned { attempt: 2, ..owned(true, false) };
        assert_eq!(Task::Unknown(second).on(about_an_older_one.clone()), superseded);
        assert_eq!(Task::Interrupted { attempt: 2, cancel_requested: false }.on(about_an_older_one), superseded);
    }
}

#[test]
fn words_read_back() {
    for status in Status::ALL {
        assert_eq!(Status::from_word(status.as_str()), Some(status));
    }
}

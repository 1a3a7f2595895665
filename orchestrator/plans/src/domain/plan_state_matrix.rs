//! The state x event matrix of a plan's revisions, as the table in docs/state-machines.md.
//!
//! `UPDATE_DOCS=1` rewrites the table between its markers; otherwise the test compares.

use std::fmt::Write as _;

use chiffon_testkit::page_table::assert_documented;

use super::*;

fn matrix() -> String {
    let mut table = "| state | event | becomes |\n|---|---|---|\n".to_owned();
    for state in State::ALL {
        let (mut refused, mut moves) = (Vec::new(), String::new());
        for event in Event::ALL {
            match state.on(event) {
                Ok(next) => writeln!(moves, "| {state} | {event} | {next} |").expect("a text takes it"),
                Err(_) => refused.push(event.as_str()),
            }
        }
        let all = if moves.is_empty() { "anything".to_owned() } else { refused.join(", ") };
        table.push_str(&moves);
        writeln!(table, "| {state} | {all} | refused |").expect("a text takes it");
    }
    table
}

#[test]
fn the_documented_matrix_is_this_one() {
    assert_documented("plan", &matrix());
}

#[test]
fn only_a_fixed_plan_is_approved_and_only_once() {
    let into_approved: Vec<(State, Event)> = State::ALL
        .into_iter()
        .flat_map(|state| Event::ALL.map(|event| (state, event)))
        .filter(|(state, event)| state.on(*event) == Ok(State::Approved))
        .collect();
    assert_eq!(into_approved, [(State::Proposed, Event::Approve)]);
}

#[test]
fn what_is_open_can_be_given_up_in_each_way_and_what_has_ended_in_none() {
    for state in State::ALL {
        for event in [Event::Supersede, Event::Expire, Event::Withdraw] {
            let may = state.is_open() || (state, event) == (State::Approved, Event::Supersede);
            assert_eq!(state.on(event).is_ok(), may, "{state} on {event}");
        }
    }
}

#[test]
fn a_hash_is_set_once() {
    let fixed = State::ALL.into_iter().filter(|state| state.on(Event::Freeze).is_ok());
    assert_eq!(fixed.collect::<Vec<_>>(), [State::Discovering]);
    assert!(State::ALL.into_iter().all(|state| Event::ALL.iter().all(|event| state.on(*event) != Ok(State::Discovering))));
}

#[test]
fn words_read_back() {
    assert!(State::ALL.into_iter().all(|state| State::from_word(state.as_str()) == Some(state)));
    assert_eq!(State::from_word("done"), None);
}

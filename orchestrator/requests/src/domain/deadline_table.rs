//! The table of deadlines in docs/state-machines.md: `UPDATE_DOCS=1` rewrites it, otherwise the test compares.

use std::fmt::Write as _;

use chiffon_engine::domain::task::Owned;
use chiffon_testkit::page_table::assert_documented;

use super::*;

fn tasks() -> [(&'static str, Task); 11] {
    let owned = || Owned { attempt: 1, agent_id: "a".to_owned(), started: true, cancel_requested: false };
    [
        ("pending", Task::Pending),
        ("waiting", Task::Waiting),
        ("dispatched, offered", Task::Offered { attempt: 1, offer: 1 }),
        ("dispatched, claimed", Task::Claimed(owned())),
        ("running", Task::Running(owned())),
        ("unknown", Task::Unknown(owned())),
        ("completed", Task::Completed),
        ("failed", Task::Failed),
        ("cancelled", Task::Cancelled),
        ("interrupted", Task::Interrupted { attempt: 1, cancel_requested: false }),
        ("skipped", Task::Skipped),
    ]
}

fn table() -> String {
    let mut table = "| of | state | bounded by | who looks | then | code |\n|---|---|---|---|---|---|\n".to_owned();
    let mut row = |of: &str, state: &str, bound: Option<Bound>| {
        let Some(Bound { by, who, then, code }) = bound else { return };
        let code = code.map(|code| code.number().to_string()).unwrap_or_default();
        writeln!(table, "| {of} | {state} | {by} | {who} | {then} | {code} |").expect("a text takes it");
    };
    for status in Status::ALL {
        row("request", status.as_str(), of_request(*status));
    }
    for (name, task) in tasks() {
        row("task", name, of_task(&task));
    }
    table
}

#[test]
fn every_state_that_is_no_end_is_bounded_and_no_end_is() {
    for status in Status::ALL {
        assert_eq!(of_request(*status).is_none(), status.is_finished(), "{status}");
        assert!(!status.is_finished() || Deadlines::default().of(*status).is_none(), "{status}");
    }
    for (name, task) in tasks() {
        assert_eq!(of_task(&task).is_none(), task.status().is_terminal(), "{name}");
    }
}

#[test]
fn a_state_that_expires_by_itself_can_expire_and_says_which_setting_bounds_it() {
    use crate::domain::request::Event;
    let deadlines = Deadlines::default();
    for status in Status::ALL {
        let Some(limit) = deadlines.of(*status) else { continue };
        let bound = of_request(*status).expect("it is no end");
        assert!(bound.by.contains(limit.setting), "{status}: {}", bound.by);
        if limit.then == Then::Expire {
            assert_eq!(status.on(Event::Expire), Ok(Status::Expired), "{status}");
        }
    }
}

#[test]
fn the_documented_deadlines_are_these() {
    assert_documented("deadlines", &table());
}

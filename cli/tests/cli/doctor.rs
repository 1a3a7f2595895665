//! What `chiffon doctor` makes of a Chiffon that is not well.

use serde_json::json;

use crate::server::{Server, request};
use crate::terminal::command;

#[test]
fn a_database_that_takes_no_changes_is_told_in_the_words_of_health_and_nobody_is_said_to_work() {
    let server = Server::start(request("completed"));
    let mut script = server.script();
    script.status = 503;
    script.anything = json!({
        "status": "down", "version": "0.1.0",
        "checks": {"database": {"status": "down", "text": "the database's disk is full, so it takes no changes"}, "bus": {"status": "ok", "text": "connected"}},
    });
    drop(script);
    let ended = command(server.url(), &["doctor"]).output().expect("it runs");
    let said = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert_eq!(ended.status.code(), Some(1), "{said}");
    let line = |part: &str| said.lines().find(|line| line.contains(part)).unwrap_or_else(|| panic!("no `{part}` in\n{said}"));
    assert!(line("database").starts_with("fix") && line("database").contains("disk is full"), "{said}");
    assert!(line("bus").starts_with("ok"), "{said}");
    assert!(line("background").starts_with("fix") && !said.contains("does its work"), "{said}");
}

//! Webhooks, as an operator at a terminal sees them.

use std::io::Write as _;

use serde_json::json;

use crate::server::{Server, request};
use crate::terminal::command;

/// The exit code, what was printed and what was said beside it.
fn ran(server: &Server, args: &[&str]) -> (Option<i32>, String, String) {
    let ended = command(server.url(), args).output().expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (ended.status.code(), text(&ended.stdout), text(&ended.stderr))
}

#[test]
fn webhooks_are_listed_with_what_came_of_their_calls() {
    let server = Server::start(request("completed"));
    server.script().anything = json!({"items": [
        {"name": "alerts", "path": "/webhooks/alerts", "signed_by": "standard", "asks_as": "watcher", "asks": "Clean up {{/host}}",
            "problem": null, "calls": [
                {"outcome": "asked", "count": 7, "last_at": "2026-11-21T03:39:50Z", "last_why": null},
                {"outcome": "refused", "count": 2, "last_at": "2026-11-21T03:40:50Z", "last_why": "its signature is not one of them"}]},
        {"name": "forge", "path": "/webhooks/forge", "signed_by": "github", "asks_as": "ci", "asks": "disk_report",
            "problem": "there is no program `ci`", "calls": []},
    ]});
    let (code, printed, said) = ran(&server, &["webhook"]);
    assert_eq!(code, Some(0), "{said}");
    for part in ["alerts", "/webhooks/alerts", "Clean up {{/host}}", "watcher", "7", "2", "ago", "forge", "never"] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    assert!(said.contains("its signature is not one of them") && said.contains("forge: there is no program `ci`"), "{said}");
    server.script().anything = json!({"items": []});
    let (code, _, said) = ran(&server, &["webhook"]);
    assert!(code == Some(0) && said.contains("[[webhooks.hooks]]"), "{said}");
}

#[test]
fn what_a_body_would_ask_is_said_and_a_body_that_is_none_is_refused() {
    let server = Server::start(request("completed"));
    let mut body = tempfile::NamedTempFile::new().expect("a file");
    body.write_all(br#"{"host": "nas"}"#).expect("a body");
    let path = body.path().to_str().expect("a path").to_owned();
    server.script().anything = json!({"text": "Clean up nas", "action": null, "why_not": null});
    let (code, _, said) = ran(&server, &["webhook", "try", "alerts", &path]);
    assert_eq!((code, said.trim_end()), (Some(0), "It would ask: Clean up nas"));
    let (method, called, sent) = server.script().calls.last().expect("a call").clone();
    assert_eq!((method.as_str(), called.as_str(), sent["host"].as_str()), ("POST", "/webhooks/alerts/try", Some("nas")));
    server.script().anything = json!({"text": null, "action": null, "why_not": "`/status` of its body is not \"firing\" (`only_if`)"});
    let (code, _, said) = ran(&server, &["webhook", "try", "alerts", &path]);
    assert!(code == Some(0) && said.contains("It would ask nothing: `/status`"), "{said}");
    let (code, _, said) = ran(&server, &["webhook", "try", "alerts", "/nowhere/body.json"]);
    assert!(code == Some(2) && said.contains("/nowhere/body.json can't be read"), "{said}");
    body.write_all(b"}").expect("a body");
    let (code, _, said) = ran(&server, &["webhook", "try", "alerts", &path]);
    assert!(code == Some(2) && said.contains("the body is no JSON"), "{said}");
}

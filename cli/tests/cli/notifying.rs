//! Channels of notifications and what became of what they were to tell, as an operator at a terminal sees them.

use serde_json::json;

use crate::server::{Server, request};
use crate::terminal::command;

const NOTICE: &str = "01a1fc30-58bf-7758-8fe5-a2046feea5fa";

/// The exit code, what was printed and what was said beside it.
fn ran(server: &Server, args: &[&str]) -> (Option<i32>, String, String) {
    let ended = command(server.url(), args).output().expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (ended.status.code(), text(&ended.stdout), text(&ended.stderr))
}

#[test]
fn channels_are_listed_with_what_keeps_them_from_telling() {
    let server = Server::start(request("completed"));
    server.script().anything = json!({"items": [
        {"name": "ops", "kind": "webhook", "address": "https://hooks.lan", "person": null, "notices": ["approval_needed", "failed"],
            "least_risk": "high", "digest": "15m", "quiet": "22:00 to 07:00 UTC", "problem": null, "waiting": 3, "given_up": 0, "last_sent_at": null, "last_error": "HTTP 500: no"},
        {"name": "ann", "kind": "webhook", "address": "https://ann.lan", "person": "ann", "notices": ["failed"],
            "least_risk": null, "problem": "there is no person `ann`", "waiting": 0, "given_up": 1, "last_sent_at": "2026-11-21T03:39:50Z"},
    ]});
    let (code, printed, said) = ran(&server, &["notify"]);
    assert_eq!(code, Some(0), "{said}");
    for part in [
        "ops",
        "several",
        "https://hooks.lan",
        "approval_needed, failed from risk high; gathered for 15m; not 22:00 to 07:00 UTC",
        "never",
        "ann",
        "ago",
    ] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    assert!(said.contains("ops: HTTP 500: no") && said.contains("ann: there is no person `ann`"), "{said}");
    server.script().anything = json!({"items": []});
    let (code, _, said) = ran(&server, &["notify"]);
    assert!(code == Some(0) && said.contains("[[notifications.channels]]"), "{said}");
}

#[test]
fn a_channel_is_tested_and_a_notification_is_tried_again_by_a_part_of_its_id() {
    let server = Server::start(request("completed"));
    server.script().anything = json!({"channel": "ops"});
    let (code, _, said) = ran(&server, &["notify", "test", "ops"]);
    assert_eq!((code, said.trim_end()), (Some(0), "The receiver of ops has taken a message."));
    let (method, path, _) = server.script().calls.last().expect("a call").clone();
    assert_eq!((method.as_str(), path.as_str()), ("POST", "/notifications/channels/ops/test"));
    server.script().anything = json!({"items": [{"notice_id": NOTICE, "state": "given_up", "channel": "ops", "attempts": 9,
        "title": "Failed: update web", "last_error": "HTTP 404: ", "created_at": "2026-11-21T03:39:50Z"}]});
    let (code, printed, _) = ran(&server, &["notify", "list", "--state", "given_up"]);
    assert!(code == Some(0) && printed.contains("6feea5fa") && printed.contains("HTTP 404"), "{printed}");
    let path = server.script().calls.last().expect("a call").1.clone();
    assert!(path.starts_with("/notifications?") && path.contains("state=given_up"), "{path}");
    let (code, _, said) = ran(&server, &["notify", "retry", "feea5fa"]);
    assert_eq!(code, Some(0), "{said}");
    let (method, path, _) = server.script().calls.last().expect("a call").clone();
    assert_eq!((method, path), ("POST".to_owned(), format!("/notifications/{NOTICE}/retry")));
    server.script().anything["items"][0] = json!({"notice_id": NOTICE, "state": "pending", "channel": "ops", "attempts": 0,
        "title": "Failed: update web", "held_until": "2999-01-01T00:00:00Z", "created_at": "2026-11-21T03:39:50Z"});
    let (_, printed, _) = ran(&server, &["notify", "list"]);
    assert!(printed.contains("held for ") && !printed.contains("pending"), "{printed}");
    let (code, _, said) = ran(&server, &["notify", "retry", "ffff"]);
    assert!(code == Some(2) && said.contains("`chiffon notify list` lists them"), "{said}");
}

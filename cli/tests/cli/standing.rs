//! Standing approvals, as a person at a terminal gives, sees and withdraws them.

use serde_json::{Value, json};

use crate::server::{ID, Server, request};
use crate::terminal::command;

const STANDING: &str = "01a1fc30-58bf-7758-8fe5-a2046feea5fa";

fn standing(scope: &Value) -> Value {
    let mut standing = json!({
        "standing_approval_id": STANDING, "state": "valid", "summary": "Restart nginx on nas", "given_by": "joan", "request_id": ID,
        "given_at": "2026-11-21T03:39:50Z", "expires_at": "2027-02-19T03:39:50Z", "uses": 3, "last_used_at": "2026-11-22T03:39:50Z",
        "steps": [{"title": "Restart nginx on nas", "action": "restart_service", "hosts": ["nas"], "risk": "low"}], "withdrawn_at": null,
    });
    standing.as_object_mut().expect("an object").extend(scope.as_object().expect("an object").clone());
    standing
}

/// The exit code, what was printed and what was said beside it.
fn ran(server: &Server, args: &[&str]) -> (Option<i32>, String, String) {
    let ended = command(server.url(), args).output().expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (ended.status.code(), text(&ended.stdout), text(&ended.stderr))
}

#[test]
fn one_is_given_for_the_plan_that_stands_and_shown_with_what_it_covers() {
    let server = Server::start(request("completed"));
    server.script().anything = standing(&json!({"scope": "requester", "requester": "ada"}));
    let (code, printed, said) = ran(&server, &["standing", "give", ID, "--valid-for", "30d", "--comment", "every night"]);
    assert_eq!(code, Some(0), "{said}");
    for part in [
        "joan stands for these steps, for requests of ada, until 2027-02-19",
        "Restart nginx on nas (restart_service, risk low; nas)",
        "used 3 times",
    ] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    assert!(said.contains("`chiffon standing withdraw 6feea5fa`"), "{said}");
    let (method, path, body) = server.script().calls.last().expect("a call").clone();
    assert_eq!((method.as_str(), path.as_str()), ("POST", "/standing-approvals"));
    let wanted =
        json!({"request_id": ID, "plan_sha256": "ab".repeat(32), "scope": "requester", "valid_for": "30d", "comment": "every night"});
    assert_eq!(body, wanted);
    ran(&server, &["standing", "give", ID, "--origin", "schedule", "--origin", "webhook"]);
    let body = server.script().calls.last().expect("a call").2.clone();
    assert_eq!((&body["scope"], &body["origin_kinds"]), (&json!("origin"), &json!(["schedule", "webhook"])));
    let (code, _, said) = ran(&server, &["standing", "give", ID, "--origin", "schedule", "--any"]);
    assert!(code == Some(2) && said.contains("cannot be used with"), "{said}");
}

#[test]
fn they_are_listed_and_one_is_withdrawn_by_a_part_of_its_id() {
    let server = Server::start(request("completed"));
    server.script().anything =
        json!({"items": [standing(&json!({"scope": "origin", "origin_kinds": ["schedule"]})), standing(&json!({"scope": "any"}))]});
    let (code, printed, _) = ran(&server, &["standing", "list", "--state", "valid"]);
    assert_eq!(code, Some(0));
    for part in ["6feea5fa", "schedule", "everybody", "2027-02-19 03:39:50 UTC", "Restart nginx on nas"] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    let path = server.script().calls.last().expect("a call").1.clone();
    assert!(path.starts_with("/standing-approvals?") && path.contains("state=valid"), "{path}");
    let (code, _, said) = ran(&server, &["standing", "withdraw", "feea5fa"]);
    assert!(code == Some(2) && said.contains("`feea5fa` fits 2 standing approvals"), "{said}");
    server.script().anything =
        json!({"items": [standing(&json!({"scope": "any"}))], "text": "Nothing begins under it any more, and nothing runs under it"});
    let (code, _, said) = ran(&server, &["standing", "withdraw", "feea5fa", "--why", "nginx moves"]);
    assert!(code == Some(0) && said.trim_end() == "Nothing begins under it any more, and nothing runs under it.", "{said}");
    let (method, path, body) = server.script().calls.last().expect("a call").clone();
    assert_eq!(
        (method, path, body),
        ("POST".to_owned(), format!("/standing-approvals/{STANDING}/withdraw"), json!({"reason": "nginx moves"}))
    );
}

//! Hosts that are kept from other work, as a person at a terminal lists them and gives one back.

use serde_json::{Value, json};

use crate::server::{ID, Server, request};
use crate::terminal::command;

const TASK: &str = "01a1fc30-58bf-7758-8fe5-a2046feea5fa";

fn reserved() -> Value {
    json!({"items": [{
        "host": "nas", "task_id": TASK, "title": "Back up nas", "request_id": ID, "attempt": 1, "since": "2026-11-21T03:39:50Z",
        "may_still_run": ["job j1.2"], "release": "chiffon release nas --comment \"how you know\"",
    }]})
}

/// The exit code, what was printed and what was said beside it.
fn ran(server: &Server, args: &[&str]) -> (Option<i32>, String, String) {
    let ended = command(server.url(), args).output().expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (ended.status.code(), text(&ended.stdout), text(&ended.stderr))
}

#[test]
fn reserved_hosts_are_listed_with_the_command_that_gives_them_back() {
    let server = Server::start(request("cancelled"));
    server.script().anything = reserved();
    let (code, printed, _) = ran(&server, &["release"]);
    assert_eq!(code, Some(0));
    for part in ["reserved: nas, by Back up nas", "may still run there: job j1.2", "chiffon release nas --comment"] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    let calls = server.script().calls.clone();
    assert!(matches!(&calls[..], [(method, path, _)] if method == "GET" && path == "/hosts/reserved"), "{calls:?}");
    let (code, printed, _) = ran(&server, &["--output", "json", "release"]);
    assert_eq!((code, serde_json::from_str::<Value>(&printed).expect("it is JSON")), (Some(0), reserved()));

    server.script().anything = json!({"items": []});
    let (code, printed, said) = ran(&server, &["release"]);
    assert!(code == Some(0) && printed.is_empty() && said.contains("No host is reserved"), "{printed} {said}");
}

#[test]
fn a_host_is_given_back_with_the_persons_comment_and_a_refusal_fails() {
    let server = Server::start(request("cancelled"));
    server.script().anything = json!({"host": "nas", "text": "ada gave nas back to other work: I looked."});
    let (code, _, said) = ran(&server, &["release", "nas", "--comment", "I looked"]);
    assert!(code == Some(0) && said.trim_end() == "ada gave nas back to other work: I looked.", "{code:?} {said}");
    let calls = server.script().calls.clone();
    let [(method, path, body)] = &calls[..] else { panic!("{calls:?}") };
    assert_eq!((method.as_str(), path.as_str(), body), ("POST", "/hosts/nas/release", &json!({"comment": "I looked"})));

    let message = "how do you know? Giving nas back wants a comment, because your word stands in for the host's";
    server.script().refusal = Some(json!({"code": 5133, "message": message, "status": 409, "title": "No comment"}));
    let (code, printed, said) = ran(&server, &["release", "nas"]);
    assert!(code != Some(0) && printed.is_empty() && said.contains(message), "{code:?} {said}");
}

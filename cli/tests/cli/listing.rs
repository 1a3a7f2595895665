//! Lists that are longer than what is shown of them.

use serde_json::json;

use crate::server::{ID, Server, request};
use crate::terminal::command;

/// A server whose every list goes on behind its first page.
fn long() -> Server {
    let server = Server::start(request("completed"));
    let row = json!({"request_id": ID, "id": ID, "text": "how full is nas"});
    server.script().anything = json!({"items": [row], "next_cursor": "behind-it"});
    server
}

fn said(server: &Server, args: &[&str]) -> (Option<i32>, String) {
    let ended = command(server.url(), args).output().expect("it runs");
    (ended.status.code(), String::from_utf8_lossy(&ended.stderr).into_owned())
}

fn asked(server: &Server) -> Vec<String> {
    server.script().calls.iter().map(|(_, path, _)| path.clone()).collect()
}

#[test]
fn a_list_that_goes_on_says_so_and_how_to_see_more() {
    for args in [&["requests", "--limit", "1"][..], &["dead-letters", "list", "--limit", "1"]] {
        let server = long();
        let (code, told) = said(&server, args);
        assert!(
            code == Some(0) && told.contains("newest 1") && told.contains("--limit NUMBER shows more, --all shows all"),
            "{args:?}: {told}"
        );
        assert_eq!(asked(&server).len(), 1, "{args:?}");
    }
    let server = Server::start(request("completed"));
    let (code, told) = said(&server, &["requests"]);
    assert!(code == Some(0) && told.is_empty(), "a whole list says nothing: {told}");
}

#[test]
fn what_an_agent_leaves_out_is_said_once() {
    let server = Server::start(request("completed"));
    server.script().anything = json!({"items": [{
        "agent_id": "infra-1", "alive": true, "problems": ["cloud.sh: the token has expired"],
        "not_offered": [{"name": "open_dome", "code": 5508, "reason": "open_dome/action.yml: no playbook.yml"}],
    }]});
    let (code, told) = said(&server, &["agents"]);
    let lines: Vec<&str> = told.lines().filter(|line| line.contains("Left out by infra-1: ")).collect();
    assert!(code == Some(0) && lines.len() == 2, "{told}");
    assert!(lines[0].contains("open_dome/action.yml: no playbook.yml") && lines[1].contains("the token has expired"), "{told}");
}

#[test]
fn what_is_asked_for_whole_is_read_to_its_end() {
    for args in [
        &["requests", "--all"][..],
        &["requests", "--limit", "500"],
        &["dead-letters", "list", "--all"],
        &["audit", "log"],
        &["token", "list"],
    ] {
        let server = long();
        let (code, told) = said(&server, args);
        let calls = asked(&server);
        assert!(code == Some(0) && calls.iter().any(|path| path.contains("cursor=behind-it")), "{args:?}: {calls:?} {told}");
        assert!(calls.iter().all(|path| !path.contains("limit=500")), "no page is longer than the API's longest: {calls:?}");
    }
}

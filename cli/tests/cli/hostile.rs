//! Whatever a server says, no verb prints a character that a terminal acts on or an eye takes for something else.

use chiffon_protocol::shown::is_deceptive;
use serde_json::{Value, json};

use crate::server::{ID, Server};
use crate::terminal::{Terminal, command};

/// Escape sequences, a clipboard, a link, directions, bell, backspace, NUL, a lone carriage return, emoji, combining marks.
const TEXT: &str = "a\u{1b}[2J\u{1b}[8m\u{1b}]52;c;cm0gLXJm\u{7}\u{1b}]8;;http://evil/\u{1b}\\link\u{1b}]8;;\u{1b}\\ \u{202e}txt.exe\u{2066}\u{200f} \
    \u{7}\u{8}\u{8}\0over\rwritten \u{9b}31m \u{200b}\u{feff}\u{ad}\u{e0041}\u{2028} 🦀 e\u{301}\u{302} \u{7f}end";

/// Every field that a verb looks at, hostile.
fn everything(status: &str) -> Value {
    let preview = json!({"status": "done", "coverage": 0.5, "after_attempt": 1, "text": TEXT, "not_previewed": [TEXT], "warnings": [TEXT],
        "changes": [{"name": TEXT, "hosts": [TEXT], "diff": format!("+{TEXT}\n-{TEXT}\n@{TEXT}\n {TEXT}")}]});
    let step = |preview: Value| {
        json!({"step_id": TEXT, "title": TEXT, "action": TEXT, "risk": TEXT, "hosts": [TEXT], "depends_on": [TEXT], "irreversible": TEXT,
            "parameters": {TEXT: TEXT, "lines": format!("{TEXT}\n{TEXT}"), "objects": [{TEXT: TEXT}], "deep": {TEXT: [TEXT]}}, "preview": preview})
    };
    let error = json!({"code": 5504, "message": TEXT, "details": {TEXT: TEXT}});
    let task = |status: &str, purpose: &str| {
        json!({"task_id": ID, "request_id": ID, "purpose": purpose, "title": TEXT, "status": status, "hosts": [TEXT], "attempt": 1, "agent_id": TEXT,
            "waiting_for": {"text": TEXT}, "error": error, "warnings": [TEXT], "changed": true, "step_id": TEXT, "progress": 33,
            "outputs": {TEXT: TEXT, "list": [TEXT], "objects": [{TEXT: TEXT}], "map": {TEXT: TEXT}}, "cancel_requested_at": null})
    };
    json!({
        "request_id": ID, "status": status, "text": TEXT, "requested_by": TEXT, "created_at": TEXT, "waiting_for": {"text": TEXT}, "error": error,
        "held_at": TEXT, "held_by": TEXT, "messages": [{"from": "chiffon", "text": TEXT}, {"from": TEXT, "text": format!("{TEXT}\n{TEXT}")}],
        "plan": {"revision": TEXT, "summary": TEXT, "risk": TEXT, "notes": [TEXT], "sha256": format!("é{TEXT}"), "planned_by": {"provider": TEXT, "model": TEXT},
            "steps": [step(preview), step(json!({"status": "failed", "error": error})), step(json!({"status": TEXT, "text": TEXT}))]},
        "tasks": [task("unknown", "apply"), task("failed", "apply"), task(TEXT, "discover")], "commits": [TEXT], "next": [TEXT, "cancel"],
    })
}

/// A row of every listing at once.
fn row() -> Value {
    let mut row = everything(TEXT);
    let texts = [
        "name",
        "role",
        "token_id",
        "key_id",
        "label",
        "expires_at",
        "revoked_at",
        "agent_id",
        "agent_type",
        "hostname",
        "availability",
        "at",
        "actor",
        "event",
        "month",
        "provider",
        "model",
        "calls",
        "id",
        "state",
        "queue",
        "message_type",
        "sender",
        "code",
        "reason",
        "note",
        "kind",
        "host",
        "title",
        "description",
        "last_died_at",
        "token",
        "public_key",
        "trace_id",
        "task_status",
        "request_status",
        "standing_approval_id",
        "summary",
        "scope",
        "requester",
        "given_by",
        "given_at",
        "comment",
        "uses",
        "last_used_at",
        "withdrawn_at",
        "withdrawn_by",
        "withdrawn_why",
        "notice_id",
        "channel",
        "address",
        "person",
        "least_risk",
        "problem",
        "waiting",
        "given_up",
        "last_sent_at",
        "last_error",
        "attempts",
    ];
    for name in texts {
        row[name] = json!(TEXT);
    }
    row["request_id"] = json!(ID);
    row["task_id"] = json!(ID);
    row["examples"] = json!([TEXT]);
    row["parameters"] = json!({"properties": {TEXT: {"type": TEXT, "description": TEXT, "default": TEXT}}, "required": [TEXT]});
    row["data"] = json!({"text": TEXT, "decision": TEXT, "outcome": TEXT, "purpose": TEXT, "task_id": ID, "sha256": TEXT, "error": {"code": 1, "message": TEXT}});
    row["headers"] = json!({TEXT: TEXT});
    row["body"] = json!({TEXT: TEXT});
    row["diff"] = json!(format!("+{TEXT}"));
    row["alive"] = json!(true);
    row["steps"] = json!([{"title": TEXT, "action": TEXT, "risk": TEXT, "hosts": [TEXT]}]);
    row["origin_kinds"] = json!([TEXT]);
    row["notices"] = json!([TEXT]);
    row
}

fn server(status: &str) -> Server {
    let server = Server::start(everything(status));
    let mut script = server.script();
    script.anything = row();
    for (name, value) in [
        ("items", json!([row(), {"body": TEXT, "request_id": ID}])),
        ("refused", json!([row()])),
        ("stopped", json!([row()])),
        ("happened", json!([row()])),
        ("problems", json!([{"message": TEXT}])),
        ("checks", json!({TEXT: {"status": TEXT, "text": TEXT}})),
        ("background", json!({TEXT: {"error": {"message": TEXT}}})),
        (
            "invariants",
            json!({"items": [{"status": "violated", "invariant": TEXT, "count": TEXT, "since": TEXT, "examples": [TEXT], "sentence": TEXT, "advice": TEXT}]}),
        ),
        ("rows", json!(TEXT)),
        ("found", json!(TEXT)),
    ] {
        script.anything[name] = value;
    }
    let line = json!({"at": TEXT, "kind": TEXT, "host": TEXT, "name": TEXT, "text": format!("{TEXT}\n{TEXT}"), "diff": format!("+{TEXT}")});
    let task = everything(status)["tasks"][0].clone();
    script.events = vec![
        ("request", json!({"status": "running"})),
        ("log", json!({"lines": [line.clone()]})),
        ("log", line),
        ("task", task),
        ("end", json!({})),
    ];
    drop(script);
    server
}

const VERBS: &[&[&str]] = &[
    &["requests"],
    &["show", ID],
    &["why", ID],
    &["logs", ID],
    &["logs", "--follow", ID],
    &["request", "x"],
    &["approve", ID, "--yes"],
    &["reject", ID],
    &["revise", ID, "x"],
    &["cancel", ID],
    &["resolve", ID],
    &["resolve", ID, "--retry"],
    &["pause", ID],
    &["resume", ID],
    &["agents"],
    &["agents", "pause", "x"],
    &["actions"],
    &["actions", "x"],
    &["costs"],
    &["question"],
    &["question", "what-failed"],
    &["audit", "log"],
    &["audit", "log", ID],
    &["audit", "verify"],
    &["dead-letters", "list"],
    &["dead-letters", "show", ID],
    &["dead-letters", "replay", ID],
    &["dead-letters", "purge", ID],
    &["notify"],
    &["notify", "list"],
    &["notify", "test", "x"],
    &["notify", "retry", ID],
    &["standing", "list"],
    &["standing", "show", ID],
    &["standing", "give", ID],
    &["standing", "withdraw", ID],
    &["token", "list"],
    &["token", "create", "x", "--role", "viewer"],
    &["key", "list"],
    &["doctor"],
    &["-o", "json", "show", ID],
    &["-o", "json", "requests"],
    &["-o", "json", "logs", "--follow", ID],
    &["-o", "json", "why", ID],
    &["-o", "json", "dead-letters", "show", ID],
];

/// Our own colours, which no hostile text uses.
fn without_colours(text: &str) -> String {
    ["0", "1", "2", "31", "32", "33", "36"].iter().fold(text.to_owned(), |text, code| text.replace(&format!("\u{1b}[{code}m"), ""))
}

fn acts(text: &str) -> Option<String> {
    let text = without_colours(&text.replace("\r\n", "\n"));
    let line = text.lines().find(|line| line.chars().any(|c| is_deceptive(c) && c != '\t'))?;
    Some(format!("{line:?}"))
}

#[test]
fn no_verb_prints_what_acts_on_a_terminal_whatever_the_server_says() {
    for status in ["completed", "failed", "needs_input", "awaiting_approval", TEXT] {
        let server = server(status);
        for verb in VERBS {
            let ended = command(server.url(), verb).output().expect("it runs");
            for printed in [&ended.stdout, &ended.stderr] {
                let printed = String::from_utf8(printed.clone()).expect("UTF-8");
                assert_eq!(acts(&printed), None, "chiffon {}", verb.join(" "));
                assert!(!printed.contains("panicked"), "chiffon {}: {printed}", verb.join(" "));
            }
        }
    }
}

#[test]
fn a_refusal_is_shown_as_what_it_is() {
    let server = server("completed");
    let mut script = server.script();
    script.status = 409;
    script.anything = json!({"code": 5107, "message": TEXT});
    script.request = script.anything.clone();
    drop(script);
    for verb in VERBS.iter().filter(|verb| verb[0] != "doctor") {
        let ended = command(server.url(), verb).output().expect("it runs");
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(acts(&said), None, "chiffon {}", verb.join(" "));
    }
}

#[test]
fn a_terminal_with_colours_is_given_our_colours_only() {
    let server = server("failed");
    for verb in VERBS.iter().filter(|verb| verb[0] != "resolve" && !verb.contains(&"json")) {
        let (_, screen) = Terminal::start(server.url(), verb, "xterm-256color").end();
        assert_eq!(acts(&screen), None, "chiffon {}", verb.join(" "));
    }
}

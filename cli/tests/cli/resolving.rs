//! Deciding about what was cut off: the commands that are printed work, and a person is asked one task after another.

use nix::sys::signal::{Signal, kill};
use serde_json::{Value, json};

use crate::server::{ID, Server, request};
use crate::terminal::{Terminal, command, until};

const TASKS: [&str; 2] = ["01a1fc30-250d-74fd-94ec-aaaa00000001", "01a1fc30-250d-74fd-94ec-aaaa00000002"];

/// A request with these tasks cut off.
fn cut_off(tasks: &[(&str, &str)]) -> Value {
    let task = |(id, status): &(&str, &str)| json!({"task_id": id, "title": format!("Install on {}", id.rsplit('0').next().unwrap_or_default()), "purpose": "apply", "status": status, "attempt": 1});
    let mut request = request("needs_attention");
    request["next"] = json!(["resolve", "cancel"]);
    request["tasks"] = tasks.iter().map(task).collect();
    request
}

/// A server that takes every decision; the request goes on waiting.
fn server(tasks: &[(&str, &str)]) -> Server {
    let server = Server::start(cut_off(tasks));
    server.script().anything = json!({
        "items": [{"request_id": ID}], "request_id": ID, "text": "ada has decided", "task_status": "waiting", "request_status": "needs_attention",
    });
    server
}

fn run(server: &Server, args: &[&str]) -> (Option<i32>, String) {
    let ended = command(server.url(), args).output().expect("it runs");
    (ended.status.code(), String::from_utf8_lossy(&ended.stderr).into_owned())
}

/// What was decided about which task.
fn decided(server: &Server) -> Vec<(String, Value)> {
    let calls = server.script().calls.clone();
    let decisions = calls.into_iter().filter(|(method, path, _)| method == "POST" && path.ends_with("/resolve"));
    decisions.map(|(_, path, body)| (path, body)).collect()
}

#[test]
fn show_prints_commands_that_can_be_copied() {
    let server = server(&[(TASKS[0], "interrupted"), (TASKS[1], "unknown")]);
    let (_, said) = run(&server, &["show", "bc6173fd"]);
    assert!(said.contains("next: chiffon resolve 00000001, chiffon resolve 00000002, chiffon cancel bc6173fd"), "{said}");
    let (code, said) = run(&server, &["resolve", "00000002", "--give-up", "--not-running", "--comment", "I looked"]);
    assert_eq!((code, decided(&server).len()), (Some(0), 1), "{said}");
    server.script().request = cut_off(&[(TASKS[0], "interrupted")]);
    let (_, said) = run(&server, &["show", "bc6173fd"]);
    assert!(said.contains("next: chiffon resolve bc6173fd, chiffon cancel"), "{said}");
}

#[test]
fn one_decision_is_for_one_task_and_a_request_with_several_names_the_commands() {
    let server = server(&[(TASKS[0], "interrupted"), (TASKS[1], "interrupted")]);
    for args in [&["resolve", "bc6173fd"][..], &["resolve", "bc6173fd", "--retry"]] {
        let (code, said) = run(&server, args);
        assert!(code == Some(2) && said.contains("  chiffon resolve 00000001   # Install on 1\n  chiffon resolve 00000002"), "{said}");
    }
    assert_eq!(decided(&server), [], "nothing");
}

#[test]
fn at_a_terminal_each_is_asked_about_and_no_more_is_asked_than_is_needed() {
    let server = server(&[(TASKS[0], "interrupted"), (TASKS[1], "interrupted")]);
    let mut terminal = Terminal::start(server.url(), &["resolve", "bc6173fd"], "dumb");
    terminal.until("1 of 2 to decide about");
    terminal.until("What becomes of it? r = try it again");
    terminal.press("r\n");
    terminal.until("2 of 2 to decide about");
    terminal.until_again("What becomes of it?", 2);
    server.script().request = cut_off(&[(TASKS[1], "interrupted")]);
    terminal.press("\n");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
    assert!(!screen.contains("How do you know?") && screen.contains("Nothing was decided about it."), "{screen}");
    assert!(
        screen.replace('\r', "").contains("goes on when this is decided about, too:\n  chiffon resolve 00000002   # Install on 2"),
        "{screen}"
    );
    let decisions = decided(&server);
    assert_eq!(decisions.len(), 1, "{decisions:?}");
    assert!(decisions[0].0.contains(TASKS[0]) && decisions[0].1["decision"] == "retry", "{decisions:?}");
}

#[test]
fn that_it_is_done_is_a_word_that_is_asked_for_and_ctrl_c_decides_nothing() {
    let server = server(&[(TASKS[0], "interrupted")]);
    let mut terminal = Terminal::start(server.url(), &["resolve", "bc6173fd"], "dumb");
    terminal.until("What becomes of it?");
    terminal.press("d\n");
    terminal.until("How do you know?");
    kill(terminal.pid(), Signal::SIGINT).expect("it runs");
    let (code, screen) = terminal.end();
    assert_eq!((code, decided(&server).len()), (Some(130), 0), "{screen}");
    assert!(screen.contains("\nThat ends nothing: `chiffon show bc6173fd`"), "{screen}");
}

#[test]
fn who_watches_is_told_the_end_when_all_that_was_cut_off_is_known() {
    let server = server(&[(TASKS[0], "interrupted"), (TASKS[1], "running")]);
    let now = server.script().request.clone();
    server.script().request = request("awaiting_approval");
    server.script().after = vec![("approve", now)];
    let terminal = Terminal::start(server.url(), &["approve", "bc6173fd", "--yes"], "dumb");
    until("it is looked at, and one still runs", || {
        let script = server.script();
        let looks = script.calls.iter().skip_while(|(method, ..)| method != "POST").filter(|(method, ..)| method == "GET").count();
        (looks >= 2).then_some(()).ok_or_else(|| format!("{:?}", script.calls))
    });
    server.script().request = cut_off(&[(TASKS[0], "interrupted"), (TASKS[1], "interrupted")]);
    server.script().later = vec![("task", json!({"task_id": TASKS[1], "title": "Install on 2", "status": "interrupted"}))];
    let (code, screen) = terminal.end();
    assert!(code == Some(1) && screen.matches("interrupted on : Install on").count() == 2 && !screen.contains("running"), "{screen}");
}

//! A password is typed without being shown, or read from standard input, and stands nowhere else.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::server::{Server, request};
use crate::terminal::{Terminal, command};

/// Somebody who has a password.
fn server() -> Server {
    let server = Server::start(request("completed"));
    server.script().anything =
        json!({"name": "ann", "password": {"set_by": "ann", "set_at": "2026-01-31T08:00:00Z", "must_change": false}});
    server
}

fn last(server: &Server) -> (String, String, Value) {
    server.script().calls.last().expect("a call").clone()
}

fn piped(server: &Server, args: &[&str], typed: &str) -> (Option<i32>, String) {
    let mut child =
        command(server.url(), args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    child.stdin.take().expect("its input").write_all(typed.as_bytes()).expect("it is given");
    let ended = child.wait_with_output().expect("it ends");
    (ended.status.code(), String::from_utf8_lossy(&ended.stderr).into_owned())
}

#[test]
fn what_is_typed_at_a_terminal_is_not_shown() {
    let server = server();
    let mut terminal = Terminal::start(server.url(), &["password"], "xterm");
    for (question, typed) in [
        ("Your present password: ", "a lamp in every window"),
        ("Your new password: ", "trombone under glass"),
        ("The same again: ", "trombone under glass"),
    ] {
        terminal.until(question);
        terminal.press(&format!("{typed}\n"));
    }
    terminal.until("Set. Where you were signed in");
    let screen = terminal.screen();
    assert!(!screen.contains("trombone") && !screen.contains("lamp"), "{screen}");
    let body = json!({"present": "a lamp in every window", "password": "trombone under glass"});
    assert_eq!(last(&server), ("PUT".to_owned(), "/password".to_owned(), body));
}

#[test]
fn two_that_differ_change_nothing() {
    let server = server();
    let mut terminal = Terminal::start(server.url(), &["password", "bob"], "xterm");
    terminal.until("A password for bob: ");
    terminal.press("trombone under glass\n");
    terminal.until("The same again: ");
    terminal.press("trombone under grass\n");
    terminal.until("the two are not the same; nothing was changed");
    assert_eq!(last(&server).0, "GET");
}

#[test]
fn without_a_terminal_it_is_read_from_standard_input() {
    let server = server();
    let (code, said) = piped(&server, &["password", "bob", "--role", "viewer"], "trombone under glass\n");
    assert!(code == Some(0) && said.contains("bob signs in with it once"), "{code:?} {said}");
    let body = json!({"password": "trombone under glass", "role": "viewer"});
    assert_eq!(last(&server), ("PUT".to_owned(), "/people/bob/password".to_owned(), body));
    let (code, _) = piped(&server, &["password"], "the one before\nthe one after \n");
    let body = json!({"present": "the one before", "password": "the one after "});
    assert_eq!((code, last(&server).2), (Some(0), body), "the present one first, and each as it stands");
    let (code, said) = piped(&server, &["password"], "the one before\n");
    assert!(code == Some(2) && said.contains("Your new password") && said.contains("a line of standard input"), "{code:?} {said}");
    let (code, said) = piped(&server, &["password", "bob", "--remove"], "");
    assert!(code == Some(0) && said.contains("bob had none"), "{code:?} {said}");
    assert_eq!(last(&server).0, "DELETE");
}

//! `chiffon watch` at a real terminal.

use nix::sys::signal::{Signal, kill};
use serde_json::json;

use crate::server::{ID, Server, request};
use crate::terminal::{Terminal, command, until};

/// What gives the screen back to the shell.
const LEFT: &str = "\u{1b}[?1049l";

/// What stands on the screen at last: letters are written where the cursor was moved, and those that stay are not written again.
fn screen(written: &str) -> String {
    let mut cells = vec![vec![' '; 100]; 40];
    let (mut row, mut column) = (0, 0);
    let mut rest = written.chars().peekable();
    while let Some(c) = rest.next() {
        if c != '\u{1b}' {
            if let Some(cell) = cells.get_mut(row).and_then(|line: &mut Vec<char>| line.get_mut(column)) {
                *cell = c;
            }
            column += 1;
            continue;
        }
        rest.next_if_eq(&'[');
        let mut sequence = String::new();
        let last = loop {
            match rest.next() {
                Some(c) if c.is_ascii_alphabetic() => break c,
                Some(c) => sequence.push(c),
                None => break ' ',
            }
        };
        if last == 'H' {
            let (line, at) = sequence.split_once(';').unwrap_or(("1", "1"));
            (row, column) = (line.parse::<usize>().unwrap_or(1) - 1, at.parse::<usize>().unwrap_or(1) - 1);
        } else if last == 'J' || sequence == "?1049" {
            cells = vec![vec![' '; 100]; 40];
        }
    }
    cells.into_iter().map(|line| line.into_iter().collect::<String>().trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

fn shows(terminal: &Terminal, words: &str) {
    until(words, || {
        let now = screen(&terminal.screen());
        now.contains(words).then_some(()).ok_or(now)
    });
}

fn watching(status: &str) -> (Server, Terminal) {
    let server = Server::start(request(status));
    let row = json!({"request_id": ID, "status": status, "text": "Deploy Kuma to nas", "requested_by": "ada"});
    server.script().anything = json!({"items": [row]});
    server.script().after = vec![("approve", request("running")), ("reject", request("rejected"))];
    let terminal = Terminal::start(server.url(), &["watch"], "xterm");
    terminal.until("bc6173fd");
    (server, terminal)
}

#[test]
fn a_plan_is_opened_approved_and_the_terminal_given_back() {
    let (server, mut terminal) = watching("awaiting_approval");
    terminal.press("\r");
    shows(&terminal, "deploy_kuma");
    // Typed ahead, it answers nothing.
    terminal.press("ay");
    shows(&terminal, "y approves");
    assert!(server.decisions().is_empty(), "{}", terminal.screen());
    terminal.press("y");
    until("it is approved", || (server.decisions() == ["approve"]).then_some(()).ok_or_else(|| terminal.screen()));
    shows(&terminal, "Approved");
    terminal.press("q");
    let (code, screen) = terminal.end();
    assert_eq!((code, server.decisions().len()), (Some(0), 1), "{screen}");
    assert!(screen.contains(LEFT), "{screen:?}");
}

#[test]
fn every_way_out_gives_the_terminal_back() {
    for (leave, wanted) in [("q", 0), ("\u{3}", 130)] {
        let (_server, mut terminal) = watching("awaiting_approval");
        terminal.press(leave);
        let (code, screen) = terminal.end();
        assert!(code == Some(wanted) && screen.contains(LEFT), "{leave:?}: {code:?} {screen:?}");
    }
    let (_server, terminal) = watching("awaiting_approval");
    kill(terminal.pid(), Signal::SIGTERM).expect("it runs");
    let (code, screen) = terminal.end();
    assert!(code == Some(130) && screen.contains(LEFT), "{code:?} {screen:?}");
}

#[test]
fn a_stop_gives_the_terminal_back_and_what_goes_on_draws_it_again() {
    let (_server, mut terminal) = watching("awaiting_approval");
    terminal.press("\u{1a}");
    terminal.until(LEFT);
    kill(terminal.pid(), Signal::SIGCONT).expect("it is stopped");
    terminal.until_again("\u{1b}[?1049h", 2);
    terminal.until_again("bc6173fd", 2);
    terminal.press("q");
    assert_eq!(terminal.end().0, Some(0));
}

#[test]
fn what_happens_is_heard_of_and_the_lists_are_read_then() {
    let (server, mut terminal) = watching("awaiting_approval");
    until("all events are followed from now on", || {
        let streams = server.script().streams.clone();
        if streams.contains(&"/events?after=now".to_owned()) { Ok(()) } else { Err(format!("{streams:?}")) }
    });
    let row = json!({"request_id": ID, "status": "awaiting_approval", "text": "Something else by now", "requested_by": "ada"});
    server.script().anything = json!({"items": [row]});
    server.script().later = vec![("request", json!({}))];
    shows(&terminal, "Something else by now");
    terminal.press("q");
    assert_eq!(terminal.end().0, Some(0));
}

#[test]
fn a_server_that_goes_away_is_looked_for_and_that_is_said() {
    let (server, mut terminal) = watching("awaiting_approval");
    server.script().status = 503;
    shows(&terminal, "trying again");
    server.script().status = 200;
    terminal.press("q");
    assert_eq!(terminal.end().0, Some(0));
}

#[test]
fn where_no_full_screen_can_be_it_is_said_what_to_use() {
    let server = Server::start(request("completed"));
    let piped = command(server.url(), &["watch"]).output().expect("it runs");
    let said = String::from_utf8_lossy(&piped.stderr).into_owned();
    assert!(piped.status.code() == Some(2) && said.contains("no terminal") && said.contains("chiffon requests"), "{said}");
    let (code, screen) = Terminal::start(server.url(), &["watch"], "dumb").end();
    assert!(code == Some(2) && screen.contains("TERM=dumb"), "{screen}");
}

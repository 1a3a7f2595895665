//! `kill -9` of everything in mid-play: the records say so, and nothing runs twice.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use chiffon_e2e::{Home, Running, eventually, one_host, write_action};
use nix::sys::signal::Signal;

use crate::people::SLOW_ONCE;

/// Takes a minute in its middle.
pub const SLOW: &str = "    - name: Note the run\n      ansible.builtin.shell: echo ran >> {{ chiffon_root }}/runs\n      changed_when: true\n    - name: Take long\n      ansible.builtin.command: sleep 60\n      changed_when: true\n    - name: Note the end\n      ansible.builtin.shell: echo ended >> {{ chiffon_root }}/runs\n      changed_when: true\n";

fn runs(home: &Home) -> String {
    fs::read_to_string(home.path().join("host/runs")).unwrap_or_default()
}

#[tokio::test]
async fn what_was_killed_in_mid_play_is_reported_and_not_run_again() {
    let home = Home::new();
    let actions = home.path().join("actions");
    write_action(&actions, "take_long", "Take long", "take long on box", "no", SLOW);
    let (inventory, _) = one_host(&home);
    let start = || home.start(&mut home.up_at(&actions, &inventory));
    let mut up = start();
    let api = home.api();
    let id = api.ask_and_approve("take long on box").await;
    eventually("the play has begun", || async { if runs(&home).contains("ran") { Ok(()) } else { Err(runs(&home)) } }).await;

    up.kill();
    fs::remove_file(home.data_dir().join("url")).expect("it was up");
    let mut up = start();
    the_start_screen_is_whole(&up).await;
    let api = home.api();
    let after = api.request_when(&id, &["needs_attention", "failed", "completed"]).await;
    assert_eq!(after["status"], "needs_attention", "{after:#}");
    let task = &after["tasks"].as_array().expect("tasks").iter().find(|task| task["purpose"] == "apply").expect("a task").clone();
    assert!(task["status"] == "interrupted" || task["status"] == "unknown", "{task:#}");
    assert!(task["error"]["message"].as_str().is_some_and(|message| !message.is_empty()), "{task:#}");
    assert_eq!(runs(&home), "ran\n", "it ran once, did not end, and was not run again");
    let sleeping = home.leftovers().into_iter().filter(|process| process.contains("sleep 60")).count();
    assert_eq!(sleeping, 0, "the killed run's processes were stopped: {:#?}", home.leftovers());
    up.signal(Signal::SIGINT);
    assert_eq!(up.stop(Duration::from_secs(40)), Some(0), "{}", up.said());
    home.assert_nothing_left();
}

/// The agent warns of the attempt that was cut off while it starts, and that stands behind the screen.
async fn the_start_screen_is_whole(up: &Running) {
    let warning = "the journal holds an attempt that was cut off";
    eventually(warning, || async { if up.said().contains(warning) { Ok(()) } else { Err(up.said()) } }).await;
    let said = up.said();
    let (screen, behind) = said.split_once("audit.git log\n").unwrap_or((&said, ""));
    assert!(behind.contains(warning) && !screen.contains("WARN"), "{said}");
    for step in ["database", "broker", "orchestrator", "agents"] {
        let is_whole = |line: &str| line.starts_with(&format!("  {step:<13}")) && line.ends_with(" s)");
        assert!(screen.lines().any(is_whole), "{step}: {said}");
    }
}

#[tokio::test]
async fn a_run_whose_agent_never_comes_back_ends_at_its_time_limit() {
    let home = Home::new();
    let actions = home.path().join("actions");
    write_action(&actions, "take_long", "Take long", "take long on box", "no", &SLOW.replace("sleep 60", "sleep 600"));
    let spec = actions.join("take_long/action.yml");
    let text = fs::read_to_string(&spec).expect("it is there").replace("timeout_seconds: 120", "timeout_seconds: 15");
    fs::write(&spec, text).expect("written");
    let (inventory, _) = one_host(&home);
    let mut up = home.start(home.up_at(&actions, &inventory).args(["--bus", "memory"]));
    let api = home.api();
    api.ask_and_approve("take long on box").await;
    let sleeps = || home.leftovers().into_iter().filter(|process| process.contains("sleep 600")).count();
    eventually("the play takes its time", || async { if sleeps() > 0 { Ok(()) } else { Err(runs(&home)) } }).await;
    up.kill();
    assert!(sleeps() > 0, "nobody is left to end it but its time limit");
    eventually("it has ended", || async { if sleeps() == 0 { Ok(()) } else { Err(home.leftovers().join("\n")) } }).await;
    assert_eq!(runs(&home), "ran\n", "it did not reach its end");
    home.assert_nothing_left();
}

/// Answers everybody like a program that is no Chiffon.
fn somebody_else_at(address: &str) {
    let listener = TcpListener::bind(address.trim_start_matches("http://")).expect("the port is free");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            if stream.read(&mut [0; 4096]).is_ok() {
                stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").ok();
            }
        }
    });
}

/// Lines of a log, as they are printed with a time before them.
fn log_lines(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.get(2..3) == Some(":") && !line.contains(" dry run ")).collect()
}

#[tokio::test]
async fn whoever_follows_finds_it_again_at_another_port_and_says_only_what_is_known() {
    let home = Home::new();
    let actions = home.path().join("actions");
    write_action(&actions, "take_long", "Take long", "take long on box", "\"yes\"", SLOW_ONCE);
    let (inventory, _) = one_host(&home);
    let start = || home.start(home.up_at(&actions, &inventory).args(["--bus", "memory"]).env("CHIFFON__RETRY__FIRST_DELAY", "1s"));
    let mut up = start();
    let before = home.api().address().to_owned();
    let ask = ["request", "--yes", "take long on box"];
    let mut follower = Running::start(&mut home.command(&ask), &home.path().join("follower.log"));
    let wait_for = |words: &'static str| {
        let said = || fs::read_to_string(home.path().join("follower.log")).unwrap_or_default();
        eventually(words, move || async move { if said().contains(words) { Ok(()) } else { Err(said()) } })
    };
    wait_for("started      Take long the first time").await;
    up.kill();
    somebody_else_at(&before);
    wait_for("has ended. Looking for the next one").await;
    // Longer than the silence of an agent that is worth a word.
    tokio::time::sleep(Duration::from_secs(21)).await;
    let mut up = start();
    let after = home.api().address().to_owned();
    eventually("the follower ends", || {
        let said = follower.said();
        let ended = follower.ended();
        async move { ended.ok_or(said) }
    })
    .await;
    let said = follower.said();
    assert_eq!(follower.ended(), Some(Some(0)), "{said}");
    assert!(before != after && said.contains(&format!("Found it again, at {after}.")), "{said}");
    assert_eq!(said.matches("Lost the orchestrator").count(), 1, "{said}");
    assert!(!said.contains("has said nothing") && !said.contains("goes on"), "nothing was known meanwhile: {said}");
    let id = home.succeed(&["-o", "json", "requests"]);
    let id: serde_json::Value = serde_json::from_str(&id).expect("JSON");
    let logs = home.succeed(&["logs", id["items"][0]["request_id"].as_str().expect("an id")]);
    assert_eq!(log_lines(&said), log_lines(&logs), "each line once, in order: {said}\n--\n{logs}");
    assert_eq!(runs(&home), "ran\nran\nended\n");
    assert_eq!(up.stop(Duration::from_secs(40)), Some(0), "{}", up.said());
    home.assert_nothing_left();
}

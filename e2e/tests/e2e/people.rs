//! What people do about a run that was cut off, with the commands that they are told; and what is tried again without them.

use std::fs;
use std::process::{Output, Stdio};
use std::time::Duration;

use chiffon_e2e::{Home, Running, eventually, one_host, write_action};
use nix::sys::signal::Signal;

use crate::kill::SLOW;

/// Takes a minute, the first time.
pub const SLOW_ONCE: &str = "    - name: Note the run\n      ansible.builtin.shell: echo ran >> {{ chiffon_root }}/runs\n      changed_when: true\n    - name: Take long the first time\n      ansible.builtin.shell: test $(grep -c ran {{ chiffon_root }}/runs) -gt 1 || sleep 60\n      changed_when: true\n    - name: Note the end\n      ansible.builtin.shell: echo ended >> {{ chiffon_root }}/runs\n      changed_when: true\n";

/// A `chiffon up` on this bus that is killed while a play of this action runs, and started again; the request's id.
async fn killed_in_mid_play(home: &Home, bus: &str, repeatable: &str, tasks: &str) -> (Running, String) {
    let actions = home.path().join("actions");
    write_action(&actions, "take_long", "Take long", "take long on box", repeatable, tasks);
    let (inventory, _) = one_host(home);
    let start = || home.start(home.up_at(&actions, &inventory).args(["--bus", bus]).env("CHIFFON__RETRY__FIRST_DELAY", "1s"));
    let mut up = start();
    let api = home.api();
    let id = api.ask_and_approve("take long on box").await;
    eventually("the play has begun", || async { if runs(home).contains("ran") { Ok(()) } else { Err(runs(home)) } }).await;
    up.kill();
    fs::remove_file(home.data_dir().join("url")).expect("it was up");
    (start(), id)
}

fn runs(home: &Home) -> String {
    fs::read_to_string(home.path().join("host/runs")).unwrap_or_default()
}

fn call(home: &Home, arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = home.command(arguments).stdin(Stdio::null()).output().expect("it runs");
    (status.code(), format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
}

#[tokio::test]
async fn what_may_be_repeated_is_run_again_by_itself_after_everything_was_killed() {
    let home = Home::new();
    let (mut up, id) = killed_in_mid_play(&home, "rabbitmq", "\"yes\"", SLOW_ONCE).await;
    let after = home.api().request_when(&id, &["needs_attention", "failed", "completed"]).await;
    assert_eq!(after["status"], "completed", "{after:#}");
    assert_eq!(runs(&home), "ran\nran\nended\n");
    let task = after["tasks"].as_array().expect("tasks").iter().find(|task| task["purpose"] == "apply").expect("a task").clone();
    assert_eq!(task["attempt"], 2, "{task:#}");
    up.signal(Signal::SIGINT);
    assert_eq!(up.stop(Duration::from_secs(40)), Some(0), "{}", up.said());
    home.assert_nothing_left();
}

#[tokio::test]
async fn what_may_not_be_repeated_is_decided_about_with_the_commands_that_are_told() {
    let home = Home::new();
    let (mut up, id) = killed_in_mid_play(&home, "memory", "\"no\"", SLOW).await;
    let after = home.api().request_when(&id, &["needs_attention", "failed", "completed"]).await;
    assert_eq!(after["status"], "needs_attention", "{after:#}");
    let task = after["tasks"].as_array().expect("tasks").iter().find(|task| task["purpose"] == "apply").expect("a task").clone();
    let task_id = task["task_id"].as_str().expect("an id");
    assert_eq!(runs(&home), "ran\n", "it is not run again by itself");
    let (code, why) = call(&home, &["why", &id]);
    let (_, short_task) = task_id.split_at_checked(task_id.len() - 8).expect("an id");
    assert!(code == Some(0) && why.contains(&format!("chiffon resolve {short_task} --retry")), "{why}");
    let (_, short) = id.split_at_checked(id.len() - 8).expect("an id");
    let (code, said) = call(&home, &["resolve", short]);
    assert!(code == Some(2) && said.contains("--retry, --done or --give-up"), "{code:?} {said}");
    let (code, said) = call(&home, &["pause", short, "--reason", "dinner"]);
    assert!(code == Some(0) && said.contains("paused it: dinner"), "{code:?} {said}");
    let word: &[&str] = if task["status"] == "unknown" { &["--not-running"] } else { &[] };
    let (code, said) = call(&home, &[&["resolve", short, "--done", "--comment", "I looked", "--attempt", "1"], word].concat());
    assert!(code == Some(0) && said.contains("is done: I looked.\nThe task is completed, its request completed."), "{code:?} {said}");
    let (code, said) = call(&home, &["resolve", task_id, "--done", "--comment", "I looked"]);
    assert!(code == Some(1) && said.contains("5130"), "{code:?} {said}");
    let (code, said) = call(&home, &["resume", short]);
    assert!(code == Some(1) && said.contains("5109"), "{code:?} {said}");
    assert_eq!(runs(&home), "ran\n");
    let (code, said) = call(&home, &["audit", "verify"]);
    assert_eq!(code, Some(0), "{said}");
    up.signal(Signal::SIGINT);
    assert_eq!(up.stop(Duration::from_secs(40)), Some(0), "{}", up.said());
    home.assert_nothing_left();
}

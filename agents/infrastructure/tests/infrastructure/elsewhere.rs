//! Runs on another machine, which no signal and no environment of the agent's reaches: what a stop ends there, and what it can't.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command as Program};

use chiffon_agents_harness::running::{AGENT, PATIENCE, RunningWorker, result_of};
use chiffon_protocol::ErrorCode;
use chiffon_protocol::message::{Command, Outcome, WorkResult};
use chiffon_testkit::until;
use chiffon_worker::marker;
use serde_json::json;

use crate::playbooks::{Fleet, Playbooks};
use crate::plays::error;

/// The only host `nas` of a test.
struct OtherMachine(Child);

impl OtherMachine {
    fn start(books: &Playbooks) -> Self {
        books.write("machine.py", include_str!("other_machine.py"));
        let (machine, socket) = (books.path("machine.py"), books.path("socket"));
        books.write("ssh", &format!("#!/bin/sh\nexec /usr/bin/python3 {} run {} \"$@\"\n", machine.display(), socket.display()));
        std::fs::set_permissions(books.path("ssh"), std::fs::Permissions::from_mode(0o755)).expect("set");
        let inventory = format!(
            "nas ansible_connection=ssh ansible_host=192.0.2.1 ansible_ssh_executable={} ansible_ssh_transfer_method=piped \
             ansible_ssh_pipelining=true ansible_python_interpreter=/usr/bin/python3\n",
            books.path("ssh").display()
        );
        books.write("inventory.ini", &inventory);
        Self(Program::new("/usr/bin/python3").arg(machine).arg("serve").arg(socket).spawn().expect("python3 starts"))
    }
}

impl Drop for OtherMachine {
    fn drop(&mut self) {
        // Who is gone already is what we want.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Processes `sleep` of so many seconds, ended with the test.
struct Sleepers([u32; 2]);

impl Sleepers {
    fn find(&self) -> Vec<i32> {
        let commands = self.0.map(|seconds| format!("sleep\0{seconds}\0").into_bytes());
        let processes = std::fs::read_dir("/proc").expect("there are processes").flatten();
        let is_one = |pid: &i32| std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| commands.contains(&line));
        processes.filter_map(|process| process.file_name().to_str()?.parse().ok()).filter(is_one).collect()
    }

    async fn all_run(&self, fleet: &Fleet) {
        until("both", PATIENCE, async || if self.find().len() == 2 { Ok(()) } else { Err(fleet.orchestrator.hellos().len()) }).await;
    }
}

impl Drop for Sleepers {
    fn drop(&mut self) {
        for pid in self.find() {
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL);
        }
    }
}

fn shell(name: &str, command: &str, more: &str) -> String {
    format!("    - name: {name}\n      ansible.builtin.shell: \"{command}\"\n{more}")
}

async fn cancelled(fleet: &Fleet, task_id: uuid::Uuid) -> WorkResult {
    fleet.orchestrator.command(AGENT, Command::Cancel, Some(task_id)).await;
    let result = result_of(&fleet.orchestrator, task_id).await;
    assert_eq!(result.outcome, Some(Outcome::Cancelled), "{result:?}");
    result
}

#[tokio::test]
async fn a_cancel_ends_what_a_play_has_started_on_another_machine_a_daemon_of_it_too() {
    let books = Playbooks::new();
    let (_machine, sleepers) = (OtherMachine::start(&books), Sleepers([7201, 7202]));
    let daemon = shell("Leave a daemon", "setsid nohup sleep 7201 >/dev/null 2>&1 &", "");
    books.action("work", "", &(daemon + &shell("Work", "exec sleep 7202", "")));
    let fleet = books.start().await;
    let work = fleet.work("work", json!({"host": "nas"}), &["nas"]);
    fleet.orchestrator.offer(&work).await;
    sleepers.all_run(&fleet).await;
    let result = cancelled(&fleet, work.task_id).await;
    assert_eq!(sleepers.find(), Vec::<i32>::new(), "{result:?}");
    assert!(result.hosts.iter().all(|host| host.may_still_run.is_empty()), "{:?}", result.hosts);
}

#[tokio::test]
async fn what_a_cancel_does_not_reach_is_told_with_its_host() {
    let books = Playbooks::new();
    let (machine, sleepers) = (OtherMachine::start(&books), Sleepers([7203, 7204]));
    let job = shell("Go on alone", "exec sleep 7203", "      async: 9000\n      poll: 0\n");
    books.action("work", "", &(job + &shell("Work", "exec sleep 7204", "")));
    let fleet = books.start().await;
    let work = fleet.work("work", json!({"host": "nas"}), &["nas"]);
    fleet.orchestrator.offer(&work).await;
    sleepers.all_run(&fleet).await;
    drop(machine);
    let result = cancelled(&fleet, work.task_id).await;
    let left = &result.hosts[0].may_still_run;
    assert!(left.iter().any(|what| what.starts_with("\"Go on alone\" in the background as job j")), "{left:?}");
    assert!(left.contains(&"\"Work\", which was running when the play was stopped".to_owned()), "{left:?}");
    assert_eq!(sleepers.find().len(), 2, "they do");
}

#[tokio::test]
async fn a_start_after_a_kill_ends_what_the_run_had_left_on_another_machine() {
    let books = Playbooks::new();
    let (_machine, sleepers) = (OtherMachine::start(&books), Sleepers([7205, 7206]));
    let job = shell("Go on alone", "exec sleep 7205", "      async: 9000\n      poll: 0\n");
    books.action("work", "", &(job + &shell("Work", "exec sleep 7206", "")));
    let Fleet { orchestrator, agent, worker, playbooks } = {
        let fleet = books.start().await;
        let work = fleet.work("work", json!({"host": "nas"}), &["nas"]);
        fleet.orchestrator.offer(&work).await;
        sleepers.all_run(&fleet).await;
        fleet
    };
    let task_id = orchestrator.claims().pop().expect("a claim").task_id;
    worker.kill();
    chiffon_agents_harness::journal::journal_is_free(&playbooks.path("agent")).await;
    assert!(!marker::find(&marker::of(AGENT, task_id, 1)).is_empty(), "the killed agent leaves its run behind");
    let _worker = RunningWorker::start(&orchestrator, &playbooks.path("agent"), agent).await;
    let result = result_of(&orchestrator, task_id).await;
    error(&result, ErrorCode::Interrupted);
    assert_eq!(sleepers.find(), Vec::<i32>::new(), "{result:?}");
    assert!(result.hosts.iter().all(|host| host.may_still_run.is_empty()), "{:?}", result.hosts);
}

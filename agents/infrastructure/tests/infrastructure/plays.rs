//! Real plays by real Ansible on hosts of this machine: each way one can end, and what must never leave the host.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use chiffon_agents_harness::running::{AGENT, PATIENCE};
use chiffon_infrastructure::{InfrastructureAgent, InfrastructureOptions};
use chiffon_protocol::ErrorCode;
use chiffon_protocol::message::{Mode, Outcome, WorkRequest, WorkResult};
use chiffon_testkit::until;
use chiffon_worker::{AgentKind as _, marker};
use serde_json::json;

use crate::playbooks::{Playbooks, stands_in_files};

pub const WRITE: &str = "    - name: Write the file\n      ansible.builtin.copy: {content: \"port={{ port }}\\ntext={{ text }}\\n\", dest: \"@DIR@/out-{{ inventory_hostname }}\"}\n";

pub fn error(result: &WorkResult, code: ErrorCode) -> String {
    let error = result.error.clone().unwrap_or_else(|| panic!("no error in {result:?}"));
    assert_eq!(error.code, code.number(), "{}", error.message);
    error.message
}

#[tokio::test]
async fn the_preview_shows_what_the_run_then_does_and_a_second_run_changes_nothing() {
    let books = Playbooks::new();
    books.action("write", "", WRITE);
    let fleet = books.start().await;
    let parameters = json!({"host": ["nas", "pi"], "port": 8080});
    let hosts = ["nas", "pi"];

    let preview = fleet.check("write", parameters.clone(), &hosts).await;
    assert_eq!(preview.outcome, Some(Outcome::Succeeded), "{preview:?}");
    assert!(preview.changed && !fleet.playbooks.path("out-nas").exists());
    let found = preview.preview.expect("a preview");
    assert_eq!((found.tasks, found.changes.len(), found.not_previewed.len()), (2, 2, 0), "{found:?}");
    assert!((found.coverage - 1.0).abs() < 1e-9);
    assert!(found.changes[0].diff.contains("+port=8080\n"), "{}", found.changes[0].diff);

    let work = fleet.work("write", parameters.clone(), &hosts);
    let applied = fleet.run(&work).await;
    assert_eq!((applied.outcome, applied.exit_code, applied.changed), (Some(Outcome::Succeeded), Some(0), true), "{applied:?}");
    assert_eq!(std::fs::read_to_string(fleet.playbooks.path("out-pi")).expect("was written"), "port=8080\ntext=hello\n");
    assert!(applied.resource_usage.cpu_hours > 0.0 && applied.resource_usage.memory_peak_gb > 0.0 && applied.duration_seconds > 0.0);
    // Newer versions of Ansible warn that a variable is named `port`.
    let kinds = fleet.orchestrator.log(work.task_id).into_iter().map(|event| event.kind).filter(|kind| kind != "output");
    assert_eq!(kinds.collect::<Vec<_>>(), ["play_started", "task_started", "task_changed", "task_changed", "stats", "stats"]);

    let again = fleet.apply("write", parameters, &hosts).await;
    assert_eq!((again.outcome, again.changed), (Some(Outcome::Succeeded), false));
}

#[tokio::test]
async fn the_same_change_on_several_hosts_is_shown_once_and_what_check_mode_can_not_show_is_named() {
    let books = Playbooks::new();
    let tasks = "    - name: Write the same\n      ansible.builtin.copy: {content: \"x\\n\", dest: \"@DIR@/same\"}\n    - name: Run a command\n      ansible.builtin.command: \"true\"\n";
    books.action("same", "", tasks);
    let fleet = books.start().await;
    let preview = fleet.check("same", json!({"host": ["nas", "pi"]}), &["nas", "pi"]).await.preview.expect("a preview");
    assert_eq!(preview.changes.len(), 1, "{preview:?}");
    assert_eq!(preview.changes[0].hosts, ["nas", "pi"]);
    assert_eq!(preview.not_previewed, ["Run a command"]);
    assert!((preview.coverage - 0.5).abs() < 1e-9);
}

#[tokio::test]
async fn a_failing_task_is_named_with_its_host_and_words_and_ignored_failures_do_not_count() {
    let books = Playbooks::new();
    let tasks = "    - name: Ignored\n      ansible.builtin.command: \"false\"\n      ignore_errors: true\n    - name: Decide\n      ansible.builtin.fail: {msg: \"the disk of {{ inventory_hostname }} is full\"}\n      when: text == 'fail'\n";
    books.action("decide", "", tasks);
    let fleet = books.start().await;
    let fine = fleet.apply("decide", json!({"host": "nas"}), &["nas"]).await;
    assert_eq!(fine.outcome, Some(Outcome::Succeeded), "{fine:?}");
    let failed = fleet.apply("decide", json!({"host": "nas", "text": "fail"}), &["nas"]).await;
    let message = error(&failed, ErrorCode::PlayFailed);
    for part in ["\"Decide\"", "nas", "the disk of nas is full", "playbook.yml:"] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(failed.exit_code, Some(2));
}

#[tokio::test]
async fn unreachable_unmatched_and_unreadable_plays_are_told_apart() {
    let books = Playbooks::new();
    books.action("write", "", WRITE);
    books.action_for("elsewhere", "", "pi", WRITE);
    books.action("broken", "", "    - name: No such module\n      no.such.module: {}\n");
    let fleet = books.start().await;
    let gone = fleet.apply("write", json!({"host": "gone"}), &["gone"]).await;
    let message = error(&gone, ErrorCode::HostUnreachable);
    assert!(message.contains("gone") && message.contains("refused"), "{message}");
    let elsewhere = fleet.apply("elsewhere", json!({"host": "nas"}), &["nas"]).await;
    assert!(error(&elsewhere, ErrorCode::NoHostsMatched).contains("nas"));
    let broken = fleet.apply("broken", json!({"host": "nas"}), &["nas"]).await;
    assert!(error(&broken, ErrorCode::PlaybookSyntax).contains("no.such.module"));
}

#[tokio::test]
async fn a_play_can_not_reach_a_host_that_it_adds_itself() {
    let books = Playbooks::new();
    let tasks = "    - name: Reach out\n      ansible.builtin.add_host: {name: intruder, groups: [more], ansible_connection: local}\n- name: On the other host\n  hosts: more\n  gather_facts: false\n  tasks:\n    - name: Look\n      ansible.builtin.debug: {msg: hello}\n";
    books.action("reach", "", tasks);
    let fleet = books.start().await;
    let work = fleet.work("reach", json!({"host": "nas"}), &["nas"]);
    assert_eq!(fleet.run(&work).await.outcome, Some(Outcome::Succeeded));
    assert!(fleet.orchestrator.log(work.task_id).iter().all(|event| event.host.as_deref() != Some("intruder")));
}

#[tokio::test]
async fn a_play_that_acts_on_a_host_that_was_not_granted_is_killed_at_once() {
    let books = Playbooks::new();
    books.action("write", "", WRITE);
    // An Ansible that does not keep to --limit, and does not listen to signals either.
    let event = r#"{"_event": "v2_runner_on_ok", "hosts": {"intruder": {"changed": true}}, "task": {"id": "1", "name": "Look"}}"#;
    books.write("ansible-playbook", &format!("#!/bin/sh\ntrap '' INT TERM\necho '{event}'\nwhile :; do sleep 1; done\n"));
    std::fs::set_permissions(books.path("ansible-playbook"), std::fs::Permissions::from_mode(0o755)).expect("set");
    let options = InfrastructureOptions { ansible_playbook: books.path("ansible-playbook"), ..books.options() };
    let fleet = books.start_with(options).await;
    let work = fleet.work("write", json!({"host": "nas"}), &["nas"]);
    let message = error(&fleet.run(&work).await, ErrorCode::HostsExceedGrant);
    assert!(message.contains("`intruder`") && message.contains("granted: nas"), "{message}");
    assert!(marker::find(&marker::of(AGENT, work.task_id, 1)).is_empty());
}

#[tokio::test]
async fn outputs_and_warnings_come_back_typed_and_must_fit() {
    let books = Playbooks::new();
    let outputs = "outputs: {required: [url, count], properties: {url: {type: string}, count: {type: integer}}}\n";
    let report = |data: &str| format!("    - name: Report\n      ansible.builtin.set_stats: {{aggregate: false, data: {data}}}\n");
    books.action("good", outputs, &report("{url: \"http://nas\", count: 3, chiffon_warnings: [\"look at the port\"]}"));
    books.action("bad", outputs, &report("{url: 7}"));
    let fleet = books.start().await;
    let good = fleet.apply("good", json!({"host": "nas"}), &["nas"]).await;
    assert_eq!(json!(good.outputs), json!({"url": "http://nas", "count": 3}));
    assert_eq!(good.warnings, ["look at the port"]);
    let message = error(&fleet.apply("bad", json!({"host": "nas"}), &["nas"]).await, ErrorCode::OutputsInvalid);
    assert!(message.contains("url") && message.contains("count"), "{message}");
    let preview = fleet.check("bad", json!({"host": "nas"}), &["nas"]).await;
    assert_eq!((preview.outcome, preview.warnings.len()), (Some(Outcome::Succeeded), 1));
}

#[tokio::test]
async fn secrets_reach_the_host_and_nothing_else() {
    let books = Playbooks::new();
    let tasks = "    - name: Write a secret\n      ansible.builtin.copy: {content: \"PASSWORD={{ password }}\\nplain {{ password }}\\n\", dest: \"@DIR@/secret-file\"}\n    - name: Say it\n      ansible.builtin.debug: {msg: \"it is {{ password }}\"}\n    - name: Give it back\n      ansible.builtin.set_stats: {aggregate: false, data: {said: \"{{ password }}\"}}\n    - name: Fail with it\n      ansible.builtin.fail: {msg: \"no {{ password }}\"}\n    ";
    books.action("tell", "", tasks);
    let secret = "correct-horse-battery";
    books.write("agent/secrets.toml", &format!("db = \"{secret}\"\n"));
    std::fs::set_permissions(books.path("agent/secrets.toml"), std::fs::Permissions::from_mode(0o600)).expect("set");
    let fleet = books.start().await;
    let work = fleet.work("tell", json!({"host": "nas", "password": "secret://db"}), &["nas"]);
    fleet.orchestrator.set_acknowledge(false);
    let result = fleet.run(&work).await;
    assert!(error(&result, ErrorCode::PlayFailed).contains("[redacted]"));
    assert!(std::fs::read_to_string(fleet.playbooks.path("secret-file")).expect("was written").contains(secret));
    let heard = fleet.orchestrator.heard.lock().expect("is free");
    for envelope in &heard.messages {
        let said = String::from_utf8(envelope.to_bytes()).expect("is text");
        assert!(!said.contains(secret), "{said}");
    }
    let held = stands_in_files(&fleet.playbooks.path("agent"), secret);
    assert_eq!(held, [fleet.playbooks.path("agent/secrets.toml")], "neither the journal nor the scratch folder keeps it");
}

#[tokio::test]
async fn a_template_in_a_parameter_stays_text() {
    let books = Playbooks::new();
    books.action("write", "", WRITE);
    let fleet = books.start().await;
    let text = "{{ lookup('pipe', 'id') }}";
    let result = fleet.apply("write", json!({"host": "nas", "text": text}), &["nas"]).await;
    assert_eq!(result.outcome, Some(Outcome::Succeeded), "{result:?}");
    assert!(std::fs::read_to_string(fleet.playbooks.path("out-nas")).expect("was written").contains(text));
}

#[tokio::test]
async fn work_that_does_not_fit_the_agent_is_not_accepted() {
    let books = Playbooks::new();
    books.action("write", "", WRITE);
    let fleet = books.start().await;
    let good = fleet.work("write", json!({"host": "nas"}), &["nas"]);
    fleet.agent.accepts(&good).expect("it fits");
    let declined = |work: &WorkRequest, part: &str| {
        let reason = fleet.agent.accepts(work).expect_err(part).to_string();
        assert!(reason.contains(part), "{reason}");
    };
    declined(&WorkRequest { action: "teleport".to_owned(), ..good.clone() }, "teleport");
    declined(&WorkRequest { action_sha256: "0".repeat(64), ..good.clone() }, "5403");
    declined(&fleet.work("write", json!({"host": "moon"}), &["moon"]), "moon");
    declined(&fleet.work("write", json!({"host": ["nas", "pi"]}), &["nas"]), "pi");
    declined(&fleet.work("write", json!({"host": "nas", "port": "many"}), &["nas"]), "/port");
    declined(&fleet.work("write", json!({"host": "nas", "colour": "red"}), &["nas"]), "colour");
    declined(&fleet.work("write", json!({"host": "nas", "password": "secret://none"}), &["nas"]), "`none`");
    fleet.playbooks.action("write", "", "    - name: Changed\n      ansible.builtin.debug: {msg: x}\n");
    declined(&good, "5403");
    assert!(fleet.agent.refresh().await, "the change is announced");
    assert_ne!(fleet.agent.catalogue()[0].sha256, good.action_sha256);
    assert!(!fleet.agent.refresh().await);
    fleet.playbooks.action("wrong", "colour: red\n", WRITE);
    assert!(fleet.agent.refresh().await, "so is what is left out");
    declined(&WorkRequest { action: "wrong".to_owned(), ..good.clone() }, "it does not offer `wrong`: ");
}

#[tokio::test]
async fn an_invalid_action_does_not_stop_the_others() {
    let books = Playbooks::new();
    books.action("write", "", WRITE);
    books.action("wrong", "colour: red\n", WRITE);
    let agent = InfrastructureAgent::new(books.options()).await.expect("the agent is ready");
    assert_eq!(agent.catalogue().iter().map(|action| action.spec.name.as_str()).collect::<Vec<_>>(), ["write"]);
    let said = agent.not_offered();
    assert_eq!((said.len(), said[0].name.as_str(), said[0].code), (1, "wrong", ErrorCode::ActionInvalid.number()));
    assert!(said[0].reason.contains("wrong/action.yml") && said[0].reason.contains("colour"), "{}", said[0].reason);
    assert_eq!(agent.problems(), Vec::<String>::new(), "what is said of an action is said once");
    books.action("wrong", "", "    - name: It\n      ansible.builtin.command: id\n      check_mode: false\n");
    assert!(agent.refresh().await, "another reason is said, too");
    assert!(agent.not_offered()[0].reason.contains("check_mode: false"));
    books.action("wrong", "", WRITE);
    assert!(agent.refresh().await && agent.not_offered().is_empty());
}

#[tokio::test]
async fn a_missing_ansible_and_an_unreadable_inventory_are_named() {
    let books = Playbooks::new();
    books.action("write", "", WRITE);
    let missing = InfrastructureOptions { ansible_inventory: "/nowhere/ansible-inventory".into(), ..books.options() };
    let problem = InfrastructureAgent::new(missing).await.expect_err("there is no such program");
    assert_eq!(problem.code, ErrorCode::AnsibleNotFound);
    for (name, text) in [("missing.ini", None), ("broken.yml", Some("all: [")), ("empty.ini", Some(""))] {
        if let Some(text) = text {
            books.write(name, text);
        }
        let unreadable = InfrastructureOptions { inventory: books.path(name), ..books.options() };
        let problem = InfrastructureAgent::new(unreadable).await.expect_err(name);
        assert_eq!(problem.code, ErrorCode::InventoryUnreadable);
        assert!(problem.message.contains(name), "{}", problem.message);
    }
    let missing = InfrastructureOptions { ansible_playbook: "/nowhere/ansible-playbook".into(), ..books.options() };
    let problem = InfrastructureAgent::new(missing).await.expect_err("there is no such program");
    assert_eq!(problem.code, ErrorCode::AnsibleNotFound);
    assert!(problem.message.contains("/nowhere/ansible-playbook") && problem.message.contains("apt install ansible"), "{problem}");
}

#[tokio::test]
async fn an_ansible_that_went_away_after_the_start_fails_the_task_by_its_name() {
    let books = Playbooks::new();
    books.action("write", "", WRITE);
    let program = books.path("ansible-playbook");
    std::os::unix::fs::symlink("/usr/bin/ansible-playbook", &program).expect("a link");
    let options = InfrastructureOptions { ansible_playbook: program.clone(), ..books.options() };
    let fleet = books.start_with(options).await;
    std::fs::remove_file(&program).expect("it is taken away");
    let message = error(&fleet.apply("write", json!({"host": "nas"}), &["nas"]).await, ErrorCode::AnsibleNotFound);
    assert!(message.contains(&program.display().to_string()), "{message}");
}

#[tokio::test]
async fn a_kill_in_mid_play_leaves_no_module_running_and_the_play_is_not_repeated() {
    let books = Playbooks::new();
    let tasks = "    - name: Count\n      ansible.builtin.shell: echo x >> @DIR@/count\n    - name: Wait for ever\n      ansible.builtin.command: sleep 300\n";
    books.action("slow", "", tasks);
    let fleet = books.start().await;
    let work = fleet.work("slow", json!({"host": "nas"}), &["nas"]);
    fleet.orchestrator.offer(&work).await;
    let marker = marker::of(AGENT, work.task_id, 1);
    let sleeps = async || if processes_with(&marker, "sleep").is_empty() { Err(marker::find(&marker)) } else { Ok(()) };
    until("the second task to run", PATIENCE, sleeps).await;
    let journal = fleet.playbooks.path("agent/journal");
    let files = || walkdir::WalkDir::new(&journal).into_iter().flatten().map(walkdir::DirEntry::into_path).collect::<Vec<_>>();
    let holds = |file: &std::path::PathBuf| std::fs::read_to_string(file).is_ok_and(|text| text.contains("Wait for ever"));
    let noted = async || if files().iter().any(holds) { Ok(()) } else { Err(files()) };
    until("the second task to stand in the journal", PATIENCE, noted).await;
    let (orchestrator, playbooks, _worker) = killed_and_started_again(fleet).await;
    assert!(marker::find(&marker).is_empty());
    let result = chiffon_agents_harness::running::result_of(&orchestrator, work.task_id).await;
    assert_eq!(result.outcome, Some(Outcome::Interrupted));
    let message = error(&result, ErrorCode::Interrupted);
    assert!(message.contains("\"Count\" on nas") && message.contains("\"Wait for ever\""), "{message}");
    orchestrator.offer(&work).await;
    chiffon_agents_harness::journal::journal_is_empty(&playbooks.path("agent")).await;
    assert_eq!(std::fs::read_to_string(playbooks.path("count")).expect("it ran").lines().count(), 1);
}

#[tokio::test]
async fn what_left_its_session_its_parent_and_its_environment_is_still_found_by_its_control_group() {
    let cgroups = std::fs::read_to_string("/proc/self/mountinfo").expect("reads");
    let Some(mount) = cgroups.lines().find(|line| line.contains(" - cgroup2 ")).and_then(|line| line.split(' ').nth(4)) else {
        return chiffon_testkit::not_run("agents: what is found by its control group", "this machine has no cgroup v2");
    };
    let books = Playbooks::new();
    let stray = "env -i setsid sh -c 'echo $$ > @DIR@/stray; exec sleep 301' >/dev/null 2>&1 </dev/null &";
    let tasks = format!(
        "    - name: Let one go\n      ansible.builtin.shell: \"{stray}\"\n    - name: Wait for ever\n      ansible.builtin.command: sleep 300\n"
    );
    books.action("stray", "", &tasks);
    let fleet = books.start().await;
    let work = fleet.work("stray", json!({"host": "nas"}), &["nas"]);
    fleet.orchestrator.offer(&work).await;
    let marker = marker::of(AGENT, work.task_id, 1);
    let sleeps = async || if processes_with(&marker, "sleep").len() < 2 { Err(marker::find(&marker)) } else { Ok(()) };
    until("both sleeps to run", PATIENCE, sleeps).await;
    let stray: i32 = std::fs::read_to_string(fleet.playbooks.path("stray")).expect("it ran").trim().parse().expect("a process id");
    let environment = std::fs::read(format!("/proc/{stray}/environ")).expect("it lives");
    assert!(!String::from_utf8_lossy(&environment).contains(marker::VARIABLE), "the marker is to be lost");
    let (orchestrator, _books, _worker) = killed_and_started_again(fleet).await;
    // Killed and not yet taken note of by its parent is dead enough.
    let stat = std::fs::read_to_string(format!("/proc/{stray}/stat")).unwrap_or_default();
    assert!(stat.is_empty() || stat.contains(") Z "), "it lives on: {stat}");
    let result = chiffon_agents_harness::running::result_of(&orchestrator, work.task_id).await;
    assert_eq!(result.outcome, Some(Outcome::Interrupted));
    let name = format!("chiffon-{}", marker.replace('/', "."));
    let left = walk(Path::new(mount)).into_iter().find(|folder| folder.ends_with(&name));
    assert_eq!(left, None, "the control group is taken away");
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.flat_map(|entry| [vec![entry.path()], walk(&entry.path())].concat()).collect()
}

/// The worker is killed in mid-play, and another starts on its journal.
async fn killed_and_started_again(
    fleet: crate::playbooks::Fleet,
) -> (chiffon_agents_harness::orchestrator::Orchestrator, Playbooks, chiffon_agents_harness::running::RunningWorker) {
    let crate::playbooks::Fleet { orchestrator, agent, worker, playbooks } = fleet;
    worker.kill();
    let next = chiffon_agents_harness::running::options(&orchestrator, &playbooks.path("agent"));
    let free = async || match chiffon_worker::Worker::new(next.clone(), parts(&orchestrator)) {
        Ok(_) => Ok(()),
        Err(problem) => Err(problem),
    };
    until("the killed worker to be gone", PATIENCE, free).await;
    let worker = chiffon_agents_harness::running::RunningWorker::start(&orchestrator, &playbooks.path("agent"), agent).await;
    (orchestrator, playbooks, worker)
}

fn parts(orchestrator: &chiffon_agents_harness::orchestrator::Orchestrator) -> chiffon_worker::WorkerParts {
    chiffon_worker::WorkerParts {
        bus: orchestrator.broker.connect(),
        clock: chiffon_process::SystemClock::shared(),
        ids: chiffon_process::RandomIds::shared(),
        kind: std::sync::Arc::new(chiffon_agents_harness::kinds::Shell::default()),
        probe: std::sync::Arc::new(chiffon_agents_harness::kinds::FourCores),
        tasks: orchestrator.tasks.clone(),
    }
}

fn processes_with(marker: &str, name: &str) -> Vec<i32> {
    let is_named =
        |pid: &i32| std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("comm")).is_ok_and(|comm| comm.trim() == name);
    marker::find(marker).into_iter().filter(is_named).collect()
}

#[tokio::test]
async fn progress_follows_the_tasks_and_check_mode_is_said() {
    let books = Playbooks::new();
    let step = |number: u32| format!("    - name: Step {number}\n      ansible.builtin.command: sleep 0.5\n");
    let tasks = [1, 2, 3, 4].map(step).concat();
    books.action("steps", "", &tasks);
    let fleet = books.start().await;
    let work = WorkRequest { mode: Mode::Apply, ..fleet.work("steps", json!({"host": "nas"}), &["nas"]) };
    fleet.run(&work).await;
    let told = fleet.orchestrator.heard(|message| match message {
        chiffon_protocol::Message::WorkStatus(status) => Some((status.progress, status.message.clone())),
        _ => None,
    });
    assert!(told.windows(2).all(|pair| pair[1].0 >= pair[0].0), "{told:?}");
    assert!(told.iter().any(|(percent, _)| (25..=99).contains(percent)), "{told:?}");
    assert!(told.iter().any(|(_, message)| message.starts_with("Running: Step")), "{told:?}");
}

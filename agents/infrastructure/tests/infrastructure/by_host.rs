//! Real plays on several hosts: what each came to, what was not looked into, and what goes on after the end.

use std::os::unix::fs::PermissionsExt as _;

use chiffon_agents_harness::running::{AGENT, PATIENCE};
use chiffon_protocol::ErrorCode;
use chiffon_protocol::message::{Command, Outcome};
use chiffon_testkit::until;
use serde_json::json;

use crate::playbooks::Playbooks;
use crate::plays::error;

#[tokio::test]
async fn of_three_hosts_with_one_off_the_others_are_previewed_run_and_told_by_host() {
    let books = Playbooks::new();
    let tasks = "    - name: Write the file\n      ansible.builtin.copy: {content: \"x\\n\", dest: \"@DIR@/out-{{ inventory_hostname }}\"}\n    - name: Seldom\n      ansible.builtin.debug: {msg: hello}\n      when: text == 'seldom'\n    - name: Tell\n      ansible.builtin.set_stats: {data: {where: \"{{ inventory_hostname }}\"}, aggregate: false}\n";
    books.action("three", "outputs: {required: [where], properties: {where: {type: string}}}\n", tasks);
    let fleet = books.start().await;
    let (parameters, hosts) = (json!({"host": ["nas", "pi", "gone"]}), ["nas", "pi", "gone"]);

    let preview = fleet.check("three", parameters.clone(), &hosts).await.preview.expect("of those that are on");
    let shown: Vec<&String> = preview.changes.iter().flat_map(|change| &change.hosts).collect();
    assert_eq!(shown.len(), 2, "{preview:?}");
    assert!(preview.not_previewed.iter().any(|what| what.starts_with("Seldom: skipped")), "{preview:?}");
    assert!(preview.not_previewed.contains(&"every task on gone, which could not be reached".to_owned()), "{preview:?}");
    assert!((preview.coverage - 4.0 / 9.0).abs() < 1e-9, "{preview:?}");

    let ran = fleet.apply("three", parameters, &hosts).await;
    error(&ran, ErrorCode::HostUnreachable);
    let told: Vec<_> = ran.hosts.iter().map(|host| (host.host.as_str(), host.status.as_str(), host.changed)).collect();
    assert_eq!(told, [("gone", "unreachable", 0), ("nas", "completed", 1), ("pi", "completed", 1)]);
    assert!(ran.changed);
    assert_eq!(ran.outputs["where"], json!({"nas": "nas", "pi": "pi"}));

    let two = fleet.apply("three", json!({"host": ["nas", "pi"]}), &["nas", "pi"]).await;
    assert_eq!(two.outcome, Some(Outcome::Succeeded), "outputs by host fit what the action promises: {two:?}");
}

/// Writes a file everywhere, then looks for one that is on `nas` only; what follows is written where that was found.
const HALF_WAY: &str = "    - name: Write the file\n      ansible.builtin.copy: {content: \"x\\n\", dest: \"@DIR@/@NAME@-{{ inventory_hostname }}\"}\n    - name: Look\n      ansible.builtin.assert: {that: \"inventory_hostname == 'nas'\"}\n";

#[tokio::test]
async fn where_others_end_a_play_a_host_is_unfinished_unless_it_was_done() {
    let books = Playbooks::new();
    let last = "    - name: Write the rest\n      ansible.builtin.copy: {content: \"x\\n\", dest: \"@DIR@/@NAME@-rest-{{ inventory_hostname }}\"}\n";
    let then = "- name: Then\n  hosts: all\n  gather_facts: false\n  tasks:\n    - name: Tell\n      ansible.builtin.debug: {msg: hello}\n";
    let named = |name: &str, tasks: &str| tasks.replace("@NAME@", name);
    let action = |name: &str, keyword: &str, value: &str, tasks: &str| {
        books.action_for(name, "", &format!("{{{{ host }}}}\"\n  {keyword}: \"{value}"), tasks);
    };
    action("fatal", "any_errors_fatal", "true", &named("fatal", &(HALF_WAY.to_owned() + last)));
    action("percent", "max_fail_percentage", "10", &named("percent", &(HALF_WAY.to_owned() + last)));
    action("last", "any_errors_fatal", "true", &named("last", HALF_WAY));
    action("next", "any_errors_fatal", "true", &named("next", &(HALF_WAY.to_owned() + then)));
    action("alone", "order", "inventory", &named("alone", &(HALF_WAY.to_owned() + last)));
    let fleet = books.start().await;
    for (action, expected) in
        [("fatal", "unfinished"), ("percent", "unfinished"), ("last", "completed"), ("next", "unfinished"), ("alone", "completed")]
    {
        let ran = fleet.apply(action, json!({"host": ["nas", "pi"]}), &["nas", "pi"]).await;
        error(&ran, ErrorCode::PlayFailed);
        let told: Vec<_> = ran.hosts.iter().map(|host| (host.host.as_str(), host.status.as_str())).collect();
        assert_eq!(told, [("nas", expected), ("pi", "failed")], "{action}: {ran:?}");
        let words = ran.hosts[0].message.as_deref().unwrap_or_default();
        assert_eq!(words.contains("because others failed"), expected == "unfinished", "{action}: {words}");
    }
}

#[tokio::test]
async fn a_play_for_hosts_that_are_not_granted_is_no_part_of_a_whole_preview() {
    let books = Playbooks::new();
    let tasks = "    - name: Look\n      ansible.builtin.debug: {msg: hello}\n- name: Elsewhere\n  hosts: pi\n  gather_facts: false\n  tasks:\n    - name: Change the other one\n      ansible.builtin.debug: {msg: hello}\n";
    books.action("both", "", tasks);
    let fleet = books.start().await;
    let preview = fleet.check("both", json!({"host": "nas"}), &["nas"]).await.preview.expect("a preview");
    let told = [
        "the play \"Elsewhere\": none of its hosts is among those that were granted",
        "Change the other one: its play was not previewed, or ended before it",
    ];
    assert_eq!(preview.not_previewed, told);
    assert!((preview.coverage - 0.5).abs() < 1e-9, "{preview:?}");

    let ran = fleet.apply("both", json!({"host": "nas"}), &["nas"]).await;
    assert_eq!(ran.outcome, Some(Outcome::Succeeded), "{ran:?}");
    let told = [
        "the play \"Elsewhere\" did not run: none of its hosts is among those that were granted",
        "the play \"Elsewhere\" names hosts besides, on which nothing was done: pi",
    ];
    for warning in told {
        assert!(ran.warnings.contains(&warning.to_owned()), "{ran:?}");
    }
}

#[tokio::test]
async fn a_play_without_hosts_that_no_list_has_tasks_of_is_counted_too() {
    let books = Playbooks::new();
    let tasks = "    - name: Look\n      ansible.builtin.debug: {msg: hello}\n- name: Bare\n  hosts: pi\n  gather_facts: true\n";
    books.action("bare", "", tasks);
    let fleet = books.start().await;
    let preview = fleet.check("bare", json!({"host": "nas"}), &["nas"]).await.preview.expect("a preview");
    assert_eq!(preview.not_previewed, ["the play \"Bare\": none of its hosts is among those that were granted"]);
    assert!((preview.coverage - 0.5).abs() < 1e-9, "{preview:?}");
}

#[tokio::test]
async fn what_a_play_leaves_in_the_background_is_told_with_its_job() {
    let books = Playbooks::new();
    let tasks = "    - name: Go on alone\n      ansible.builtin.command: sleep 20\n      async: 20\n      poll: 0\n";
    books.action("alone", "", tasks);
    let fleet = books.start().await;
    let left = fleet.apply("alone", json!({"host": "nas"}), &["nas"]).await;
    let told = left.warnings.iter().find(|warning| warning.contains("background")).expect("it is told");
    assert!(told.starts_with("\"Go on alone\" may still run in the background on nas as job j"), "{told}");
}

#[tokio::test]
async fn a_cancel_ends_what_was_started_in_the_background_on_a_host_that_no_signal_reaches() {
    let books = Playbooks::new();
    // As over ssh: nothing of the agent's environment reaches the host, and the job leaves the play's session.
    books.write("python", "#!/bin/sh\nexec env -i PATH=\"$PATH\" HOME=\"$HOME\" /usr/bin/python3 \"$@\"\n");
    std::fs::set_permissions(books.path("python"), std::fs::Permissions::from_mode(0o755)).expect("set");
    books.write("inventory.ini", &format!("nas ansible_connection=local ansible_python_interpreter={}\n", books.path("python").display()));
    let job = |seconds: u32, poll: u32| {
        format!("    - name: Go on {seconds}\n      ansible.builtin.command: sleep {seconds}\n      async: 9000\n      poll: {poll}\n")
    };
    books.action("alone", "", &format!("{}{}", job(7101, 0), job(7102, 1)));
    let fleet = books.start().await;
    let work = fleet.work("alone", json!({"host": "nas"}), &["nas"]);
    fleet.orchestrator.offer(&work).await;
    let both = async || {
        let log = fleet.orchestrator.log(work.task_id);
        // The second one is known once it has been looked at.
        let is_known = log.iter().filter(|event| event.kind == "job_started").count() == 2;
        if is_known && sleeping(7101) && sleeping(7102) { Ok(()) } else { Err(log) }
    };
    until("both jobs", PATIENCE, both).await;
    fleet.orchestrator.command(AGENT, Command::Cancel, Some(work.task_id)).await;
    let result = chiffon_agents_harness::running::result_of(&fleet.orchestrator, work.task_id).await;
    assert_eq!(result.outcome, Some(Outcome::Cancelled), "{result:?}");
    assert!(!sleeping(7101) && !sleeping(7102), "{:?}", result.warnings);
    let told = result.warnings.iter().filter(|warning| warning.contains("was stopped in the background on nas")).count();
    assert_eq!(told, 2, "{:?}", result.warnings);
}

/// Whether a process `sleep` of so many seconds runs here.
fn sleeping(seconds: u32) -> bool {
    let command = format!("sleep\0{seconds}\0");
    let processes = std::fs::read_dir("/proc").expect("there are processes").flatten();
    processes.into_iter().any(|process| std::fs::read(process.path().join("cmdline")).is_ok_and(|line| line == command.as_bytes()))
}

#[tokio::test]
async fn tasks_that_began_are_known_however_they_are_named_and_the_others_are_told() {
    let books = Playbooks::new();
    let line = |path: &str| format!("- ansible.builtin.copy: {{content: \"x\\n\", dest: \"{}/{path}\"}}\n", books.path("").display());
    books.write("books/roles/first/tasks/main.yml", &line("first"));
    books.write("books/roles/second/tasks/main.yml", &line("second"));
    let tasks = "    - ansible.builtin.import_role: {name: first}\n    - ansible.builtin.include_role: {name: second}\n    \
                 - ansible.builtin.meta: flush_handlers\n    - name: Write {{ text }}\n      ansible.builtin.copy: {content: \"x\\n\", dest: \"@DIR@/third\"}\n\
                 - name: Elsewhere\n  hosts: pi\n  gather_facts: false\n  roles: [first]\n  tasks:\n    - name: Write {{ text }}\n      \
                 ansible.builtin.debug: {msg: hello}\n";
    books.action("roles", "", tasks);
    let fleet = books.start().await;
    let preview = fleet.check("roles", json!({"host": "nas"}), &["nas"]).await.preview.expect("a preview");
    let after = ": its play was not previewed, or ended before it";
    let told: Vec<&str> = preview.not_previewed.iter().filter_map(|what| what.strip_suffix(after)).collect();
    assert_eq!(told, ["first : ansible.builtin.copy", "Write {{ text }}"], "{preview:?}");
    assert_eq!(preview.changes.len(), 3, "{preview:?}");
}

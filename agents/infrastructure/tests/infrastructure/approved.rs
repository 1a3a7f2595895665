//! What an approval binds beside the playbooks folder's own files: what a play runs with, and what it may read on the agent's machine.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use chiffon_infrastructure::action_check::{self, Severity};
use chiffon_infrastructure::{Catalogue, InfrastructureAgent, InfrastructureOptions};
use chiffon_process::SystemClock;
use chiffon_protocol::ErrorCode;
use chiffon_protocol::message::Outcome;
use chiffon_worker::{AgentKind as _, Cancel, Ending, EventSink, Progress, RunContext};
use serde_json::json;

use crate::playbooks::Playbooks;
use crate::plays::error;

const LOOK: &str = "    - name: Look\n      ansible.builtin.debug: {msg: hello}\n";

fn collection(books: &Playbooks, version: &str) {
    let manifest = format!("{{\"collection_info\": {{\"version\": \"{version}\"}}}}");
    books.write("installed/ansible_collections/some/where/MANIFEST.json", &manifest);
    books.write("installed/ansible_collections/some/where/roles/act/tasks/main.yml", "- ansible.builtin.debug: {msg: hello}\n");
}

#[tokio::test]
async fn code_that_an_action_brings_along_is_announced_and_said_by_the_check() {
    let books = Playbooks::new();
    books.action("act", "", LOOK);
    books.action("look", "", LOOK);
    books.write("books/act/filter_plugins/mine.py", "class FilterModule:\n    def filters(self):\n        return {}\n");
    let fleet = books.start().await;
    let announced = fleet.agent.catalogue();
    let code = |name: &str| announced.iter().find(|action| action.spec.name == name).expect("is offered").spec.own_code.clone();
    assert_eq!((code("act"), code("look")), (vec!["act/filter_plugins/mine.py".to_owned()], Vec::new()));
    let findings = action_check::check(&fleet.playbooks.path("books/act"), Path::new("ansible-playbook")).await;
    let said = findings.iter().find(|finding| finding.text.contains("runs code of its own")).expect("it is said");
    assert!(said.severity == Severity::Warning && said.text.ends_with("in previews, too: act/filter_plugins/mine.py"), "{said}");
}

#[tokio::test]
async fn what_a_play_runs_with_is_announced_and_another_version_declines_and_says_which() {
    let books = Playbooks::new();
    collection(&books, "1.0.0");
    books.action("act", "", &format!("{LOOK}    - ansible.builtin.include_role: {{name: some.where.act}}\n"));
    books.write("books/ansible.cfg", &format!("[defaults]\ncollections_path = {}\n", books.path("installed").display()));
    let fleet = books.start().await;
    let announced = fleet.agent.catalogue();
    let runs_with = &announced.iter().find(|action| action.spec.name == "act").expect("is offered").spec.runs_with;
    assert_eq!(runs_with.get("some.where").map(String::as_str), Some("1.0.0"), "{runs_with:?}");
    assert!(runs_with.get("ansible-core").is_some_and(|version| version.starts_with("2.")), "{runs_with:?}");

    let approved = fleet.work("act", json!({"host": "nas"}), &["nas"]);
    fleet.agent.accepts(&approved).expect("nothing has changed");
    collection(&fleet.playbooks, "2.0.0");
    let declined = fleet.agent.accepts(&approved).expect_err("another version is installed").to_string();
    for part in ["5403", "some.where 1.0.0", "some.where 2.0.0"] {
        assert!(declined.contains(part), "{declined}");
    }
    assert!(fleet.agent.refresh().await, "the new version is announced");
    fleet.agent.accepts(&fleet.work("act", json!({"host": "nas"}), &["nas"])).expect("it is planned with the new one");
    let declined = fleet.agent.accepts(&approved).expect_err("the old plan stays declined").to_string();
    assert!(declined.contains("5403") && declined.contains("some.where 2.0.0"), "{declined}");
}

#[tokio::test]
async fn a_role_that_is_edited_after_the_grant_ends_the_run_itself_with_5403_and_nothing_written() {
    let books = Playbooks::new();
    let task = format!("- ansible.builtin.copy: {{content: x, dest: \"{}/out\"}}\n", books.path("").display());
    books.write("books/roles/banner/tasks/main.yml", &task);
    books.action("banner", "", &format!("{LOOK}  roles: [banner]\n"));
    let fleet = books.start().await;
    let approved = fleet.work("banner", json!({"host": "nas"}), &["nas"]);
    fleet.playbooks.write("books/roles/banner/tasks/main.yml", &format!("{task}# slipped in\n"));
    let scratch = fleet.playbooks.path("scratch");
    std::fs::create_dir(&scratch).expect("made");
    let clock = SystemClock::shared();
    let context = RunContext {
        events: EventSink::to_file(&fleet.playbooks.path("events.jsonl"), clock.clone()),
        progress: Progress::default(),
        cancel: Cancel::new(),
        scratch: scratch.clone(),
        marker: "a-run-of-a-test".to_owned(),
        clock,
    };
    // The check of the claim has been before; between it and the run lies the way to the orchestrator and back.
    let ended = fleet.agent.run(&approved, context).await;
    let Ending::Failed(problem) = ended.ending else { panic!("it ran: {ended:?}") };
    assert_eq!(problem.code, ErrorCode::ActionChanged, "{problem:?}");
    assert!(!fleet.playbooks.path("out").exists() && !scratch.join("playbooks").exists());
}

#[tokio::test]
async fn files_beyond_the_action_are_neither_offered_nor_read_in_a_run() {
    let books = Playbooks::new();
    books.write("private.txt", "not for the host");
    books.action("source", "", "    - ansible.builtin.copy: {src: /etc/hostname, dest: /x}\n");
    books.action("look", "", "    - ansible.builtin.debug: {msg: \"{{ lookup('file', '~/.ssh/id_rsa') }}\"}\n");
    books.action("import", "", "    - ansible.builtin.import_tasks: \"{{ text }}.yml\"\n");
    let catalogue = Catalogue::load(&books.path("books")).expect("reads");
    assert_eq!(catalogue.actions.len(), 0, "{:?}", catalogue.actions.keys());
    let reasons = format!("{:?}", catalogue.problems);
    for part in ["/etc/hostname", "~/.ssh/id_rsa", "{{ text }}.yml"] {
        assert!(reasons.contains(part), "{part} is not in {reasons}");
    }

    for (name, task) in [
        ("copied", "ansible.builtin.copy: {src: \"{{ text }}\", dest: \"@DIR@/out\"}"),
        ("shown", "ansible.builtin.debug: {msg: \"{{ lookup('file', text) }}\"}"),
        ("included", "ansible.builtin.include_vars: \"{{ text }}\""),
    ] {
        books.action(name, "", &format!("    - {task}\n"));
    }
    books.action("own", "", "    - ansible.builtin.copy: {src: \"{{ text }}\", dest: \"@DIR@/own\"}\n    - ansible.builtin.template: {src: it.j2, dest: \"@DIR@/made\"}\n");
    books.write("books/own/files/motd", "ours");
    books.write("books/own/templates/it.j2", "{{ lookup('file', 'motd') }}");
    let private = books.path("private.txt").display().to_string();
    let fleet = books.start().await;
    for name in ["copied", "shown", "included"] {
        let ran = fleet.apply(name, json!({"host": "nas", "text": private}), &["nas"]).await;
        let message = error(&ran, ErrorCode::PlayFailed);
        assert!(message.contains("lies outside the action"), "{name}: {message}");
    }
    assert!(!fleet.playbooks.path("out").exists());
    let own = fleet.apply("own", json!({"host": "nas", "text": "motd"}), &["nas"]).await;
    assert_eq!(own.outcome, Some(Outcome::Succeeded), "{own:?}");
    assert_eq!(std::fs::read_to_string(fleet.playbooks.path("made")).expect("was written").trim(), "ours");
}

#[tokio::test]
async fn a_configuration_that_leads_out_of_the_folder_stops_its_actions_by_name() {
    let books = Playbooks::new();
    books.action("look", "", LOOK);
    books.write("books/ansible.cfg", "[defaults]\nroles_path = roles\nlibrary = /opt/modules\n");
    let catalogue = Catalogue::load(&books.path("books")).expect("reads");
    assert!(catalogue.actions.is_empty());
    assert!(format!("{:?}", catalogue.problems).contains("ansible.cfg:3: `library = /opt/modules`"), "{:?}", catalogue.problems);
}

fn pipe(path: &Path) {
    std::fs::remove_file(path).ok();
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
    nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
}

#[tokio::test]
async fn a_pipe_or_a_device_in_the_place_of_a_file_is_named_and_waited_for_by_nobody() {
    let start = async |books: &Playbooks| {
        let options = InfrastructureOptions { ..books.options() };
        let started = tokio::time::timeout(std::time::Duration::from_secs(30), InfrastructureAgent::new(options)).await;
        started.expect("it waits for nothing")
    };
    for file in ["books/types.json", "inventory.ini", "group_vars/all.yml"] {
        let books = Playbooks::new();
        books.action("look", "", LOOK);
        pipe(&books.path(file));
        let problem = start(&books).await.expect_err(file);
        assert!(problem.message.contains("not a plain file"), "{file}: {}", problem.message);
    }
    let books = Playbooks::new();
    books.action("look", "", LOOK);
    books.action("piped", "", LOOK);
    pipe(&books.path("books/piped/action.yml"));
    std::fs::create_dir_all(books.path("books/linked")).expect("made");
    std::os::unix::fs::symlink("/dev/zero", books.path("books/linked/action.yml")).expect("a link");
    let agent = start(&books).await.expect("the others are offered");
    assert_eq!(agent.actions().actions.keys().collect::<Vec<_>>(), ["look"]);

    let secrets = books.path("agent/secrets.toml");
    pipe(&secrets);
    std::fs::set_permissions(&secrets, std::fs::Permissions::from_mode(0o600)).expect("set");
    let fleet = books.start().await;
    let declined = fleet.agent.accepts(&fleet.work("look", json!({"host": "nas"}), &["nas"])).expect_err("no secrets are known");
    assert!(declined.to_string().contains("not a plain file"), "{declined}");
}

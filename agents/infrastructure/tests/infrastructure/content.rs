//! What an approval binds: everything that a run reads from the playbooks folder, roles that actions share among it.

use chiffon_infrastructure::Catalogue;
use chiffon_infrastructure::action_check::check;
use chiffon_protocol::message::{Mode, Outcome, WorkRequest};
use chiffon_worker::AgentKind as _;
use serde_json::json;

use crate::playbooks::Playbooks;

const ROLE: &str = "books/roles/banner/tasks/main.yml";

/// An action that does nothing but what a shared role says.
fn with_a_shared_role(books: &Playbooks) {
    let play = "    - name: Say\n      ansible.builtin.debug: {msg: hello}\n  roles:\n    - banner\n";
    books.action("banner", "", play);
    let folder = books.path("").display().to_string();
    books.write(ROLE, &format!("- name: Write\n  ansible.builtin.copy: {{content: approved, dest: \"{folder}/out\"}}\n"));
}

#[tokio::test]
async fn a_shared_role_that_is_edited_after_the_preview_does_not_run_under_the_old_approval() {
    let books = Playbooks::new();
    with_a_shared_role(&books);
    let fleet = books.start().await;
    let work = fleet.work("banner", json!({"host": "nas"}), &["nas"]);
    let preview = fleet.run(&WorkRequest { mode: Mode::Check, ..work }).await;
    assert_eq!(preview.outcome, Some(Outcome::Succeeded), "{preview:?}");

    let approved = fleet.work("banner", json!({"host": "nas"}), &["nas"]);
    fleet.agent.accepts(&approved).expect("nothing has changed");
    let text = std::fs::read_to_string(fleet.playbooks.path(ROLE)).expect("is there");
    fleet.playbooks.write(ROLE, &text.replace("approved", "slipped in"));
    let declined = fleet.agent.accepts(&approved).expect_err("the role has changed");
    assert!(declined.to_string().contains("5403"), "{declined}");
    assert!(!fleet.playbooks.path("out").exists());

    fleet.playbooks.write(ROLE, &text);
    let applied = fleet.run(&approved).await;
    assert_eq!(applied.outcome, Some(Outcome::Succeeded), "{applied:?}");
    assert_eq!(std::fs::read_to_string(fleet.playbooks.path("out")).expect("was written"), "approved");
}

#[tokio::test]
async fn an_action_that_changes_in_a_preview_or_acts_beyond_its_grant_is_not_offered_and_says_why() {
    let books = Playbooks::new();
    books.action("sound", "", "    - name: Look\n      ansible.builtin.debug: {msg: hello}\n");
    books.action("acts", "", "    - name: Act\n      ansible.builtin.command: id\n      check_mode: \"no\"\n");
    books.action("beyond", "", "    - name: Drain\n      ansible.builtin.command: id\n      delegate_to: pi\n");
    let catalogue = Catalogue::load(&books.path("books")).expect("reads");
    assert_eq!(catalogue.actions.keys().collect::<Vec<_>>(), ["sound"]);
    let reasons: Vec<&str> = catalogue.problems.values().map(|problem| problem.message.as_str()).collect();
    for part in ["acts/playbook.yml:7: `check_mode: no`", "beyond/playbook.yml:7: `delegate_to: pi`"] {
        assert!(reasons.iter().any(|reason| reason.contains(part)), "{part} is not in {reasons:#?}");
    }
}

#[tokio::test]
async fn a_target_may_have_any_name_and_be_a_list() {
    for (kind, hosts) in [("string", "{{ servers }}"), ("array", "{{ servers | join(',') }}")] {
        let books = Playbooks::new();
        let spec = format!(
            "name: look\ntitle: look\ndescription: For a test.\nexamples: [look]\nagent_type: infrastructure\ntarget: {{parameter: servers}}\n\
             parameters: {{type: object, required: [servers], properties: {{servers: {{type: {kind}}}}}}}\nrisk: low\ncheck: full\ntimeout_seconds: 60\n"
        );
        books.write("books/look/action.yml", &spec);
        books.write("books/look/README.md", "Looks.");
        let play =
            format!("- name: Look\n  hosts: \"{hosts}\"\n  gather_facts: false\n  tasks:\n    - ansible.builtin.debug: {{msg: hello}}\n");
        books.write("books/look/playbook.yml", &play);
        let findings = check(&books.path("books/look"), &books.options().ansible_playbook).await;
        assert!(findings.is_empty(), "{findings:?}");
    }
}

#[tokio::test]
async fn a_role_that_can_not_be_found_is_named_by_the_check() {
    let books = Playbooks::new();
    with_a_shared_role(&books);
    std::fs::remove_dir_all(books.path("books/roles")).expect("removed");
    let findings = check(&books.path("books/banner"), &books.options().ansible_playbook).await;
    assert!(findings.iter().any(|finding| finding.text.contains("banner") && finding.text.contains("was not found")), "{findings:?}");
}

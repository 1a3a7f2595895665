//! What no look at a playbook can find: a real play that is about to act where it was not granted does not act there.

use chiffon_protocol::ErrorCode;
use chiffon_protocol::message::Outcome;
use serde_json::json;

use crate::playbooks::Playbooks;
use crate::plays::error;

/// An action whose tasks stand in a role of an installed collection, where the look before planning does not go.
fn with_tasks(tasks: &str) -> Playbooks {
    let books = Playbooks::new();
    let play = "    - name: Begin\n      ansible.builtin.debug: {msg: hello}\n    - ansible.builtin.include_role: {name: some.where.act}\n";
    books.action("act", "", play);
    let tasks = tasks.replace("@DIR@", &books.path("").display().to_string());
    books.write("installed/ansible_collections/some/where/roles/act/tasks/main.yml", &tasks);
    let config = format!("[defaults]\ncollections_path = {}:/usr/share/ansible/collections\n", books.path("installed").display());
    books.write("books/ansible.cfg", &config);
    books
}

#[tokio::test]
async fn a_loop_that_is_delegated_beyond_the_grant_acts_nowhere_else_and_stops_the_play() {
    let loop_ = "- name: Note it\n  ansible.builtin.copy: {content: x, dest: \"@DIR@/out-{{ item }}\"}\n  delegate_to: \"{{ item }}\"\n  \
                 loop: [nas, pi]\n  ignore_errors: true\n- ansible.builtin.command: sleep 30\n  when: \"'pi' not in ansible_play_hosts\"\n- ansible.builtin.copy: {content: x, dest: \"@DIR@/out-later\"}\n";
    let fleet = with_tasks(loop_).start().await;
    let message = error(&fleet.apply("act", json!({"host": "nas"}), &["nas"]).await, ErrorCode::HostsExceedGrant);
    assert!(message.contains("Note it\" for nas was about to act on `pi` (`delegate_to`)"), "{message}");
    assert!(message.contains("granted: nas"), "{message}");
    for (file, is_there) in [("out-nas", true), ("out-pi", false), ("out-later", false)] {
        assert_eq!(fleet.playbooks.path(file).exists(), is_there, "{file}");
    }
    let both = fleet.apply("act", json!({"host": ["nas", "pi"]}), &["nas", "pi"]).await;
    assert_eq!(both.outcome, Some(Outcome::Succeeded), "a grant for both is kept: {both:?}");
    assert!(fleet.playbooks.path("out-pi").exists());
}

#[tokio::test]
async fn neither_the_agents_machine_nor_another_address_is_reached_under_a_granted_name() {
    let copy = "ansible.builtin.copy: {content: x, dest: \"@DIR@/out\"}";
    for (kind, host, tasks) in [
        ("localhost", "nas", format!("- {copy}\n  delegate_to: localhost\n")),
        ("localhost", "nas", "- local_action: ansible.builtin.command touch @DIR@/out\n".to_owned()),
        ("connection: local", "gone", format!("- {copy}\n  connection: local\n")),
        ("ansible_host", "nas", format!("- ansible.builtin.set_fact: {{ansible_host: 192.0.2.1}}\n- {copy}\n")),
        ("chiffon_root", "nas", format!("- ansible.builtin.set_fact: {{\"{{{{ 'chiffon_' ~ 'root' }}}}\": /srv/other}}\n- {copy}\n")),
        (
            "ansible_python_interpreter",
            "nas",
            format!("- ansible.builtin.set_fact: {{\"{{{{ 'ansible_python_' ~ 'interpreter' }}}}\": \"@DIR@/own.sh\"}}\n- {copy}\n"),
        ),
        (
            "add_host",
            "nas",
            format!("- ansible.builtin.add_host: {{name: nas, ansible_host: 192.0.2.1}}\n- ansible.builtin.command: sleep 30\n- {copy}\n"),
        ),
    ] {
        let fleet = with_tasks(&tasks).start().await;
        for mode in ["check", "apply"] {
            let parameters = json!({"host": host});
            let ran =
                if mode == "check" { fleet.check("act", parameters, &[host]).await } else { fleet.apply("act", parameters, &[host]).await };
            let message = error(&ran, ErrorCode::HostsExceedGrant);
            assert!(message.contains(kind), "{kind}, {mode}: {message}");
        }
        assert!(!fleet.playbooks.path("out").exists(), "{kind}");
    }
}

#[tokio::test]
async fn a_delegation_to_the_host_itself_and_one_that_is_skipped_are_no_offence() {
    let tasks = "- ansible.builtin.copy: {content: x, dest: \"@DIR@/out\"}\n  delegate_to: \"{{ inventory_hostname }}\"\n\
                 - ansible.builtin.copy: {content: x, dest: \"@DIR@/never\"}\n  delegate_to: pi\n  when: false\n";
    let fleet = with_tasks(tasks).start().await;
    let ran = fleet.apply("act", json!({"host": "nas"}), &["nas"]).await;
    assert_eq!(ran.outcome, Some(Outcome::Succeeded), "{ran:?}");
    assert!(fleet.playbooks.path("out").exists() && !fleet.playbooks.path("never").exists());
}

#[tokio::test]
async fn a_lookup_that_acts_here_is_held_back_whatever_its_name_is_made_of() {
    for lookup in ["lookup('pi' ~ 'pe', 'touch @DIR@/out')", "query(text, 'touch @DIR@/out')", "lookup('pass' + 'word', '@DIR@/out')"] {
        let tasks = format!("- ansible.builtin.debug: {{msg: \"{{{{ {lookup} }}}}\"}}\n");
        let fleet = with_tasks(&tasks).start().await;
        for mode in ["check", "apply"] {
            let parameters = json!({"host": "nas", "text": "ansible.builtin.pipe"});
            let ran = if mode == "check" {
                fleet.check("act", parameters, &["nas"]).await
            } else {
                fleet.apply("act", parameters, &["nas"]).await
            };
            assert!(error(&ran, ErrorCode::PlayFailed).contains("acts on the agent's machine"), "{lookup}, {mode}: {ran:?}");
        }
        assert!(!fleet.playbooks.path("out").exists(), "{lookup}");
    }
}

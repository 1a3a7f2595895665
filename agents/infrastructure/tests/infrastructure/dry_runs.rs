//! What a preview tells of what it did, and of what it could not know.

use chiffon_protocol::message::{HostStatus, Outcome, Preview, WorkResult};
use serde_json::json;

use crate::playbooks::{Fleet, Playbooks};

fn found(result: &WorkResult) -> Preview {
    assert_eq!(result.outcome, Some(Outcome::Succeeded), "{result:?}");
    result.preview.clone().expect("a preview")
}

/// An action whose tasks stand in a role of an installed collection, which no scan of the playbooks folder reads.
async fn with_tasks_out_of_sight(tasks: &str) -> Fleet {
    let books = Playbooks::new();
    books.write("books/ansible.cfg", &format!("[defaults]\ncollections_path = {}\n", books.path("installed").display()));
    books.action("hidden", "", "    - name: Include\n      ansible.builtin.include_role: {name: own.web.site}\n");
    let folder = books.path("").display().to_string();
    let tasks = tasks.replace("@DIR@", folder.trim_end_matches('/'));
    books.write("installed/ansible_collections/own/web/roles/site/tasks/main.yml", &tasks);
    books.start().await
}

/// A task's own name, without that of its role.
fn own(name: &str) -> &str {
    name.rsplit(" : ").next().unwrap_or_default()
}

#[tokio::test]
async fn what_ran_for_real_in_a_preview_is_told_as_done_and_not_as_a_prediction() {
    let fleet = with_tasks_out_of_sight(
        "- name: Predict\n  ansible.builtin.copy: {content: x, dest: \"@DIR@/predicted\"}\n\
         - name: Look\n  ansible.builtin.stat: {path: /etc}\n  check_mode: false\n\
         - name: Make\n  ansible.builtin.copy: {content: x, dest: \"@DIR@/made-{{ inventory_hostname }}\"}\n  check_mode: \"{{ 1 == 2 }}\"\n\
         - name: Make some\n  ansible.builtin.copy: {content: x, dest: \"@DIR@/{{ item.name }}\"}\n  check_mode: \"{{ item.dry }}\"\n  \
         loop: [{name: wet, dry: false}, {name: dry, dry: true}]\n",
    )
    .await;
    let result = fleet.check("hidden", json!({"host": "nas"}), &["nas"]).await;
    let preview = found(&result);
    let is_there = |name: &str| fleet.playbooks.path(name).exists();
    assert!(is_there("made-nas") && is_there("wet") && !is_there("predicted") && !is_there("dry"));
    let told: Vec<(&str, bool)> = preview.changes.iter().map(|change| (own(&change.name), change.done)).collect();
    assert_eq!(told, [("Predict", false), ("Make", true), ("Make some", true)], "{preview:?}");
    assert!(preview.coverage < 1.0, "{preview:?}");
    assert_eq!(result.hosts[0].made.iter().map(|name| own(name)).collect::<Vec<_>>(), ["Make", "Make some"]);
    let warned = result.warnings.iter().find(|warning| warning.starts_with("changed for real in the preview"));
    assert!(warned.is_some_and(|warning| warning.contains("Make\" on nas")), "{:?}", result.warnings);
}

#[tokio::test]
async fn a_preview_that_fails_says_what_it_has_really_changed_and_nothing_else() {
    let fleet = with_tasks_out_of_sight(
        "- name: Predict\n  ansible.builtin.copy: {content: x, dest: \"@DIR@/predicted\"}\n\
         - name: Make\n  ansible.builtin.copy: {content: x, dest: \"@DIR@/made\"}\n  check_mode: false\n\
         - name: Break\n  ansible.builtin.fail: {msg: no}\n",
    )
    .await;
    let result = fleet.check("hidden", json!({"host": "nas"}), &["nas"]).await;
    assert_eq!((result.outcome, result.hosts[0].status), (Some(Outcome::Failed), HostStatus::Failed), "{result:?}");
    assert_eq!(result.hosts[0].made.iter().map(|name| own(name)).collect::<Vec<_>>(), ["Make"]);
    assert!(result.warnings.iter().any(|warning| warning.contains("Make\" on nas") && !warning.contains("Predict")), "{result:?}");
}

#[tokio::test]
async fn what_rests_on_a_result_that_check_mode_does_not_have_is_named_and_lowers_the_coverage() {
    let books = Playbooks::new();
    books.action(
        "rests",
        "",
        "    - name: Ask\n      ansible.builtin.command: echo 3\n      register: asked\n\
         \x20   - name: Keep\n      ansible.builtin.set_fact: {kept: \"{{ asked.stdout | default('none') }}\"}\n\
         \x20   - name: Write it\n      ansible.builtin.copy: {content: \"{{ kept }}\", dest: \"@DIR@/kept\"}\n\
         \x20   - name: Write when\n      ansible.builtin.copy: {content: x, dest: \"@DIR@/when\"}\n      when: asked is defined\n\
         \x20   - name: Look\n      ansible.builtin.stat: {path: /etc}\n      register: asked\n\
         \x20   - name: Write apart\n      ansible.builtin.copy: {content: \"{{ asked.stat.exists }}\", dest: \"@DIR@/apart\"}\n",
    );
    let fleet = books.start().await;
    let preview = found(&fleet.check("rests", json!({"host": ["nas", "pi"]}), &["nas", "pi"]).await);
    let rests = |name: &str| format!("{name}: depends on `asked`, which the preview does not have");
    assert_eq!(preview.not_previewed, ["Ask".to_owned(), rests("Keep"), rests("Write it"), rests("Write when")]);
    assert_eq!((preview.tasks, preview.changes.len()), (12, 3), "{preview:?}");
    assert!((preview.coverage - 2.0 / 6.0).abs() < 1e-9, "{preview:?}");
}

//! An action that says that it only reads runs without anybody's approval, so it must change nothing.

use chiffon_infrastructure::Catalogue;
use chiffon_infrastructure::action_check::{Severity, check};
use chiffon_protocol::ErrorCode;
use chiffon_protocol::message::Outcome;
use serde_json::json;

use crate::playbooks::Playbooks;
use crate::plays::error;

/// An action that says that it only reads.
fn read_only(books: &Playbooks, name: &str, tasks: &str) {
    books.action(name, "", tasks);
    let path = format!("books/{name}/action.yml");
    let spec = std::fs::read_to_string(books.path(&path)).expect("is there");
    books.write(&path, &spec.replace("risk: low", "risk: read_only"));
}

#[tokio::test]
async fn an_action_that_says_that_it_only_reads_and_copies_a_file_is_not_offered_and_the_check_says_why() {
    let books = Playbooks::new();
    read_only(&books, "reads", "    - name: Look\n      ansible.builtin.stat: {path: /}\n");
    read_only(&books, "writes", "    - name: Write\n      ansible.builtin.copy: {content: x, dest: \"@DIR@/out\"}\n");
    let catalogue = Catalogue::load(&books.path("books")).expect("reads");
    assert_eq!(catalogue.actions.keys().collect::<Vec<_>>(), ["reads"]);
    let reason = &catalogue.problems["writes"].message;
    let told = "writes/playbook.yml:6: `ansible.builtin.copy` changes something";
    assert!(reason.contains(told) && reason.contains("risk: read_only"), "{reason}");
    let findings = check(&books.path("books/writes"), &books.options().ansible_playbook).await;
    let errors: Vec<String> = findings.iter().filter(|finding| finding.severity == Severity::Error).map(ToString::to_string).collect();
    assert!(errors.len() == 1 && errors[0].contains(told), "{errors:?}");
}

#[tokio::test]
async fn a_run_that_changed_something_unasked_fails_with_the_task_and_the_host() {
    let books = Playbooks::new();
    let touch = "    - name: Look around\n      ansible.builtin.command: touch @DIR@/out\n";
    read_only(&books, "touches", touch);
    read_only(&books, "fails_then", &format!("{touch}    - name: Fail\n      ansible.builtin.fail: {{msg: enough}}\n"));
    read_only(&books, "looks", "    - name: Look around\n      ansible.builtin.command: id\n      changed_when: false\n");
    let fleet = books.start().await;
    let result = fleet.apply("touches", json!({"host": "nas"}), &["nas"]).await;
    let details = result.error.as_ref().expect("it failed").details.clone();
    let message = error(&result, ErrorCode::ReadOnlyChanged);
    for part in ["`touches` is declared read_only and changed something", "\"Look around\" on nas", "`changed_when: false`"] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(details, json!({"changed": [{"host": "nas", "task": "Look around"}]}));
    assert!(result.changed, "and it is on record");
    let failed = fleet.apply("fails_then", json!({"host": "nas"}), &["nas"]).await;
    assert!(error(&failed, ErrorCode::PlayFailed).contains("enough"), "what ended it is told first");
    assert!(failed.warnings.iter().any(|warning| warning.contains("declared read_only and changed something")), "{failed:?}");
    let looked = fleet.apply("looks", json!({"host": "nas"}), &["nas"]).await;
    assert_eq!((looked.outcome, looked.warnings), (Some(Outcome::Succeeded), Vec::new()));
}

#[tokio::test]
async fn what_the_check_calls_an_error_is_never_offered() {
    let look = "    - name: Look\n      ansible.builtin.stat: {path: /}\n";
    for (name, more, tasks, told) in [
        ("misfit", "outputs: {properties: {count: {type: integer, default: many}}}\n", look, "the default does not fit"),
        ("unmade", "undo: {action: nowhere}\n", look, "`undo.action` names `nowhere`"),
        ("homeless", "", "    - include_tasks: none.yml\n", "there is no file `none.yml`"),
        ("roleless", "", "    - include_role: {name: nowhere}\n", "there is no role `nowhere`"),
        ("wordless", "examples: []\n", look, "examples"),
    ] {
        let books = Playbooks::new();
        books.action(name, more, tasks);
        if name == "wordless" {
            let path = format!("books/{name}/action.yml");
            let spec = std::fs::read_to_string(books.path(&path)).expect("is there");
            books.write(&path, &spec.replacen("examples: [\"do wordless\"]\n", "", 1));
        }
        let findings = check(&books.path(&format!("books/{name}")), &books.options().ansible_playbook).await;
        let is_error = findings.iter().any(|finding| finding.severity == Severity::Error && finding.text.contains(told));
        assert!(is_error, "{name}: {findings:?}");
        let catalogue = Catalogue::load(&books.path("books")).expect("reads");
        let reason = catalogue.problems.get(name).map(|problem| problem.message.as_str()).unwrap_or_default();
        assert!(catalogue.actions.is_empty() && reason.contains(told), "{name}: {reason}");
    }
}

#[tokio::test]
async fn a_secret_in_plain_words_as_a_default_is_an_error_that_does_not_repeat_it() {
    let books = Playbooks::new();
    books.action("guard", "", "    - name: Look\n      ansible.builtin.stat: {path: /}\n");
    let spec = std::fs::read_to_string(books.path("books/guard/action.yml")).expect("is there");
    books.write("books/guard/action.yml", &spec.replace("default: \"\", secret", "default: hunter2hunter2, secret"));
    let catalogue = Catalogue::load(&books.path("books")).expect("reads");
    let reason = &catalogue.problems["guard"].message;
    assert!(reason.contains("the default of `password` is a secret in plain words") && !reason.contains("hunter2"), "{reason}");
}

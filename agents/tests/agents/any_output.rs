//! Whatever a tool prints and however large a file is, what became of the task is told.

use chiffon_protocol::ErrorCode;
use chiffon_protocol::message::Outcome;
use serde_json::json;

use crate::infrastructure::error;
use crate::playbooks::Playbooks;

const SCRIPT: &str = "/usr/bin/python3 -c 'import sys; sys.stderr.buffer.write(b\"why \\xff it failed\"); sys.exit(@RC@)'";

#[tokio::test]
async fn a_byte_that_is_no_text_costs_neither_a_failure_nor_a_change() {
    let books = Playbooks::new();
    let task = |code: u32| {
        let script = SCRIPT.replace("@RC@", &code.to_string());
        format!("    - name: Ask the tool\n      ansible.builtin.shell: |\n        {script}\n")
    };
    books.action("fails", "", &task(3));
    books.action("works", "", &task(0));
    let fleet = books.start().await;
    let failed = fleet.apply("fails", json!({"host": "nas"}), &["nas"]).await;
    let message = error(&failed, ErrorCode::PlayFailed);
    for part in ["\"Ask the tool\"", "nas", "playbook.yml:", "why \u{fffd} it failed"] {
        assert!(message.contains(part), "{message}");
    }
    let worked = fleet.apply("works", json!({"host": "nas"}), &["nas"]).await;
    assert_eq!((worked.outcome, worked.changed), (Some(Outcome::Succeeded), true), "{worked:?}");
    assert_eq!(worked.hosts[0].changes, ["Ask the tool"], "{worked:?}");
}

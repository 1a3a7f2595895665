//! Whatever a tool prints and however large a file is, what became of the task is told.

use chiffon_protocol::ErrorCode;
use chiffon_protocol::message::Outcome;
use serde_json::json;

use crate::playbooks::Playbooks;
use crate::plays::error;

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
    // Ansible itself takes no such answer from ansible-core 2.19 on; what it says of it is told.
    let is_refused = message.contains("Refusing to deserialize an invalid UTF8 string value");
    let words = if is_refused { "Refusing" } else { "why \u{fffd} it failed" };
    for part in ["\"Ask the tool\"", "nas", "playbook.yml:", words] {
        assert!(message.contains(part), "{message}");
    }
    if is_refused {
        return;
    }
    let worked = fleet.apply("works", json!({"host": "nas"}), &["nas"]).await;
    assert_eq!((worked.outcome, worked.changed), (Some(Outcome::Succeeded), true), "{worked:?}");
    assert_eq!(worked.hosts[0].changes, ["Ask the tool"], "{worked:?}");
}

#[tokio::test]
async fn a_file_that_no_diff_shows_is_named_and_lowers_the_coverage() {
    let books = Playbooks::new();
    let tasks = "    - name: Write the list\n      ansible.builtin.copy: {src: list, dest: \"@DIR@/list\"}\n\
                 \x20   - name: Write the image\n      ansible.builtin.copy: {src: image, dest: \"@DIR@/image\"}\n\
                 \x20   - name: Write a line\n      ansible.builtin.copy: {content: \"x\\n\", dest: \"@DIR@/line\"}\n";
    books.action("files", "", tasks);
    books.write("books/files/files/list", &"another line\n".repeat(200_000));
    books.write("books/files/files/image", "\0\u{1}\0");
    let fleet = books.start().await;
    let preview = fleet.check("files", json!({"host": "nas"}), &["nas"]).await.preview.expect("a preview");
    let (large, binary) = ("too large to be shown: more than 104448 bytes", "binary; not shown");
    assert_eq!(preview.not_previewed, [format!("Write the list: {large}"), format!("Write the image: {binary}")]);
    assert!((preview.coverage - 1.0 / 3.0).abs() < 1e-9, "{preview:?}");
    assert!(preview.changes[0].diff.ends_with(&format!("({large})\n")), "{preview:?}");
    assert!(preview.changes[1].diff.ends_with(&format!("({binary})\n")), "{preview:?}");

    let work = fleet.work("files", json!({"host": "nas"}), &["nas"]);
    assert_eq!(fleet.run(&work).await.outcome, Some(Outcome::Succeeded));
    let log = fleet.orchestrator.log(work.task_id);
    let shown = |part: &str| log.iter().any(|event| event.diff.as_deref().is_some_and(|diff| diff.contains(part)));
    assert!(shown(large) && shown(binary), "{log:?}");
}

#[tokio::test]
async fn a_task_that_prints_more_than_an_event_holds_is_told_with_its_beginning_and_registers_all_of_it() {
    let books = Playbooks::new();
    let print = "/usr/bin/python3 -c 'print(\"the first line\"); print((\"another line, \" * 80 + \"\\n\") * 10000)'";
    let tasks = format!(
        "    - name: Print much\n      ansible.builtin.shell: |\n        {print}\n      register: printed\n\
         \x20   - name: Count it\n      ansible.builtin.assert: {{that: printed.stdout | length > 10000000}}\n\
         \x20   - name: Look at many\n      ansible.builtin.debug: {{msg: \"{{{{ item * 400000 }}}}\"}}\n      loop: [äöüß, äöüß, äöüß]\n"
    );
    books.action("print", "", &tasks);
    let fleet = books.start().await;
    let work = fleet.work("print", json!({"host": "nas"}), &["nas"]);
    let result = fleet.run(&work).await;
    assert_eq!((result.outcome, result.changed), (Some(Outcome::Succeeded), true), "{result:?}");
    assert_eq!((result.hosts[0].ok, &result.hosts[0].changes), (3, &vec!["Print much".to_owned()]), "{result:?}");
    let log = fleet.orchestrator.log(work.task_id);
    let of = |kind: &str| log.iter().filter(|event| event.kind == kind).collect::<Vec<_>>();
    assert!(of("task_changed")[0].text.starts_with("the first line\nanother line, another line"), "{log:?}");
    assert_eq!(of("task_ok").len(), 2, "{log:?}");
    let warnings = of("warning");
    assert!(warnings.iter().all(|event| event.text.contains("too long to be told whole")), "{warnings:?}");
    assert!(warnings.iter().any(|event| event.name.as_deref() == Some("Print much") && event.text.contains("`stdout`")), "{warnings:?}");
}

#[tokio::test]
async fn a_change_whose_diff_is_more_than_an_event_holds_is_told_without_it() {
    let books = Playbooks::new();
    let task = "    - name: Mark the lines\n      ansible.builtin.replace: {path: \"@DIR@/lines\", regexp: other, replace: OTHER}\n";
    books.action("mark", "", task);
    books.write("lines", &"another line\n".repeat(400_000));
    let fleet = books.start().await;
    let preview = fleet.check("mark", json!({"host": "nas"}), &["nas"]).await.preview.expect("a preview");
    assert_eq!((preview.changes.len(), preview.coverage), (1, 0.0), "{preview:?}");
    assert!(preview.changes[0].diff.contains("(too large to be shown: more than 3145728 bytes)"), "{preview:?}");
}

#[tokio::test]
async fn an_output_that_is_too_long_is_named_and_costs_no_other_one_and_no_statistics() {
    let books = Playbooks::new();
    let long = |name: &str| {
        format!("    - name: Tell much\n      ansible.builtin.set_stats: {{data: {{{name}: \"{{{{ 'x' * 9000000 }}}}\", url: here}}}}\n")
    };
    books.action("wanted", "outputs: {required: [log], properties: {log: {type: string}}}\n", &long("log"));
    books.action("besides", "outputs: {required: [url], properties: {url: {type: string}}}\n", &long("log"));
    // Each is short enough, and all together are not.
    let many = "    - name: Tell some\n      ansible.builtin.set_stats: {data: {lines: [\"{{ 'x' * 1500000 }}\"]}}\n".repeat(6);
    books.action("many", "", &many);
    let fleet = books.start().await;
    let failed = fleet.apply("wanted", json!({"host": "nas"}), &["nas"]).await;
    let message = error(&failed, ErrorCode::OutputsInvalid);
    assert!(message.contains("the output `log` is too long and was left out for all hosts: 9000002 bytes"), "{message}");
    for (action, hosts) in [("besides", vec!["nas"]), ("many", vec!["nas", "pi"])] {
        let ran = fleet.apply(action, json!({"host": hosts.clone()}), &hosts).await;
        assert_eq!(ran.outcome, Some(Outcome::Succeeded), "{action}: {:?}", ran.error);
        assert!(ran.warnings.iter().any(|warning| warning.contains("is too long and was left out")), "{:?}", ran.warnings);
        assert_eq!(ran.outputs, if action == "many" { json!({}) } else { json!({"url": "here"}) }.as_object().cloned().expect("an object"));
    }
}

#[tokio::test]
async fn a_place_in_an_error_is_told_as_that_of_the_playbooks_folder() {
    let books = Playbooks::new();
    let tasks = "    - name: Copy what is not there\n      ansible.builtin.copy: {src: \"{{ text }}\", dest: \"@DIR@/out\"}\n      when: text != 'hello'\n    \
                 - name: Show the place\n      ansible.builtin.template: {src: conf.j2, dest: \"@DIR@/conf\"}\n";
    books.action("place", "", tasks);
    books.write("books/place/templates/conf.j2", "{{ template_fullpath }}\n");
    books.action("broken", "", "    - name: Ask\n      no.such.module: {}\n");
    let fleet = books.start().await;
    let failed = fleet.apply("place", json!({"host": "nas", "text": "absent.txt"}), &["nas"]).await;
    let message = error(&failed, ErrorCode::PlayFailed);
    assert!(message.contains("(place/playbook.yml:5)") && message.contains("place/files/absent.txt"), "{message}");
    let broken = fleet.apply("broken", json!({"host": "nas"}), &["nas"]).await;
    let syntax = error(&broken, ErrorCode::PlaybookSyntax);
    assert!(syntax.contains("'broken/playbook.yml': line 5") || syntax.contains("Origin: broken/playbook.yml:5:"), "{broken:?}");
    let work = fleet.work("place", json!({"host": "nas"}), &["nas"]);
    assert_eq!(fleet.run(&work).await.outcome, Some(Outcome::Succeeded));
    let scratch = fleet.playbooks.path("agent").display().to_string();
    let said = format!("{failed:?} {broken:?} {:?}", fleet.orchestrator.log(work.task_id));
    assert!(!said.contains(&scratch) && said.contains("place/templates/conf.j2"), "{said}");
}

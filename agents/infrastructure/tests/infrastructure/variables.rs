//! A run is bound to the host variables of its preview, as files gave them, and to nothing that differs at every reading.

use std::os::unix::fs::PermissionsExt as _;

use chiffon_infrastructure::InfrastructureOptions;
use chiffon_protocol::ErrorCode;
use chiffon_protocol::message::{Outcome, Variables, WorkRequest, WorkResult};
use serde_json::json;

use crate::playbooks::{Fleet, Playbooks};
use crate::plays::error;

const BANNER: &str =
    "    - name: Write the banner\n      ansible.builtin.copy: {content: \"{{ banner_text | default('none') }}\", dest: \"@DIR@/motd\"}\n";
/// Sealed values, of which only the seal is read: nobody here has the password.
const SEALED: &str = "!vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  ";

async fn preview(fleet: &Fleet) -> Variables {
    let result = fleet.check("banner", json!({"host": "nas"}), &["nas"]).await;
    assert_eq!(result.outcome, Some(Outcome::Succeeded), "{result:?}");
    result.variables.expect("it says what it was made with")
}

async fn run(fleet: &Fleet, variables: &Variables) -> WorkResult {
    fleet.run(&WorkRequest { variables: Some(variables.clone()), ..fleet.work("banner", json!({"host": "nas"}), &["nas"]) }).await
}

async fn refused(fleet: &Fleet, variables: &Variables) -> String {
    let result = run(fleet, variables).await;
    assert!(!result.changed && result.hosts.iter().all(|host| host.ok == 0), "{result:?}");
    error(&result, ErrorCode::VariablesChanged)
}

#[tokio::test]
async fn a_variable_that_was_edited_after_the_preview_is_named_and_nothing_is_run() {
    let books = Playbooks::new();
    books.action("banner", "", BANNER);
    books.write("group_vars/all.yml", "banner_text: welcome\npin: 4711\nat: \"{{ now() }}\"\n");
    books.write("host_vars/nas.yml", "place: cellar\n");
    let fleet = books.start().await;
    let bound = preview(&fleet).await;
    let names: Vec<&str> = bound.hosts[0].names.keys().map(String::as_str).collect();
    for name in ["at", "banner_text", "pin", "place", "group_names", "ansible_connection"] {
        assert!(names.contains(&name), "{name} is not in {names:?}");
    }
    let wire = serde_json::to_string(&bound).expect("it serializes");
    let plain: String = chiffon_protocol::canonical::sha256_hex(&json!(["pin", 4711])).chars().take(12).collect();
    assert!(!wire.contains("welcome") && !wire.contains(&plain), "{wire}");

    // What other hosts have does not concern this one.
    fleet.playbooks.write("host_vars/pi.yml", "place: attic\n");
    let inventory = std::fs::read_to_string(fleet.playbooks.path("inventory.ini")).expect("it reads");
    fleet.playbooks.write("inventory.ini", &format!("{inventory}attic ansible_connection=local\n"));
    assert_eq!(run(&fleet, &bound).await.outcome, Some(Outcome::Succeeded));
    std::fs::remove_file(fleet.playbooks.path("motd")).expect("it was written");

    fleet.playbooks.write("group_vars/all.yml", "banner_text: go away\npin: 4711\nat: \"{{ now() }}\"\n");
    let message = refused(&fleet, &bound).await;
    assert!(message.starts_with("the variables of nas have changed since the preview: `banner_text`; nothing was changed"), "{message}");
    assert!(!message.contains("go away") && !fleet.playbooks.path("motd").exists());
    fleet.playbooks.write("group_vars/all.yml", "banner_text: welcome\npin: 4711\nat: \"{{ now() }}\"\n");
    fleet.playbooks.write("inventory.ini", &inventory.replace("nas ", "nas added=1 ").replace("gone ", "gone other=1 "));
    assert!(refused(&fleet, &bound).await.contains("preview: `added`;"));
    fleet.playbooks.write("inventory.ini", &format!("{inventory}[shelf]\nnas\n"));
    fleet.playbooks.write("group_vars/shelf.yml", "rack: 7\n");
    assert!(refused(&fleet, &bound).await.contains("preview: `group_names`, `rack`;"));
    assert!(!fleet.playbooks.path("motd").exists());
}

#[tokio::test]
async fn a_sealed_value_is_bound_by_its_seal() {
    let books = Playbooks::new();
    books.action("banner", "", BANNER);
    books.write("host_vars/nas.yml", &format!("door: {SEALED}6162\n"));
    let fleet = books.start().await;
    let bound = preview(&fleet).await;
    assert_eq!(preview(&fleet).await, bound);
    fleet.playbooks.write("host_vars/nas.yml", &format!("door: {SEALED}6163\n"));
    assert!(refused(&fleet, &bound).await.contains("`door`"));
}

#[tokio::test]
async fn what_a_program_says_is_not_bound_but_named_and_the_files_beside_it_are() {
    let books = Playbooks::new();
    books.action("banner", "", BANNER);
    let nas = "{\"ansible_connection\": \"local\", \"ansible_python_interpreter\": \"/usr/bin/python3\", \"at\": \"$(date +%N)\"}";
    let says = format!("{{\"web\": {{\"hosts\": [\"nas\"]}}, \"_meta\": {{\"hostvars\": {{\"nas\": {nas}}}}}}}");
    books.write("site/cloud.sh", &format!("#!/bin/sh\ncat <<END\n{says}\nEND\n"));
    std::fs::set_permissions(books.path("site/cloud.sh"), std::fs::Permissions::from_mode(0o755)).expect("it can be run");
    books.write("site/hosts", "nas shelf=7\n");
    books.write("site/group_vars/web.yml", "banner_text: welcome\n");
    let options = InfrastructureOptions { inventory: books.path("site"), ..books.options() };
    let fleet = books.start_with(options).await;
    let result = fleet.check("banner", json!({"host": "nas"}), &["nas"]).await;
    let told = result.warnings.iter().any(|warning| warning.contains("does not bind") && warning.ends_with(": cloud.sh"));
    assert!(told, "{:?}", result.warnings);
    let bound = result.variables.expect("it says what it was made with");
    let names: Vec<&str> = bound.hosts[0].names.keys().map(String::as_str).collect();
    assert!(names.contains(&"banner_text") && names.contains(&"shelf") && !names.contains(&"at"), "{names:?}");
    assert_eq!(run(&fleet, &bound).await.outcome, Some(Outcome::Succeeded));
    fleet.playbooks.write("site/group_vars/web.yml", "banner_text: go away\n");
    assert!(refused(&fleet, &bound).await.contains("`banner_text`"));
}

#[tokio::test]
async fn without_a_preview_nothing_is_compared_and_with_one_of_another_agent_that_is_said() {
    let books = Playbooks::new();
    books.action("banner", "", BANNER);
    let fleet = books.start().await;
    let free = fleet.apply("banner", json!({"host": "nas"}), &["nas"]).await;
    assert_eq!((free.outcome, free.warnings.len(), free.variables), (Some(Outcome::Succeeded), 0, None));
    let bound = preview(&fleet).await;
    fleet.playbooks.write("host_vars/nas.yml", "banner_text: go away\n");
    let foreign = Variables { key_id: "another".to_owned(), ..bound };
    let result = run(&fleet, &foreign).await;
    assert_eq!(result.outcome, Some(Outcome::Succeeded), "{result:?}");
    assert!(result.warnings.iter().any(|warning| warning.contains("were not compared")), "{:?}", result.warnings);
}

#[tokio::test]
async fn a_preview_that_failed_says_what_it_was_made_with_too() {
    let books = Playbooks::new();
    books.action("banner", "", "    - name: Fail\n      ansible.builtin.fail: {msg: no}\n");
    let fleet = books.start().await;
    let result = fleet.check("banner", json!({"host": "nas"}), &["nas"]).await;
    assert_eq!(result.outcome, Some(Outcome::Failed));
    assert!(result.preview.is_none() && result.variables.is_some(), "{result:?}");
}

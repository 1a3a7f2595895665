//! Inventories as people have them, read by the real `ansible-inventory`: scripts, folders, vaults, mistakes.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use chiffon_infrastructure::{InfrastructureAgent, InfrastructureOptions};
use chiffon_protocol::{ErrorCode, Problem};
use chiffon_worker::AgentKind as _;
use serde_json::json;

use crate::playbooks::Playbooks;
use crate::plays::error;

fn script(books: &Playbooks, name: &str, text: &str) {
    books.write(name, &format!("#!/bin/sh\n{text}\n"));
    std::fs::set_permissions(books.path(name), std::fs::Permissions::from_mode(0o755)).expect("it can be run");
}

/// With the agent's folder, as the worker makes it.
fn options(books: &Playbooks, inventory: &str) -> InfrastructureOptions {
    std::fs::create_dir_all(books.path("agent")).expect("made");
    InfrastructureOptions { inventory: books.path(inventory), inventory_age: Duration::ZERO, ..books.options() }
}

async fn agent(books: &Playbooks, inventory: &str) -> InfrastructureAgent {
    InfrastructureAgent::new(options(books, inventory)).await.expect("the agent is ready")
}

async fn refused(books: &Playbooks, inventory: &str) -> Problem {
    let problem = InfrastructureAgent::new(options(books, inventory)).await.expect_err("it can't be read");
    assert_eq!(problem.code, ErrorCode::InventoryUnreadable);
    problem
}

fn hosts(agent: &InfrastructureAgent, group: &str) -> Vec<String> {
    agent.hosts().remove(group).unwrap_or_default()
}

const LISTS_FILE: &str = r#"printf '{"web": {"hosts": ["%s"]}, "_meta": {"hostvars": {}}}' "$(cat "$(dirname "$0")/../names")""#;

#[tokio::test]
async fn a_script_is_asked_again_although_no_file_of_the_inventory_was_written() {
    let books = Playbooks::new();
    books.write("names", "w1");
    script(&books, "cloud/hosts.sh", LISTS_FILE);
    let agent = agent(&books, "cloud").await;
    assert_eq!(hosts(&agent, "web"), ["w1"]);
    assert!(!agent.refresh().await, "it says the same");
    books.write("names", "w2");
    assert!(agent.refresh().await, "it says something else");
    assert_eq!(hosts(&agent, "web"), ["w2"]);

    let patient = InfrastructureOptions { inventory_age: Duration::from_hours(1), ..options(&books, "cloud") };
    let patient = InfrastructureAgent::new(patient).await.expect("the agent is ready");
    books.write("names", "w3");
    assert!(!patient.refresh().await, "its answer is not old enough");
    script(&books, "cloud/hosts.sh", &LISTS_FILE.replace("web", "edge"));
    assert!(patient.refresh().await, "the script itself was written");
    assert_eq!(hosts(&patient, "edge"), ["w3"]);
}

#[tokio::test]
async fn a_script_that_fails_ends_neither_the_start_nor_the_hosts_that_are_known_and_is_said() {
    let books = Playbooks::new();
    books.write("names", "w1");
    books.write("site/hosts", "nas\n");
    script(&books, "site/cloud.sh", LISTS_FILE);
    let first = agent(&books, "site").await;
    assert_eq!((hosts(&first, "all"), first.problems()), (vec!["nas".to_owned(), "w1".to_owned()], Vec::new()));

    script(&books, "site/cloud.sh", "echo the token has expired >&2; exit 3");
    assert!(first.refresh().await, "there is something to say");
    assert_eq!(hosts(&first, "all"), ["nas", "w1"]);
    let problem = first.problems().join("\n");
    assert!(problem.starts_with(&books.path("site/cloud.sh").display().to_string()), "{problem}");
    assert!(problem.contains("the token has expired"), "{problem}");
    let again = agent(&books, "site").await;
    assert_eq!(hosts(&again, "web"), ["w1"], "the next start knows what the script said before");

    script(&books, "alone.sh", "exit 3");
    let alone = agent(&books, "alone.sh").await;
    assert_eq!((hosts(&alone, "all").len(), alone.problems().len()), (0, 1));
    script(&books, "alone.sh", &LISTS_FILE.replace("/../names", "/names"));
    assert!(alone.refresh().await);
    assert_eq!((hosts(&alone, "all"), alone.problems()), (vec!["w1".to_owned()], Vec::new()));
}

#[tokio::test]
async fn variables_that_are_locked_in_a_vault_do_not_end_the_start() {
    let books = Playbooks::new();
    books.write("site/hosts", "[web]\nw1\n");
    books.write("site/group_vars/web.yml", "secret: yes\n");
    books.write("pw", "open sesame");
    let locked = std::process::Command::new("ansible-vault")
        .args(["encrypt", "--vault-password-file"])
        .args([books.path("pw"), books.path("site/group_vars/web.yml")])
        .output()
        .expect("ansible-vault runs");
    assert!(locked.status.success(), "{locked:?}");
    let agent = agent(&books, "site").await;
    assert_eq!((hosts(&agent, "web"), agent.problems()), (vec!["w1".to_owned()], Vec::new()));
}

#[tokio::test]
async fn the_error_of_a_bad_inventory_comes_first_with_its_file_and_line() {
    let books = Playbooks::new();
    let shown = |name: &str| books.path(name).display().to_string();
    books.write("my-own-inventory-of-hosts/bad.yml", "all:\n  hosts:\n    nas:\n   bad: x\n");
    let problem = refused(&books, "my-own-inventory-of-hosts/bad.yml").await;
    let start = format!("{}:4:4: did not find expected key", shown("my-own-inventory-of-hosts/bad.yml"));
    assert!(problem.message.starts_with(&start), "{}", problem.message);

    books.write("bad.ini", "nas\n[web]\nw1 port 22\n");
    let problem = refused(&books, "bad.ini").await;
    assert!(problem.message.starts_with(&format!("{}:3: ", shown("bad.ini"))), "{}", problem.message);

    books.write("list.yml", "all:\n  hosts: [a, b]\n");
    let problem = refused(&books, "list.yml").await;
    assert!(problem.message.starts_with(&format!("{}:2: `hosts` of the group `all`", shown("list.yml"))), "{}", problem.message);

    books.write("folder/hosts.ini", "nas\n");
    match InfrastructureAgent::new(options(&books, "folder")).await {
        Err(problem) => assert!(problem.message.contains("end in .ini (hosts.ini); rename them"), "{}", problem.message),
        // From ansible-core 2.19 on such files are read, too.
        Ok(agent) => assert_eq!(hosts(&agent, "all"), ["nas"]),
    }
}

#[tokio::test]
async fn a_folder_of_inventories_gives_the_hosts_of_all_and_names_the_bad_one() {
    let books = Playbooks::new();
    books.write("site/10-house", "attic\n[pi]\npi1\n");
    books.write("site/20-cloud.yml", "plugin: nobody.knows.this\n");
    books.write("site/30-groups.yml", "plugin: constructed\nstrict: true\ngroups:\n  small: inventory_hostname.startswith('pi')\n");
    let agent = agent(&books, "site").await;
    assert_eq!((hosts(&agent, "all"), hosts(&agent, "ungrouped")), (vec!["attic".to_owned(), "pi1".to_owned()], vec!["attic".to_owned()]));
    assert_eq!(hosts(&agent, "small"), ["pi1"], "plugins are asked, too");
    let problems = agent.problems();
    assert!(problems.len() == 1 && problems[0].contains("20-cloud.yml") && problems[0].contains("unknown plugin"), "{problems:?}");
}

#[tokio::test]
async fn an_inventory_that_was_broken_since_is_named_with_its_line_and_no_play_runs_on_half_of_it() {
    let books = Playbooks::new();
    books.action("write", "", "    - name: Write\n      ansible.builtin.copy: {content: \"x\\n\", dest: \"@DIR@/out\"}\n");
    let fleet = books.start().await;
    let host = "nas ansible_connection=local ansible_python_interpreter=/usr/bin/python3\n";
    // What stands before the mistake would be enough for the play.
    for broken in [format!("{host}[web\npi\n"), format!("{host}[web:nonsense]\npi\n")] {
        fleet.playbooks.write("inventory.ini", &broken);
        let ran = fleet.apply("write", json!({"host": "nas"}), &["nas"]).await;
        let said = error(&ran, ErrorCode::InventoryUnreadable);
        assert!(said.starts_with(&format!("{}:", fleet.playbooks.path("inventory.ini").display())), "{said}");
        assert!(said.contains("nothing was changed") && !said.contains("playbook.yml"), "{said}");
        assert!(!fleet.playbooks.path("out").exists());
    }
    fleet.playbooks.write("inventory.ini", host);
    let ran = fleet.apply("write", json!({"host": "nas"}), &["nas"]).await;
    assert!(ran.error.is_none() && fleet.playbooks.path("out").exists(), "{ran:?}");
}

#[tokio::test]
async fn a_host_that_yaml_takes_for_a_truth_value_is_named_with_its_line_and_the_cure() {
    let books = Playbooks::new();
    books.write("hosts.yml", "all:\n  hosts:\n    nas: {}\n    off: {}\n");
    let problem = refused(&books, "hosts.yml").await;
    let expected =
        format!("{}:4: `off` is a truth value for YAML, not a name; write it in quotes: \"off\":", books.path("hosts.yml").display());
    assert!(problem.message.starts_with(&expected), "{}", problem.message);
}

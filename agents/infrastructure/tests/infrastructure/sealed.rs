//! What the vault seals, a value or a whole inventory, and a secret in the spellings that plays have for it: none leaves the host.

use std::os::unix::fs::PermissionsExt as _;

use chiffon_infrastructure::InfrastructureOptions;
use chiffon_protocol::ErrorCode;
use chiffon_protocol::message::Outcome;
use serde_json::json;

use crate::playbooks::Playbooks;
use crate::plays::error;

/// A play that spells a secret in each way in which plays do, says a vaulted variable, and fails over a labelled item.
const SPELL: &str = r#"    - name: Write it
      ansible.builtin.copy:
        content: |
          auth={{ password }}
          header=Basic {{ ('root:' ~ password) | b64encode }}
          url=mysql://root:{{ password | urlencode }}@db/app
          json={{ {'auth': password} | to_json }}
          shell={{ password | quote }}
          upper={{ password | upper }}
          vault={{ sealed }}
          vault64={{ sealed | b64encode }}
        dest: "@DIR@/spelled"
        mode: "0600"
    - name: Give it back
      ansible.builtin.set_stats: {aggregate: false, data: {said: "{{ password | b64encode }} {{ sealed }}"}}
    - name: Keep each
      ansible.builtin.copy: {content: "{{ item.pw }}\n", dest: "/proc/none/{{ item.name }}"}
      diff: false
      loop: [{name: user1, pw: item-password-4711}]
      loop_control: {label: "{{ item.name }}"}
"#;

#[tokio::test]
async fn no_spelling_of_a_secret_a_vaulted_variable_or_a_labelled_item_leaves_the_host() {
    let books = Playbooks::new();
    books.action("spell", "", SPELL);
    books.write("vault-password", "only-for-this-test\n");
    let vars = "sealed: \"sealed pw: Zürich/42\"\n";
    books.write("books/group_vars/all/vault.yml", vars);
    let vault = books.path("books/group_vars/all/vault.yml");
    let sealed = std::process::Command::new("ansible-vault")
        .args(["encrypt", "--vault-password-file"])
        .args([books.path("vault-password"), vault])
        .output()
        .expect("ansible-vault runs");
    assert!(sealed.status.success(), "{sealed:?}");
    let config = format!("[defaults]\nvault_password_file = {}\n", books.path("vault-password").display());
    books.write("books/ansible.cfg", &config);
    books.write(
        "books/spell/group_vars/all/vault.yml",
        &std::fs::read_to_string(books.path("books/group_vars/all/vault.yml")).expect("reads"),
    );
    books.write("agent/secrets.toml", "db = \"Grüße=p@ss/wörd&1\"\n");
    std::fs::set_permissions(books.path("agent/secrets.toml"), std::fs::Permissions::from_mode(0o600)).expect("set");
    let fleet = books.start().await;
    let parameters = json!({"host": "nas", "password": "secret://db"});
    fleet.orchestrator.set_acknowledge(false);
    let preview = fleet.check("spell", parameters.clone(), &["nas"]).await;
    let applied = fleet.run(&fleet.work("spell", parameters, &["nas"])).await;
    assert!(error(&applied, ErrorCode::PlayFailed).contains("user1"), "{applied:?}");
    assert!(std::fs::read_to_string(fleet.playbooks.path("spelled")).expect("was written").contains("sealed pw: Zürich/42"));
    let shown = serde_json::to_string(&preview).expect("is JSON");
    assert!(shown.contains("auth=secret://db"), "{shown}");
    let heard = fleet.orchestrator.heard.lock().expect("is free");
    let mut said: Vec<String> = heard.messages.iter().map(|envelope| String::from_utf8(envelope.to_bytes()).expect("is text")).collect();
    said.extend([shown, serde_json::to_string(&applied).expect("is JSON")]);
    for said in said {
        for part in [
            "p@ss/w",
            "P@SS/W",
            "cDpHcsO8",
            "dDpHcsO8",
            "R3LDvMOf",
            "p%40ss/w",
            "\\u00dfe=p@",
            "sealed pw",
            "Zürich",
            "c2VhbGVkIHB3",
            "item-password",
        ] {
            assert!(!said.contains(part), "{part} in {said}");
        }
    }
}

/// An agent whose whole inventory file is sealed, with the password in the playbooks' `ansible.cfg`.
fn with_sealed_inventory() -> Playbooks {
    let books = Playbooks::new();
    let tasks = "    - name: Say {{ door }}\n      ansible.builtin.debug: {msg: \"it is {{ door }}\"}\n    - name: Write it\n      \
                 ansible.builtin.copy: {content: \"{{ door | b64encode }}\\n\", dest: \"@DIR@/door\"}\n";
    books.action("tell", "", tasks);
    books.write(
        "inventory.yml",
        "all:\n  hosts:\n    nas: {ansible_connection: local, ansible_python_interpreter: /usr/bin/python3, door: gate-4711-open}\n",
    );
    books.write("vault-password", "only-for-this-test\n");
    let sealed = std::process::Command::new("ansible-vault")
        .args(["encrypt", "--vault-password-file"])
        .args([books.path("vault-password"), books.path("inventory.yml")])
        .output()
        .expect("ansible-vault runs");
    assert!(sealed.status.success(), "{sealed:?}");
    books
}

#[tokio::test]
async fn what_a_sealed_inventory_holds_does_not_leave_the_host() {
    let books = with_sealed_inventory();
    // Ansible asks for the inventory without the playbooks' settings: this stands for the agent's environment.
    let asks = "#!/bin/sh\nexport ANSIBLE_VAULT_PASSWORD_FILE=@DIR@/vault-password\nexec ansible-inventory \"$@\"\n";
    books.write("ask", &asks.replace("@DIR@", &books.path("").display().to_string()));
    std::fs::set_permissions(books.path("ask"), std::fs::Permissions::from_mode(0o755)).expect("set");
    let cfg = format!("[defaults]\nvault_password_file = {}\n", books.path("vault-password").display());
    books.write("books/ansible.cfg", &cfg);
    let options = InfrastructureOptions { inventory: books.path("inventory.yml"), ansible_inventory: books.path("ask"), ..books.options() };
    let fleet = books.start_with(options).await;
    fleet.orchestrator.set_acknowledge(false);
    let preview = fleet.check("tell", json!({"host": "nas"}), &["nas"]).await;
    let applied = fleet.apply("tell", json!({"host": "nas"}), &["nas"]).await;
    assert_eq!(applied.outcome, Some(Outcome::Succeeded), "{applied:?}");
    let written = std::fs::read_to_string(fleet.playbooks.path("door")).expect("was written");
    let heard = fleet.orchestrator.heard.lock().expect("is free");
    let mut said: Vec<String> = heard.messages.iter().map(|envelope| String::from_utf8(envelope.to_bytes()).expect("is text")).collect();
    said.push(serde_json::to_string(&preview).expect("is JSON"));
    assert!(said.iter().any(|said| said.contains("it is [redacted]")), "the host's own name stays: {said:?}");
    assert!(said.iter().all(|said| !said.contains("gate-4711") && !said.contains(written.trim())), "{said:?}");
}

#[tokio::test]
async fn a_sealed_inventory_that_can_not_be_opened_keeps_the_play_from_running() {
    let books = with_sealed_inventory();
    books.write("plain.yml", "all: {hosts: {nas: {ansible_connection: local}}}\n");
    let options = InfrastructureOptions { inventory: books.path("plain.yml"), ..books.options() };
    let fleet = books.start_with(options).await;
    std::fs::copy(fleet.playbooks.path("inventory.yml"), fleet.playbooks.path("plain.yml")).expect("copied");
    let result = fleet.apply("tell", json!({"host": "nas"}), &["nas"]).await;
    let message = error(&result, ErrorCode::InventorySealed);
    assert!(message.contains("plain.yml") && message.contains("ANSIBLE_VAULT_PASSWORD_FILE"), "{message}");
    assert!(!fleet.playbooks.path("door").exists());
}

//! The actions that Chiffon ships are all sound, and a check finds what is wrong with others.

use std::path::{Path, PathBuf};

use chiffon_agents::infrastructure::action_check::{Severity, check};
use chiffon_agents::infrastructure::{Catalogue, InfrastructureOptions};

use crate::playbooks::Playbooks;

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../playbooks")
}

fn program() -> PathBuf {
    InfrastructureOptions::new("", "", "").ansible_playbook
}

#[tokio::test]
async fn every_shipped_action_is_announced_and_passes_its_check() {
    let catalogue = Catalogue::load(&shipped()).expect("the playbooks can be read");
    assert!(catalogue.problems.is_empty(), "{:?}", catalogue.problems);
    for expected in
        ["add_portals", "deploy_compose_app", "deploy_kuma", "discover_portals", "disk_report", "install_packages", "remove_kuma"]
    {
        let action = catalogue.actions.get(expected).unwrap_or_else(|| panic!("{expected} is not there"));
        let findings = check(&action.folder, &program()).await;
        assert!(findings.is_empty(), "{}", findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
    }
    let announced = serde_json::to_string(&catalogue.announced()).expect("serializes");
    assert!(!announced.contains("types#/"), "shared types are put in place before an action is announced");
}

#[tokio::test]
async fn a_check_finds_everything_at_once_with_its_place() {
    let books = Playbooks::new();
    books.action(
        "wrong",
        "undo: {action: vanish}\noutputs: {properties: {found: {$ref: \"types#/unicorn\"}}}\n",
        "    - name: Changes during a preview\n      ansible.builtin.command: id\n      check_mode: false\n    - name: No such module\n      no.such.module: {}\n",
    );
    let findings = check(&books.path("books/wrong"), &program()).await;
    let texts: Vec<String> = findings.iter().map(ToString::to_string).collect();
    for part in ["`vanish`", "types#/unicorn", "playbook.yml:7: `check_mode: false`", "no.such.module", "README.md"] {
        assert!(texts.iter().any(|text| text.contains(part)), "{part} is not in {texts:#?}");
    }
    assert!(findings.iter().filter(|finding| finding.severity == Severity::Error).count() >= 4);
    books.write("books/unreadable/action.yml", "name: [");
    let findings = check(&books.path("books/unreadable"), &program()).await;
    assert!(findings.iter().any(|finding| finding.place.ends_with("unreadable/action.yml")));
    assert!(findings.iter().any(|finding| finding.place.ends_with("playbook.yml")));
}

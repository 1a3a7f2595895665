//! The actions that Chiffon ships are all sound, and a check finds what is wrong with others.

use std::path::{Path, PathBuf};

use chiffon_infrastructure::action_check::{Severity, check};
use chiffon_infrastructure::{Catalogue, InfrastructureOptions};

use crate::playbooks::Playbooks;

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../playbooks")
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
async fn a_check_names_each_mistake_of_the_form_with_its_line_and_what_the_play_lacks_in_the_same_go() {
    let books = Playbooks::new();
    books.action("wrong", "", "    - name: Real\n      ansible.builtin.command: id\n      check_mode: false\n");
    books.write(
        "books/wrong/action.yml",
        "name: wrong\ntitle: 7\ncolour: red\ndescription: It.\nexamples: []\nagent_type: toaster\nparameters:\n  type: object\n  properties:\n    \
         host:\n      type: text\nrisk: mild\ncheck: full\ntarget: {parameter: host}\n",
    );
    books.write(
        "books/wrong/playbook.yml",
        "- hosts: all\n  roles: [there, {role: nowhere}]\n  vars_files: [vars/none.yml]\n  tasks:\n    - include_tasks: more.yml\n    \
         - include_tasks: none.yml\n    - name: Real\n      command: id\n      check_mode: false\n    - template: {src: none.j2, dest: /x}\n",
    );
    books.write("books/wrong/roles/there/tasks/main.yml", "- debug: {msg: x}\n");
    books.write("books/wrong/more.yml", "- no.such.module: {}\n- block:\n    - nosuch: {}\n");
    let findings = check(&books.path("books/wrong"), &program()).await;
    let told: Vec<String> = findings.iter().filter(|finding| finding.severity == Severity::Error).map(ToString::to_string).collect();
    for part in [
        "wrong/action.yml:2: `title`: ",
        "wrong/action.yml:3: `colour` is no field here",
        "wrong/action.yml:5: `examples`: ",
        "wrong/action.yml:6: `agent_type`: ",
        "wrong/action.yml:11: `parameters.properties.host.type`: ",
        "wrong/action.yml:12: `risk`: ",
        "wrong/action.yml:1: `timeout_seconds` is missing",
        "wrong/playbook.yml:2: there is no role `nowhere`",
        "wrong/playbook.yml:3: there is no file `vars/none.yml`",
        "wrong/playbook.yml:6: there is no file `none.yml`",
        "wrong/playbook.yml:9: `check_mode: false`",
        "wrong/playbook.yml:10: there is no `none.j2` in templates/",
        "wrong/more.yml:1: there is no module `no.such.module`",
        "wrong/more.yml:3: there is no module `nosuch`",
    ] {
        assert!(told.iter().any(|text| text.contains(part)), "{part} is not in {told:#?}");
    }
    assert!(told[0].contains("action.yml"), "the form comes first: {told:#?}");
    assert!(!told.iter().any(|text| text.contains("`there`") || text.contains("more.yml`") || text.contains("`debug`")), "{told:#?}");
}

#[tokio::test]
async fn a_check_refuses_nothing_that_is_right() {
    let books = Playbooks::new();
    let tasks = "    - name: Include what is known only then\n      ansible.builtin.include_tasks: \"{{ text }}.yml\"\n      when: text == 'x'\n    \
                 - ansible.builtin.include_role: {name: web}\n    - own_module: {}\n      when: false\n    \
                 - ansible.builtin.include_vars: {dir: vars}\n      when: false\n    - vars: {list: [{url: x}]}\n      ansible.builtin.debug: {var: list}\n    \
                 - ansible.builtin.copy: {src: /etc/hostname, dest: /tmp/x, remote_src: true}\n      when: false\n    \
                 - name: Several\n      block: [ansible.builtin.import_tasks: sub/some.yml]\n";
    books.action("right", "", tasks);
    books.write("books/right/README.md", "It is right.\n");
    books.write("books/right/sub/some.yml", "- ansible.builtin.include_tasks: other.yml\n");
    books.write("books/right/sub/other.yml", "- ansible.builtin.template: {src: x.j2, dest: /tmp/x}\n  when: false\n");
    books.write("books/right/templates/x.j2", "x\n");
    books.write("books/right/data.yml", "- url: x\n- colour: red\n");
    books.write("books/roles/web/tasks/main.yml", "- ansible.builtin.debug: {msg: x}\n");
    books.write(
        "books/plugins/modules/own_module.py",
        "from ansible.module_utils.basic import AnsibleModule\nAnsibleModule({}).exit_json()\n",
    );
    let findings = check(&books.path("books/right"), &program()).await;
    let wrong: Vec<String> = findings.iter().filter(|finding| finding.severity == Severity::Error).map(ToString::to_string).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
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
    assert!(findings.iter().any(|finding| finding.place.contains("unreadable/action.yml:")));
    assert!(findings.iter().any(|finding| finding.place.ends_with("playbook.yml")));
}

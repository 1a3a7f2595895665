//! The stage's one action and its hosts. A run notes its begin, waits while `hold` lies on its host, and notes its end.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The action's name.
pub(super) const ACTION: &str = "walk";
/// How many hosts there are; each walk has one of its own.
pub(super) const HOSTS: u32 = 200;

const SPECIFICATION: &str = "name: walk
title: Walk
description: Walks over a host, for a test.
examples: [\"walk on h001\"]
agent_type: infrastructure
target: {parameter: host}
parameters:
  type: object
  required: [host]
  properties:
    host: {type: string, format: inventory-host}
outputs: {properties: {}}
risk: low
repeatable: no
check: none
timeout_seconds: 300
irreversible: it is a test
";

const PLAY: &str = "- name: Walk
  hosts: all
  gather_facts: false
  tasks:
    - name: Note begin and end
      ansible.builtin.shell: |
        echo \"began $CHIFFON_ATTEMPT\" >> lines
        while [ -e hold ]; do sleep 0.1; done
        echo \"ended $CHIFFON_ATTEMPT\" >> lines
      args:
        chdir: \"{{ chiffon_root }}\"
      changed_when: true
";

/// Writes actions, inventory and an `ansible-playbook` that waits while `hold-ansible` lies in the folder, and that does not share
/// what a test does to its agent's clock.
pub(super) fn write(folder: &Path) {
    let action = folder.join("actions").join(ACTION);
    fs::create_dir_all(&action).expect("a folder");
    for (name, text) in [("action.yml", SPECIFICATION), ("playbook.yml", PLAY), ("README.md", "# Walk\n")] {
        fs::write(action.join(name), text).expect("written");
    }
    let mut inventory =
        "all:\n  vars:\n    ansible_connection: local\n    ansible_python_interpreter: /usr/bin/python3\n  hosts:\n".to_owned();
    for number in 0..HOSTS {
        let host = name(number);
        let root = root(folder, &host);
        fs::create_dir_all(&root).expect("a folder");
        inventory += &format!("    {host}:\n      chiffon_root: {}\n", root.display());
    }
    fs::write(folder.join("inventory.yml"), inventory).expect("an inventory");
    let held = folder.join("hold-ansible");
    let script = format!(
        "#!/bin/sh\nunset LD_PRELOAD\nif [ \"$1\" != --version ]; then while [ -e {} ]; do sleep 0.1; done; fi\nexec /usr/bin/ansible-playbook \"$@\"\n",
        held.display()
    );
    let program = folder.join("ansible-playbook");
    fs::write(&program, script).expect("a script");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("permissions");
}

/// A host's name.
pub(super) fn name(number: u32) -> String {
    format!("h{number:03}")
}

/// The folder that is a host.
pub(super) fn root(folder: &Path, host: &str) -> PathBuf {
    folder.join("hosts").join(host)
}

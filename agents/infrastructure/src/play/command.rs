//! How `ansible-playbook` is called: parameters in a file, never on a command line; a process group of its own; the marker
//! in its environment before it executes, and a control group of its own where there is one.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use chiffon_protocol::message::Mode;
use serde_json::{Map, Value, json};
use tokio::process::Command;

use super::run::Play;
use crate::ansible_config::environment;
use crate::inventory::may_lack_sources;
use chiffon_worker::cgroup::{self, Group};
use chiffon_worker::marker;

/// Writes the parameters so that only this user can read them, and so that Ansible takes every text in them as data:
/// a `{{ ... }}` in a request must not be expanded.
pub(super) fn write_variables(scratch: &Path, parameters: &Map<String, Value>) -> io::Result<PathBuf> {
    let path = scratch.join("vars.json");
    let variables: Map<String, Value> = parameters.iter().map(|(name, value)| (name.clone(), as_data(value))).collect();
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    file.write_all(&serde_json::to_vec(&variables)?)?;
    Ok(path)
}

fn as_data(value: &Value) -> Value {
    match value {
        Value::String(text) => json!({ "__ansible_unsafe": text }),
        Value::Array(items) => Value::Array(items.iter().map(as_data).collect()),
        Value::Object(members) => Value::Object(members.iter().map(|(name, member)| (name.clone(), as_data(member))).collect()),
        scalar => scalar.clone(),
    }
}

/// The run.
pub(super) fn run(play: &Play, variables: &Path, attempt: &str) -> Command {
    let mut command = program(&play.program, attempt);
    command
        .env(marker::VARIABLE, attempt)
        .env("ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED", if may_lack_sources(&play.inventory) { "False" } else { "True" })
        .arg("-i")
        .arg(&play.inventory)
        .arg("--limit")
        .arg(play.hosts.join(","))
        .arg("-e")
        .arg(prefixed("@", variables))
        .arg(play.action.folder.join("playbook.yml"))
        .arg("--diff")
        .envs(environment(&play.playbooks))
        .env("ANSIBLE_STDOUT_CALLBACK", "ansible.posix.jsonl")
        .env("ANSIBLE_SHOW_CUSTOM_STATS", "True")
        .current_dir(&play.playbooks)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    if play.mode == Mode::Check {
        command.arg("--check");
    }
    command
}

/// The program, in the run's control group where one can be made. What is not there is left to fail by its own name.
fn program(program: &Path, attempt: &str) -> Command {
    let Some(group) = is_there(program).then(|| Group::make(attempt)).flatten() else { return Command::new(program) };
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(cgroup::ENTER).arg(program).env(cgroup::VARIABLE, group.folder());
    command
}

/// Whether there is such a file, at the path or in one of the folders of `PATH`.
fn is_there(program: &Path) -> bool {
    if program.components().count() > 1 {
        return program.is_file();
    }
    let folders = chiffon_process::config::variable("PATH").unwrap_or_default();
    std::env::split_paths(&folders).any(|folder| folder.join(program).is_file())
}

fn prefixed(prefix: &str, path: &Path) -> std::ffi::OsString {
    let mut text = std::ffi::OsString::from(prefix);
    text.push(path);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn variables_are_private_and_no_text_is_a_template() {
        let folder = tempfile::tempdir().expect("a folder");
        let Value::Object(parameters) = json!({"host": "nas", "list": ["{{ lookup('pipe', 'id') }}"], "port": 1}) else {
            unreachable!("it is an object")
        };
        let path = write_variables(folder.path(), &parameters).expect("written");
        assert_eq!(std::fs::metadata(&path).expect("exists").permissions().mode() & 0o777, 0o600);
        let written: Value = serde_json::from_slice(&std::fs::read(&path).expect("reads")).expect("is JSON");
        let list = json!([{"__ansible_unsafe": "{{ lookup('pipe', 'id') }}"}]);
        assert_eq!(written, json!({"host": {"__ansible_unsafe": "nas"}, "list": list, "port": 1}));
    }
}

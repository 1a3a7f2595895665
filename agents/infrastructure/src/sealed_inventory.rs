//! Inventory files that the vault encrypts as a whole. Ansible decrypts them before any callback of ours can listen, so the agent
//! reads them itself, and what they hold is known to redaction before the play begins.
//!
//! Values that say how a host is reached (`ansible_host` and the like) are in every log and stay, unless their names are a secret's.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use chiffon_process::bounded;
use chiffon_protocol::{ErrorCode, Problem};
use serde_norway::Value;
use walkdir::WalkDir;

use super::ansible_config::environment;
use super::redact::looks_secret;

/// Every file that the vault encrypts begins so.
const SEAL: &[u8] = b"$ANSIBLE_VAULT;";
/// Inventories are shorter.
const LONGEST_BYTES: usize = 64 * 1024 * 1024;
/// What Ansible reads beside the hosts, later and with our callback listening.
const LATER: [&str; 2] = ["group_vars", "host_vars"];

/// The values of the inventory's sealed files; 5513 where one can't be opened.
pub(super) async fn values(inventory: &Path, playbooks: &Path, ansible_playbook: &Path) -> Result<Vec<String>, Problem> {
    let mut values = Vec::new();
    for path in sealed(inventory) {
        let mut command = tokio::process::Command::new(ansible_playbook.with_file_name("ansible-vault"));
        command.arg("view").arg(&path).envs(environment(playbooks)).env("PAGER", "cat").current_dir(playbooks).stdin(Stdio::null());
        let unreadable = |reason: &str| {
            let text = format!(
                "the inventory file {} is encrypted, and `ansible-vault view` can't open it: {reason}; its values could not be kept out of the \
                 log, so nothing was run. Give the agent the password that Ansible uses (`ANSIBLE_VAULT_PASSWORD_FILE`), or encrypt single values",
                path.display()
            );
            Problem::new(ErrorCode::InventorySealed, text)
        };
        let output = bounded::output(&mut command, LONGEST_BYTES).await.map_err(|error| unreadable(&error.to_string()))?;
        if !output.status.success() {
            return Err(unreadable(String::from_utf8_lossy(&output.stderr).trim()));
        }
        collect(&String::from_utf8_lossy(&output.stdout), &mut values);
    }
    Ok(values)
}

fn sealed(inventory: &Path) -> Vec<PathBuf> {
    let files = WalkDir::new(inventory).follow_links(true).sort_by_file_name().into_iter();
    let files = files.filter_entry(|entry| !LATER.iter().any(|folder| entry.file_name() == *folder)).flatten();
    files.filter(|entry| entry.file_type().is_file() && is_sealed(entry.path())).map(walkdir::DirEntry::into_path).collect()
}

fn is_sealed(path: &Path) -> bool {
    use std::io::Read as _;
    let mut start = [0; SEAL.len()];
    std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok() && start == SEAL
}

/// YAML or JSON by its members, anything else as lines of `key=value`.
fn collect(text: &str, into: &mut Vec<String>) {
    match serde_norway::from_str::<Value>(text) {
        Ok(value @ Value::Mapping(_)) => leaves("", &value, into),
        _ => {
            for word in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';', '['])).flat_map(words) {
                if let Some((_, value)) = word.split_once('=').filter(|(name, _)| is_secret(name.trim())) {
                    into.push(value.trim().trim_matches(['"', '\'']).to_owned());
                }
            }
        }
    }
}

/// A line of variables is one assignment, a line of a host has several; a quoted value may hold spaces.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (vec![line.to_owned()], String::new(), None);
    for c in line.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '"' || c == '\'' => quote = Some(c),
            None if c.is_whitespace() => {
                words.push(std::mem::take(&mut word));
                continue;
            }
            _ => {}
        }
        word.push(c);
    }
    words.push(word);
    words
}

fn leaves(name: &str, value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) if is_secret(name) => into.push(text.clone()),
        Value::Number(number) if is_secret(name) => into.push(number.to_string()),
        Value::Sequence(items) => items.iter().for_each(|item| leaves(name, item, into)),
        Value::Mapping(members) => members.iter().for_each(|(key, member)| leaves(key.as_str().unwrap_or_default(), member, into)),
        Value::Tagged(tagged) => leaves(name, &tagged.value, into),
        _ => {}
    }
}

fn is_secret(name: &str) -> bool {
    !name.starts_with("ansible_") || looks_secret(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_every_form_are_found_and_addresses_stay() {
        let found = |text: &str| {
            let mut values = Vec::new();
            collect(text, &mut values);
            values
        };
        let yaml = "all:\n  hosts:\n    nas: {ansible_host: 10.0.0.1, ansible_become_password: open-sesame, door: [gate-4711]}\n";
        assert_eq!(found(yaml), ["open-sesame", "gate-4711"]);
        let ini = found("[web]\nnas ansible_host=10.0.0.1 door='gate 4711'\n[web:vars]\n# no=thing\nkey=two words\n");
        assert!(["gate 4711", "two words"].iter().all(|value| ini.contains(&(*value).to_owned())), "{ini:?}");
        assert!(!ini.iter().any(|value| value == "10.0.0.1" || value == "thing"), "{ini:?}");
    }
}

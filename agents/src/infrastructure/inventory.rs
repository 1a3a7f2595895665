//! The hosts this agent may reach, as `ansible-inventory` reads them from the operator's inventory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::SystemTime;

use chiffon_process::bounded;
use chiffon_protocol::{ErrorCode, Problem};
use serde_json::{Map, Value};
use walkdir::WalkDir;

/// Ten thousand hosts with their variables are less.
const LONGEST_LIST_BYTES: usize = 128 * 1024 * 1024;

/// Groups and hosts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inventory {
    /// Each group with its hosts, sorted; every host also under `all`.
    pub groups: BTreeMap<String, Vec<String>>,
}

impl Inventory {
    /// Asks `ansible-inventory`. 5501 when it is not installed, 5510 when the inventory can't be read.
    pub async fn load(program: &Path, path: &Path) -> Result<Self, Problem> {
        let unreadable = |reason: &str| {
            let text = format!(
                "the inventory {} can't be read: {reason}; `ansible-inventory -i {} --list` shows the same",
                path.display(),
                path.display()
            );
            Problem::new(ErrorCode::InventoryUnreadable, text)
        };
        if !path.exists() {
            return Err(unreadable("there is no such file"));
        }
        let mut command = tokio::process::Command::new(program);
        command.arg("-i").arg(path).arg("--list").env("ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED", "True").env("ANSIBLE_NOCOLOR", "1");
        let output = bounded::output(command.stdin(Stdio::null()), LONGEST_LIST_BYTES).await.map_err(|error| match error.kind() {
            std::io::ErrorKind::Other => unreadable(&error.to_string()),
            _ => not_found(program, &error),
        })?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            return Err(unreadable(complaint.trim()));
        }
        let list = serde_json::from_slice(&output.stdout).map_err(|error| unreadable(&error.to_string()))?;
        let inventory = Self::from_list(&list);
        if inventory.groups.get("all").is_none_or(Vec::is_empty) {
            return Err(unreadable("it names no host"));
        }
        Ok(inventory)
    }

    /// Reads the answer of `ansible-inventory --list`.
    pub(super) fn from_list(list: &Map<String, Value>) -> Self {
        let names = |group: &str, member: &str| -> Vec<String> {
            let listed = list.get(group).and_then(|group| group.get(member)).and_then(Value::as_array);
            listed.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let hosts_of = |group: &str| {
            let (mut hosts, mut seen) = (BTreeSet::new(), BTreeSet::new());
            let mut open = vec![group.to_owned()];
            while let Some(group) = open.pop() {
                if seen.insert(group.clone()) {
                    hosts.extend(names(&group, "hosts"));
                    open.extend(names(&group, "children"));
                }
            }
            hosts
        };
        let mut groups: BTreeMap<String, BTreeSet<String>> =
            list.keys().filter(|name| *name != "_meta").map(|name| (name.clone(), hosts_of(name))).collect();
        let every: BTreeSet<String> = groups.values().flatten().cloned().collect();
        groups.entry("all".to_owned()).or_default().extend(every);
        groups.retain(|name, hosts| name == "all" || !hosts.is_empty());
        Self { groups: groups.into_iter().map(|(name, hosts)| (name, hosts.into_iter().collect())).collect() }
    }

    /// Whether it has this host.
    pub fn has(&self, host: &str) -> bool {
        self.groups.get("all").is_some_and(|hosts| hosts.iter().any(|known| known == host))
    }

    /// The hosts that a name stands for: itself, or a group's.
    pub fn resolve(&self, name: &str) -> Vec<String> {
        if self.has(name) { vec![name.to_owned()] } else { self.groups.get(name).cloned().unwrap_or_default() }
    }
}

/// Whether a program can be started at all; 5501 otherwise. Asked once at the start, not before each play.
pub(super) fn find_program(program: &Path) -> Result<(), Problem> {
    let started =
        std::process::Command::new(program).arg("--help").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut child = started.map_err(|error| not_found(program, &error))?;
    child.kill().and_then(|()| child.wait()).map(drop).map_err(|error| not_found(program, &error))
}

/// 5501 with the program's name.
pub(super) fn not_found(program: &Path, error: &std::io::Error) -> Problem {
    let text = format!(
        "`{}` can't be run: {error}; install Ansible on the agent's machine (Debian: `apt install ansible`) or name the program in `agent.infrastructure`",
        program.display()
    );
    Problem::new(ErrorCode::AnsibleNotFound, text)
}

/// When the files of an inventory were last written; changes when it does.
pub(super) fn written(path: &Path) -> Vec<(PathBuf, SystemTime)> {
    WalkDir::new(path)
        .follow_links(true)
        .sort_by_file_name()
        .into_iter()
        .flatten()
        .filter_map(|entry| Some((entry.path().to_owned(), entry.metadata().ok()?.modified().ok()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn groups_of_groups_are_resolved_and_every_host_is_under_all() {
        let Value::Object(list) = json!({
            "_meta": {"hostvars": {}},
            "all": {"children": ["ungrouped", "site"]},
            "site": {"children": ["web", "site"], "hosts": ["gate"]},
            "web": {"hosts": ["w2", "w1"]},
            "empty": {}
        }) else {
            unreachable!("it is an object")
        };
        let inventory = Inventory::from_list(&list);
        assert_eq!(inventory.groups["site"], ["gate", "w1", "w2"]);
        assert_eq!(inventory.groups["all"], ["gate", "w1", "w2"]);
        assert!(!inventory.groups.contains_key("empty"));
        assert_eq!(inventory.resolve("web"), ["w1", "w2"]);
        assert_eq!(inventory.resolve("gate"), ["gate"]);
        assert!(inventory.resolve("moon").is_empty());
    }
}

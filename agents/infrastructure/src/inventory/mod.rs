//! The hosts this agent may reach, as `ansible-inventory` reads them from the operator's inventory.
//!
//! Only names are asked for: variables, which may be locked in a vault, are Ansible's business when a play runs. A source that can't
//! be read does not take the others with it; it is said.

mod complaint;
mod ini;
mod kept;
mod names;
pub(super) mod sources;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use chiffon_process::bounded;
use chiffon_protocol::{ErrorCode, Problem};
use serde_json::{Map, Value};

use super::ansible_config::environment;
use super::ansible_json;
use super::options::InfrastructureOptions;

/// Ten thousand hosts with their variables are less.
const LONGEST_LIST_BYTES: usize = 128 * 1024 * 1024;
/// An inventory script may ask a slow cloud; one that hangs must not hold the agent.
const PATIENCE: Duration = Duration::from_mins(1);

/// Groups and hosts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inventory {
    /// Each group with its hosts, sorted; every host also under `all`.
    pub groups: BTreeMap<String, Vec<String>>,
    /// What could not be read, each with its file first; the hosts of the rest are there.
    pub problems: Vec<String>,
    /// Hosts that are the agent's own machine (`ansible_connection: local`).
    pub here: BTreeSet<String>,
}

/// Why an inventory was not read.
#[derive(Debug)]
pub(super) struct Unread {
    /// 5501 or 5510.
    pub problem: Problem,
    /// Whether only programs and plugins failed, which may answer another time. A mistake in a file is for a person.
    pub may_pass: bool,
}

impl Unread {
    fn for_good(path: &Path, reason: &str) -> Self {
        Self { problem: unreadable(path, reason), may_pass: false }
    }

    fn perhaps(path: &Path, reason: &str) -> Self {
        Self { problem: unreadable(path, reason), may_pass: sources::is_dynamic(path) }
    }
}

impl Inventory {
    /// Asks `ansible-inventory`. 5501 when it is not installed, 5510 when a file has a mistake or nothing can be read. A program or
    /// a plugin that fails beside others that don't is only noted.
    pub(super) async fn load(options: &InfrastructureOptions) -> Result<Self, Unread> {
        let path = &options.inventory;
        if !path.exists() {
            return Err(Unread::for_good(path, &format!("{}: there is no such file", path.display())));
        }
        if let Some(other) = sources::no_plain_file(path) {
            let reason = format!("{}: is not a plain file (a pipe, socket or device); remove it", other.display());
            return Err(Unread::for_good(path, &reason));
        }
        let output = ask(options).await?;
        let (said, files) = (String::from_utf8_lossy(&output.stderr), sources::files(path));
        let complaints = complaint::complaints(&said, &files);
        // Ansible keeps what stood before the mistake; half an inventory would be taken for a whole one.
        if let Some(mistake) = complaints.iter().find(|complaint| !sources::may_change(&complaint.source)) {
            return Err(Unread::for_good(path, &mistake.text));
        }
        if !output.status.success() {
            return Err(Unread::perhaps(path, &complaint::error(&said, &files)));
        }
        let list = ansible_json::read(&output.stdout).map_err(|error| Unread::perhaps(path, &error.to_string()))?;
        let problems = complaints.into_iter().map(|complaint| complaint.text).collect();
        let inventory = Self { problems, ..Self::from_list(&list) };
        if inventory.groups.get("all").is_none_or(Vec::is_empty) {
            let first = inventory.problems.first().cloned();
            return Err(Unread::perhaps(path, &first.unwrap_or_else(|| no_host(path))));
        }
        Ok(inventory)
    }

    /// With the hosts that were known before, where not all sources could be read: a script that fails today does not end what it
    /// gave yesterday.
    #[must_use]
    pub(super) fn with_known(mut self, known: &Self) -> Self {
        if self.problems.is_empty() {
            return self;
        }
        for (group, hosts) in &known.groups {
            let here = self.groups.entry(group.clone()).or_default();
            here.extend(hosts.iter().cloned());
            here.sort();
            here.dedup();
        }
        self.here.extend(known.here.iter().cloned());
        self
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
        let groups = groups.into_iter().map(|(name, hosts)| (name, hosts.into_iter().collect())).collect();
        let variables = list.get("_meta").and_then(|meta| meta.get("hostvars")).and_then(Value::as_object);
        let is_here = |of: &Value| matches!(of["ansible_connection"].as_str(), Some("local" | "ansible.builtin.local"));
        let here = variables.into_iter().flatten().filter(|(_, of)| is_here(of)).map(|(host, _)| host.clone()).collect();
        Self { groups, problems: Vec::new(), here }
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

async fn ask(options: &InfrastructureOptions) -> Result<Output, Unread> {
    let (program, path) = (&options.ansible_inventory, &options.inventory);
    let mut command = tokio::process::Command::new(program);
    command
        .arg("-i")
        .arg(path)
        .arg("--list")
        .envs(environment(&options.playbooks))
        // What one source lacks is said by its warning; the others count.
        .env("ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED", "False")
        .env("ANSIBLE_INVENTORY_UNPARSED_FAILED", "False")
        .env("ANSIBLE_INVENTORY_UNPARSED_WARNING", "True")
        // No variables: `group_vars` that are locked whole would end it, and names are all that is asked for.
        .env("ANSIBLE_VARS_ENABLED", "none")
        .current_dir(&options.playbooks)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let asked = tokio::time::timeout(PATIENCE, bounded::output(&mut command, LONGEST_LIST_BYTES)).await;
    let Ok(output) = asked else {
        return Err(Unread::perhaps(path, &format!("it did not answer within {} s", PATIENCE.as_secs())));
    };
    output.map_err(|error| match error.kind() {
        std::io::ErrorKind::Other => Unread::perhaps(path, &error.to_string()),
        _ => Unread { problem: not_found(program, &error), may_pass: false },
    })
}

/// 5510, where a play found another inventory than the one that was read before; `None` where what it said has no complaint about
/// one of the inventory's files. `said` is its standard error.
pub(super) fn broken_since(path: &Path, said: &str) -> Option<Problem> {
    let first = complaint::complaints(said, &sources::files(path)).into_iter().next()?;
    let text = format!(
        "{}. So the inventory {} can't be read, and the play did not begin; nothing was changed. Mend it and ask again: the agent reads it again by \
         itself, and keeps the hosts that it knew until then",
        first.text,
        path.display()
    );
    Some(Problem::new(ErrorCode::InventoryUnreadable, text))
}

/// Whether a play may run although a source can't be read: only a program or a plugin, which may answer another time, beside others.
/// Half a file would be taken for a whole one.
pub(super) fn may_lack_sources(path: &Path) -> bool {
    sources::is_dynamic(path)
}

/// 5510: the reason first, because a terminal may show no more than the beginning.
fn unreadable(path: &Path, reason: &str) -> Problem {
    let shown = path.display();
    let text = format!("{reason}. So the inventory {shown} can't be read; `ansible-inventory -i {shown} --list` shows the same");
    Problem::new(ErrorCode::InventoryUnreadable, text)
}

fn no_host(path: &Path) -> String {
    match sources::passed_over(path).as_slice() {
        [] => format!("{}: it names no host", path.display()),
        files => format!(
            "{}: it names no host, because Ansible passes over files of a folder that end in .ini ({}); rename them, for example to `hosts`",
            path.display(),
            files.join(", ")
        ),
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn groups_of_groups_are_resolved_and_every_host_is_under_all() {
        let Value::Object(list) = json!({
            "_meta": {"hostvars": {"w1": {"ansible_connection": "local"}, "w2": {"ansible_host": "192.0.2.7"}}},
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
        assert_eq!(inventory.here, BTreeSet::from(["w1".to_owned()]));
    }
}

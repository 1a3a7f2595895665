//! What a playbook must not do, found in its parsed YAML before anybody plans with it: tasks that run for real during a
//! preview, tasks that act on a host which no grant names, and tasks that change something where the action says that it only reads.

mod values;

use std::path::{Component, Path, PathBuf};

use chiffon_protocol::ActionSpec;
use chiffon_protocol::action::{CheckSupport, Risk};
use serde_norway::{Mapping, Value};

pub(super) use self::values::is_on;
use self::values::{as_text, is_of_system, leads_here, named_by_action, only_reads};
use super::check_mode::{acts, changes};
use super::content_hash::Covered;
use super::path_scan;

/// Keywords and modules that read plays, tasks, roles and variables from a file of ours.
const READING: [&str; 8] =
    ["import_playbook", "import_role", "import_tasks", "include_role", "include_tasks", "include_vars", "roles", "vars_files"];
/// Where tasks stand.
const TASKS: [&str; 7] = ["always", "block", "handlers", "post_tasks", "pre_tasks", "rescue", "tasks"];
/// The variable that tells a play whether it is a dry run. Variables of this name don't change it, but that of a loop does.
const MODE: &str = "ansible_check_mode";
/// Variables that decide to which machine a host's name leads.
pub(super) const LEADING: [&str; 6] =
    ["ansible_connection", "ansible_host", "ansible_port", "ansible_ssh_host", "ansible_ssh_port", "chiffon_root"];
/// Variables that name the program by which a task is run, on the host or on the way there.
const PROGRAMS: [&str; 6] = [
    "ansible_become_exe",
    "ansible_python_interpreter",
    "ansible_scp_executable",
    "ansible_sftp_executable",
    "ansible_shell_executable",
    "ansible_ssh_executable",
];
/// What is more than one task: its keywords hold for all that is in it, whatever else stands beside them.
const CONTAINERS: [&str; 8] = ["block", "hosts", "import_playbook", "import_role", "import_tasks", "include_role", "include_tasks", "role"];

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Below the playbooks folder.
    pub(super) path: PathBuf,
    pub(super) line: usize,
    pub(super) text: String,
}

impl std::fmt::Display for Found {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}: {}", self.path.display(), self.line, self.text)
    }
}

/// Everything that is wrong in what the action runs.
pub(super) fn scan(covered: &Covered, spec: &ActionSpec) -> Vec<Found> {
    let own: Vec<&Path> = covered.files.keys().map(PathBuf::as_path).filter(|path| belongs(covered, path, &spec.name)).collect();
    let mut found = path_scan::of_config(covered);
    found.extend(path_scan::of_parameters(spec));
    for path in own {
        let text = covered.files.get(path).map(|content| String::from_utf8_lossy(&content.bytes)).unwrap_or_default();
        lookups(path, &text, &mut found);
        path_scan::lookups(path, &text, &mut found);
        let is_tasks = is_tasks(path);
        match serde_norway::from_str::<Value>(&text) {
            // Ansible includes tasks from a file of any name.
            Ok(value) if is_tasks || value.is_sequence() => {
                let mut scan = Scan { path, text: &text, spec, covered, seen: Vec::new(), is_dry: false, found: &mut found };
                scan.value(&value, if value.is_sequence() { "tasks" } else { "" });
            }
            Err(error) if is_tasks => {
                let line = error.location().map_or(1, |location| location.line());
                found.push(Found { path: path.to_owned(), line, text: format!("is no YAML: {error}; correct it") });
            }
            Ok(_) | Err(_) => {}
        }
    }
    found
}

/// The action's own files, the roles that anything names, and whatever else lies beside the actions. A role that nothing
/// names can't be run by its name; where a name is a template, every role counts.
fn belongs(covered: &Covered, path: &Path, name: &str) -> bool {
    let mut parts = path.components().map(|part| part.as_os_str().to_string_lossy());
    let first = parts.next().unwrap_or_default();
    if first == name {
        return true;
    }
    match first.as_ref() {
        "plugins" => false,
        // `collections/ansible_collections/<namespace>/<collection>/roles/<role>`.
        "collections" => {
            let rest: Vec<_> = parts.skip(1).collect();
            matches!(rest.as_slice(), [namespace, collection, folder, role, ..]
                if folder == "roles" && is_named(covered, name, &format!("{namespace}.{collection}.{role}")))
        }
        "roles" => parts.next().is_some_and(|role| is_named(covered, name, &role)),
        _ => true,
    }
}

/// Whether a text of the action or of a role names this role, as `roles: [web]` or `include_role: {name: web}` would.
fn is_named(covered: &Covered, action: &str, role: &str) -> bool {
    let yaml = covered.files.iter().filter(|(path, _)| is_tasks(path) && (path.starts_with(action) || path.starts_with("roles")));
    let mut texts = yaml.map(|(_, content)| String::from_utf8_lossy(&content.bytes));
    texts.any(|text| text.contains(role) || (text.contains("_role") && text.contains("{{")))
}

/// Whether Ansible may read plays, tasks or variables from it.
fn is_tasks(path: &Path) -> bool {
    let is_yaml = path.extension().is_some_and(|extension| extension == "yml" || extension == "yaml" || extension == "json");
    let is_data = path.components().any(|part| part.as_os_str() == "templates" || part.as_os_str() == "files");
    is_yaml && !is_data && path.file_name().is_some_and(|name| name != "action.yml")
}

/// Lookups run on the agent's machine, also in a preview; these run commands and write files.
fn lookups(path: &Path, text: &str, found: &mut Vec<Found>) {
    for (number, line) in text.lines().enumerate() {
        let dense: String = line.chars().filter(|character| !character.is_whitespace()).map(|c| if c == '"' { '\'' } else { c }).collect();
        let dense = dense.replace("ansible.builtin.", "");
        for lookup in ["lines", "password", "pipe"] {
            let calls = ["lookup", "query", "{q", "+q", "(q"].iter().any(|call| dense.contains(&format!("{call}('{lookup}'")));
            if calls || dense.contains(&format!("with_{lookup}:")) {
                let text = format!("the lookup `{lookup}` acts on the agent's machine, also during a preview; use a task on the host");
                found.push(Found { path: path.to_owned(), line: number + 1, text });
            }
        }
    }
}

struct Scan<'scan> {
    path: &'scan Path,
    text: &'scan str,
    spec: &'scan ActionSpec,
    covered: &'scan Covered,
    /// Keys met so far, to tell the line of the next of the same name.
    seen: Vec<String>,
    /// Whether `check_mode: true` holds where it looks.
    is_dry: bool,
    found: &'scan mut Vec<Found>,
}

impl Scan<'_> {
    fn value(&mut self, value: &Value, under: &str) {
        match value {
            Value::String(file) if self.is_outside(file, under) => {
                let line = self.text.lines().position(|line| line.contains(file.as_str())).map_or(1, |number| number + 1);
                let text =
                    format!("`{file}` is read from outside the action and what actions share, so no approval binds it; put it there");
                self.found.push(Found { path: self.path.to_owned(), line, text });
            }
            Value::Mapping(members) => self.members(members, under),
            Value::Sequence(items) => items.iter().for_each(|item| self.value(item, under)),
            Value::Tagged(tagged) => self.value(&tagged.value, under),
            _ => {}
        }
    }

    fn members(&mut self, members: &Mapping, under: &str) {
        let was_dry = self.is_dry;
        self.is_dry |= members.get("check_mode").is_some_and(|value| is_on(value) && !as_text(value).contains(MODE));
        for (key, value) in members {
            let key = key.as_str().unwrap_or_default();
            if let Some(text) = self.wrong(key, value, members, under) {
                let line = self.line(key);
                self.found.push(Found { path: self.path.to_owned(), line, text });
            }
            self.seen.push(key.to_owned());
            // `include_tasks: {file: x.yml}` and `roles: [{role: x}]` name a file as their short forms do.
            let is_name = matches!(key, "file" | "role" | "name");
            self.value(value, if is_name && READING.contains(&short(under)) { under } else { key });
        }
        self.is_dry = was_dry;
    }

    /// Whether a file that the play itself is read from is certainly not covered. A template is left to the run, which has
    /// only what is covered below its own folder.
    fn is_outside(&self, file: &str, under: &str) -> bool {
        if !READING.contains(&short(under)) {
            return false;
        }
        if file.contains("{{") {
            // Read before the run can look after what it reads.
            return matches!(short(under), "import_playbook" | "import_role" | "import_tasks" | "roles");
        }
        if file.starts_with(['/', '~']) {
            return true;
        }
        let own = Path::new(&self.spec.name);
        let beside = self.path.parent().unwrap_or(own);
        Path::new(file).components().any(|part| part == Component::ParentDir)
            && ![beside, beside.parent().unwrap_or(own), own].iter().any(|folder| {
                let path = without_parents(&folder.join(file));
                self.covered.files.keys().any(|covered| covered.starts_with(&path))
            })
    }

    fn wrong(&self, key: &str, value: &Value, members: &Mapping, under: &str) -> Option<String> {
        if let Some(text) = path_scan::sent(short(key), value) {
            return Some(text);
        }
        match key {
            "check_mode" if !is_on(value) && !only_reads(members) => {
                let shown = as_text(value);
                Some(format!("`check_mode: {shown}` runs this for real during a preview; use a module that supports check mode"))
            }
            "loop_var" | "index_var" if as_text(value) == MODE => {
                Some(format!("`{key}: {MODE}` hides from the play that it is a preview; choose another name"))
            }
            "delegate_to" if !self.is_granted(value) => Some(format!(
                "`delegate_to: {}` acts on a host that the grant does not name; make it a target of the action",
                as_text(value)
            )),
            "local_action" if self.spec.target.is_some() => {
                Some("`local_action` acts on the agent's machine, which the grant does not name; make that an action of its own".to_owned())
            }
            "connection" if self.spec.target.is_some() && leads_here(value) => Some(format!(
                "`connection: {}` acts on the agent's machine under another host's name; say how a host is reached in the inventory",
                as_text(value)
            )),
            _ if LEADING.contains(&key) && matches!(short(under), "" | "vars" | "set_fact") => {
                Some(format!("`{key}` leads to another machine under the host's name; say how a host is reached in the inventory"))
            }
            _ if PROGRAMS.contains(&key) && matches!(short(under), "" | "vars" | "set_fact") && !is_of_system(value) => Some(format!(
                "`{key}: {}` is a program that no approval binds; name one of the host's own, below /usr or /bin, or say it in the inventory",
                as_text(value)
            )),
            _ => self.acts_in_check_mode(key, members, under).or_else(|| self.changes_unasked(key, value, members, under)),
        }
    }

    /// A module that acts in check mode, where the action has a preview and the task is not left out of it.
    fn acts_in_check_mode(&self, key: &str, members: &Mapping, under: &str) -> Option<String> {
        let is_left_out = members.get("when").is_some_and(|when| serde_norway::to_string(when).unwrap_or_default().contains(MODE));
        if !TASKS.contains(&under) || self.spec.check == CheckSupport::None || is_left_out {
            return None;
        }
        acts(key).map(|what| {
            format!("`{key}` {what} in a preview, too, although it says that it supports check mode; add `when: not {MODE}` or set `check: none`")
        })
    }

    /// A module that is there to change something, in an action that runs without approval because it says that it only reads.
    fn changes_unasked(&self, key: &str, value: &Value, members: &Mapping, under: &str) -> Option<String> {
        let is_task = TASKS.contains(&under) && !members.contains_key("hosts");
        if self.spec.risk != Risk::ReadOnly || self.is_dry || !is_task {
            return None;
        }
        let module = if key == "action" { named_by_action(value)? } else { key };
        changes(module).then(|| {
            format!(
                "`{module}` changes something, but the action says `risk: read_only` and so runs without approval; set its true risk, or use \
                 a module that only reads"
            )
        })
    }

    /// Whether it is the host itself, one that the target's parameter names, or this machine where that is the target.
    fn is_granted(&self, value: &Value) -> bool {
        let text = as_text(value);
        let name = text.trim().strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")).map(str::trim);
        match &self.spec.target {
            Some(target) => name.is_some_and(|name| name == "inventory_hostname" || name == target.parameter),
            None => name == Some("inventory_hostname") || text == "localhost",
        }
    }

    /// The line of the next occurrence of a key, as it was written.
    fn line(&self, key: &str) -> usize {
        let before = self.seen.iter().filter(|seen| *seen == key).count();
        let mut lines = self.text.lines().enumerate().filter(|(_, line)| has_key(line, key)).map(|(number, _)| number + 1);
        let all: Vec<usize> = lines.by_ref().collect();
        all.get(before).or(all.last()).copied().unwrap_or(1)
    }
}

pub(super) fn short(key: &str) -> &str {
    key.strip_prefix("ansible.builtin.").unwrap_or(key)
}

fn without_parents(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        if part == Component::ParentDir {
            plain.pop();
        } else {
            plain.push(part);
        }
    }
    plain
}

/// Whether it stands there as a key: it is no part of a longer name, and a colon follows.
fn has_key(line: &str, key: &str) -> bool {
    let before_comment = line.split(" #").next().unwrap_or_default();
    let is_of_a_name = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '.' | '-');
    let around: Vec<&str> = before_comment.split(key).collect();
    let mut pairs = around.windows(2);
    !before_comment.trim_start().starts_with('#')
        && pairs.any(|pair| {
            let rest = pair[1].trim_start_matches(['"', '\'']).trim_start();
            !pair[0].ends_with(is_of_a_name) && rest.starts_with(':')
        })
}

#[cfg(test)]
mod tests;

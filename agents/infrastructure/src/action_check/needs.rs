//! What a play needs: the roles, files and modules that it names, each looked for where Ansible would.
//!
//! Only what is certainly not there is an error. A name with a template is left to the run; what an installed collection has is
//! Ansible's to know.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use chiffon_process::bounded;
use serde_norway::{Mapping, Value};

use super::LONGEST_OUTPUT_BYTES;
use super::place::line_of;
use crate::ansible_config::environment;
use crate::content_hash::Covered;
use crate::play_scan::Found;

/// What a task may say beside its module.
const KEYWORDS: [&str; 44] = [
    "action",
    "always",
    "any_errors_fatal",
    "args",
    "async",
    "become",
    "become_exe",
    "become_flags",
    "become_method",
    "become_user",
    "block",
    "changed_when",
    "check_mode",
    "collections",
    "connection",
    "debugger",
    "delay",
    "delegate_facts",
    "delegate_to",
    "diff",
    "environment",
    "failed_when",
    "ignore_errors",
    "ignore_unreachable",
    "listen",
    "local_action",
    "loop",
    "loop_control",
    "module_defaults",
    "name",
    "no_log",
    "notify",
    "poll",
    "port",
    "register",
    "remote_user",
    "rescue",
    "retries",
    "run_once",
    "tags",
    "throttle",
    "timeout",
    "until",
    "vars",
];
/// Where tasks stand in plays and blocks.
const TASKS: [&str; 7] = ["always", "block", "handlers", "post_tasks", "pre_tasks", "rescue", "tasks"];

/// What the files of an action name.
struct Needs<'c> {
    covered: &'c Covered,
    /// The action's folder, below the playbooks folder.
    action: &'c Path,
    /// Folders of roles, below the playbooks folder.
    roles: Vec<PathBuf>,
    found: Vec<Found>,
    /// Modules with the first place that names them.
    modules: BTreeMap<String, (PathBuf, usize)>,
}

/// The roles and files that are not there.
pub(super) fn missing_files(covered: &Covered, playbooks: &Path, name: &str) -> Vec<Found> {
    of_files(covered, playbooks, name).0
}

/// The modules that are not there, as Ansible says.
pub(super) async fn missing_modules(covered: &Covered, playbooks: &Path, name: &str, ansible_playbook: &Path) -> Vec<Found> {
    let (_, modules) = of_files(covered, playbooks, name);
    let unknown = unknown_modules(modules.keys(), playbooks, ansible_playbook).await;
    let named = modules.into_iter().filter(|(module, _)| unknown.contains(module));
    named
        .map(|(module, (path, line))| {
            let text = format!("there is no module `{module}`; correct its name, or install its collection on the agent's machine");
            Found { path, line, text }
        })
        .collect()
}

fn of_files(covered: &Covered, playbooks: &Path, name: &str) -> (Vec<Found>, BTreeMap<String, (PathBuf, usize)>) {
    let action = PathBuf::from(name);
    let paths = environment(playbooks)
        .into_iter()
        .find(|(variable, _)| *variable == "ANSIBLE_ROLES_PATH")
        .map(|(_, value)| value)
        .unwrap_or_default();
    let folders = std::env::split_paths(&paths).filter_map(|path| path.strip_prefix(playbooks).map(Path::to_owned).ok());
    let roles = [action.join("roles")].into_iter().chain(folders).collect();
    let mut needs = Needs { covered, action: &action, roles, found: Vec::new(), modules: BTreeMap::new() };
    for (path, content) in covered.files.iter().filter(|(path, _)| path.starts_with(&action)) {
        let is_yaml = path.extension().is_some_and(|extension| extension == "yml" || extension == "yaml");
        let text = String::from_utf8_lossy(&content.bytes);
        if is_yaml && let Ok(Value::Sequence(items)) = serde_norway::from_str::<Value>(&text) {
            let file = File { path, text: &text, has_tasks: has_tasks(covered, path) };
            items.iter().enumerate().for_each(|(index, item)| needs.item(&file, item, &format!("/{index}")));
        }
    }
    (needs.found, needs.modules)
}

/// The playbook, what lies in a folder for tasks, and what another file names.
fn has_tasks(covered: &Covered, path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_for_tasks = path.parent().and_then(Path::file_name).is_some_and(|folder| folder == "tasks" || folder == "handlers");
    let names_it = |(other, content): (&PathBuf, &super::super::content_hash::Content)| {
        other.as_path() != path && String::from_utf8_lossy(&content.bytes).contains(&format!("_tasks: {name}"))
    };
    name == "playbook.yml" || is_for_tasks || covered.files.iter().any(names_it)
}

/// A file that is looked at.
struct File<'f> {
    path: &'f Path,
    text: &'f str,
    /// Whether its lists are certainly tasks, and no data.
    has_tasks: bool,
}

impl Needs<'_> {
    /// A play, a block or a task.
    fn item(&mut self, file: &File<'_>, item: &Value, pointer: &str) {
        let Value::Mapping(members) = item else { return };
        let is_play = ["hosts", "import_playbook", "ansible.builtin.import_playbook"].iter().any(|key| members.contains_key(*key));
        for (key, value) in members {
            let Some(key) = key.as_str() else { continue };
            let pointer = format!("{pointer}/{key}");
            if TASKS.contains(&key) {
                let inner = value.as_sequence().into_iter().flatten().enumerate();
                inner.for_each(|(index, item)| self.item(file, item, &format!("{pointer}/{index}")));
                continue;
            }
            match key.strip_prefix("ansible.builtin.").unwrap_or(key) {
                "roles" if is_play => {
                    for (index, role) in value.as_sequence().into_iter().flatten().enumerate() {
                        self.role(file, named(role, &["role", "name"]), &format!("{pointer}/{index}"));
                    }
                }
                "import_role" | "include_role" => self.role(file, named(value, &["name"]), &pointer),
                "import_playbook" | "import_tasks" | "include_tasks" => {
                    self.file(file, named(value, &["file", "_raw_params"]), &pointer, "tasks");
                }
                "include_vars" => self.file(file, named(value, &["file"]), &pointer, "vars"),
                "vars_files" => {
                    // Of a list in the list, Ansible takes the first that is there.
                    for (index, path) in value.as_sequence().into_iter().flatten().enumerate().filter(|(_, path)| path.is_string()) {
                        self.file(file, path.as_str(), &format!("{pointer}/{index}"), "vars");
                    }
                }
                "template" => self.source(file, value, members, &pointer, "templates"),
                "copy" => self.source(file, value, members, &pointer, "files"),
                _ => {}
            }
            if !is_play && file.has_tasks && is_module(key) && is_task(members) && !self.is_own(key) {
                let line = line_of(file.text, &pointer);
                self.modules.entry(key.to_owned()).or_insert_with(|| (file.path.to_owned(), line));
            }
        }
    }

    /// Whether a plugin of ours has this name: a module, or an action without one.
    fn is_own(&self, module: &str) -> bool {
        let short = module.rsplit('.').next().unwrap_or(module);
        let is_for_plugins =
            |folder: &std::ffi::OsStr| ["action", "action_plugins", "library", "modules"].iter().any(|name| folder == *name);
        self.covered.files.keys().any(|path| {
            path.file_stem().is_some_and(|stem| stem == short) && path.parent().and_then(Path::file_name).is_some_and(is_for_plugins)
        })
    }

    fn role(&mut self, file: &File<'_>, role: Option<&str>, pointer: &str) {
        // A name with dots is a collection's, a path is the scan's to judge.
        let Some(role) = role.filter(|role| !is_template(role) && !role.contains(['.', '/'])) else { return };
        let has = |folder: &PathBuf| self.covered.files.keys().any(|path| path.starts_with(folder.join(role)));
        if !self.roles.iter().any(has) {
            let looked: Vec<String> = self.roles.iter().map(|folder| format!("{}/", folder.display())).collect();
            self.add(file, pointer, format!("there is no role `{role}` in {}", looked.join(" or ")));
        }
    }

    fn file(&mut self, file: &File<'_>, named: Option<&str>, pointer: &str, folder: &str) {
        let Some(named) = named.filter(|named| !is_template(named) && !named.starts_with(['/', '~'])) else { return };
        let named = named.split_whitespace().next().unwrap_or_default();
        if !self.is_there(file, named, folder) {
            self.add(file, pointer, format!("there is no file `{named}` beside this one, nor in the action's folder"));
        }
    }

    fn source(&mut self, file: &File<'_>, value: &Value, members: &Mapping, pointer: &str, folder: &str) {
        let source = value.get("src").and_then(Value::as_str).filter(|source| !is_template(source) && !source.starts_with(['/', '~']));
        let is_remote = value.get("remote_src").is_some_and(|remote| !matches!(remote, Value::Bool(false)));
        // Variables of a loop, or a condition, may leave it out.
        let is_certain = !members.contains_key("when") && !members.contains_key("ignore_errors");
        let Some(source) = source.filter(|_| !is_remote && is_certain) else { return };
        if !self.is_there(file, source.trim_end_matches('/'), folder) {
            self.add(file, &format!("{pointer}/src"), format!("there is no `{source}` in {folder}/ of the action or of the role"));
        }
    }

    /// Whether a file or folder is there, as Ansible searches: of the role or action, in the folder of its kind and without.
    fn is_there(&self, file: &File<'_>, named: &str, folder: &str) -> bool {
        let beside = file.path.parent().unwrap_or(self.action);
        let above = beside.parent().unwrap_or(self.action);
        let places = [beside, above, self.action]
            .into_iter()
            .flat_map(|place| [place.join(named), place.join(folder).join(named), place.join("tasks").join(named)]);
        places.map(|path| without_dots(&path)).any(|path| self.covered.files.keys().any(|covered| covered.starts_with(&path)))
    }

    fn add(&mut self, file: &File<'_>, pointer: &str, text: String) {
        self.found.push(Found { path: file.path.to_owned(), line: line_of(file.text, pointer), text });
    }
}

/// A text, or the member of a mapping that has it.
fn named<'v>(value: &'v Value, members: &[&str]) -> Option<&'v str> {
    value.as_str().or_else(|| members.iter().find_map(|member| value.get(*member)?.as_str()))
}

fn is_template(text: &str) -> bool {
    text.contains("{{")
}

/// A task names one thing that is no keyword.
fn is_task(members: &Mapping) -> bool {
    members.keys().filter_map(Value::as_str).filter(|key| is_module(key)).count() == 1
}

fn is_module(key: &str) -> bool {
    !KEYWORDS.contains(&key) && key != "when" && !key.starts_with("with_") && !is_template(key)
}

fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => drop(plain.pop()),
            std::path::Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

/// Which of these modules Ansible can't find. Nothing where it can't be asked: the syntax check tells of that.
async fn unknown_modules(modules: impl Iterator<Item = &String>, playbooks: &Path, ansible_playbook: &Path) -> BTreeSet<String> {
    let modules: Vec<&String> = modules.collect();
    if modules.is_empty() {
        return BTreeSet::new();
    }
    let mut command = tokio::process::Command::new(ansible_playbook.with_file_name("ansible-doc"));
    command.args(["-t", "module", "--json"]).args(&modules).envs(environment(playbooks)).current_dir(playbooks).stdin(Stdio::null());
    let Ok(output) = bounded::output(&mut command, LONGEST_OUTPUT_BYTES).await else { return BTreeSet::new() };
    // A long warning is wrapped.
    let said = String::from_utf8_lossy(&output.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
    modules
        .into_iter()
        .filter(|module| said.contains(&format!("{module} was not found")) || said.contains(&format!("module {module} not found")))
        .cloned()
        .collect()
}

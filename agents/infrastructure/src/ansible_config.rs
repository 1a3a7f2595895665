//! The `ansible.cfg` of a playbooks folder, and the environment in which every Ansible program of ours runs: plugins, modules and
//! roles come from that folder or from the installation, never from somebody's home folder.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Component, Path, PathBuf};

use super::content_hash;

/// The file, below the playbooks folder.
pub(super) const FILE: &str = "ansible.cfg";
/// No configuration is longer.
const LONGEST_BYTES: u64 = 1024 * 1024;
/// Plugins that an administrator has installed for everybody on the machine.
const INSTALLED: &str = "/usr/share/ansible/plugins";
/// The key, the variable that overrides it, and the folder below `plugins`.
const PLUGINS: [(&str, &str, &str); 17] = [
    ("action_plugins", "ANSIBLE_ACTION_PLUGINS", "action"),
    ("become_plugins", "ANSIBLE_BECOME_PLUGINS", "become"),
    ("cache_plugins", "ANSIBLE_CACHE_PLUGINS", "cache"),
    ("callback_plugins", CALLBACKS, "callback"),
    ("cliconf_plugins", "ANSIBLE_CLICONF_PLUGINS", "cliconf"),
    ("connection_plugins", "ANSIBLE_CONNECTION_PLUGINS", "connection"),
    ("doc_fragment_plugins", "ANSIBLE_DOC_FRAGMENT_PLUGINS", "doc_fragments"),
    ("filter_plugins", "ANSIBLE_FILTER_PLUGINS", "filter"),
    ("httpapi_plugins", "ANSIBLE_HTTPAPI_PLUGINS", "httpapi"),
    ("library", "ANSIBLE_LIBRARY", "modules"),
    ("lookup_plugins", "ANSIBLE_LOOKUP_PLUGINS", "lookup"),
    ("module_utils", "ANSIBLE_MODULE_UTILS", "module_utils"),
    ("netconf_plugins", "ANSIBLE_NETCONF_PLUGINS", "netconf"),
    ("strategy_plugins", "ANSIBLE_STRATEGY_PLUGINS", "strategy"),
    ("terminal_plugins", "ANSIBLE_TERMINAL_PLUGINS", "terminal"),
    ("test_plugins", "ANSIBLE_TEST_PLUGINS", "test"),
    ("vars_plugins", "ANSIBLE_VARS_PLUGINS", "vars"),
];
/// The variable with the folders of callbacks; the run puts ours before them.
pub(super) const CALLBACKS: &str = "ANSIBLE_CALLBACK_PLUGINS";
/// The key of the folders of shared roles.
const ROLES: &str = "roles_path";
/// The variables that name the folders of installed collections.
const COLLECTIONS: [&str; 2] = ["ANSIBLE_COLLECTIONS_PATH", "ANSIBLE_COLLECTIONS_PATHS"];

/// What stands in the file.
#[derive(Debug, Default)]
pub(super) struct AnsibleConfig {
    /// Each key with the line on which it stands.
    values: BTreeMap<String, (usize, String)>,
}

/// A path that leads out of the playbooks folder.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outside {
    pub(super) key: String,
    pub(super) path: String,
    pub(super) line: usize,
}

impl AnsibleConfig {
    /// The file of this folder; empty where there is none.
    pub(super) fn of(playbooks: &Path) -> Self {
        content_hash::read_regular(&playbooks.join(FILE), LONGEST_BYTES).map(|text| Self::read(&text)).unwrap_or_default()
    }

    pub(super) fn read(text: &str) -> Self {
        let lines = text.lines().enumerate().filter(|(_, line)| !line.starts_with(['#', ';']));
        let set = lines.filter_map(|(number, line)| line.split_once(['=', ':']).map(|(key, value)| (number + 1, key, value)));
        let plain = |value: &str| value.split(" ;").next().unwrap_or_default().trim().to_owned();
        Self { values: set.map(|(number, key, value)| (key.trim().to_owned(), (number, plain(value)))).collect() }
    }

    fn folders(&self, key: &str) -> Vec<String> {
        let named = self.values.get(key).map(|(_, value)| value.as_str()).unwrap_or_default();
        named.split(':').map(str::trim).filter(|folder| !folder.is_empty()).map(str::to_owned).collect()
    }

    /// Plugins, modules and roles that would be read from where no content hash reaches.
    pub(super) fn outside(&self) -> Vec<Outside> {
        let keys = PLUGINS.iter().map(|(key, ..)| *key).chain([ROLES]);
        let paths = keys.flat_map(|key| self.folders(key).into_iter().map(move |path| (key, path)));
        let beyond = paths.filter(|(_, path)| leaves(path));
        beyond.map(|(key, path)| Outside { key: key.to_owned(), path, line: self.values.get(key).map_or(1, |(line, _)| *line) }).collect()
    }

    /// The folders of collections as the file names them, against this playbooks folder.
    fn collections(&self, playbooks: &Path) -> Option<Vec<PathBuf>> {
        let key = ["collections_path", "collections_paths"].into_iter().find(|key| self.values.contains_key(*key))?;
        Some(self.folders(key).iter().map(|folder| playbooks.join(at_home(folder))).collect())
    }
}

/// A copy of the playbooks folder finds the vault's passwords where the folder itself does: they are no content of an action, so they are
/// not in it, and Ansible reads such a path against the file that names it.
pub(super) fn lead_to_passwords(playbooks: &Path, copy: &Path) -> io::Result<()> {
    let file = copy.join(FILE);
    match content_hash::read_regular(&file, LONGEST_BYTES) {
        Ok(text) => std::fs::write(file, with_passwords_of(&text, playbooks)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn with_passwords_of(text: &str, playbooks: &Path) -> String {
    let absolute = |path: &str| match path.trim() {
        "" => String::new(),
        path if path.starts_with(['/', '~', '$', '{']) || matches!(path, "prompt" | "prompt_ask_vault_pass") => path.to_owned(),
        path => playbooks.join(path).display().to_string(),
    };
    let identity =
        |one: &str| one.split_once('@').map_or_else(|| absolute(one), |(name, path)| format!("{}@{}", name.trim(), absolute(path)));
    let line = |line: &str| {
        let (key, value) = line.split_once(['=', ':'])?;
        let value = value.split(" ;").next().unwrap_or_default();
        match key.trim() {
            "vault_password_file" => Some(format!("{key}= {}\n", absolute(value))),
            "vault_identity_list" => Some(format!("{key}= {}\n", value.split(',').map(identity).collect::<Vec<_>>().join(", "))),
            _ => None,
        }
    };
    text.split_inclusive('\n').map(|whole| line(whole.trim_end()).unwrap_or_else(|| whole.to_owned())).collect()
}

/// Where collections are looked for: as `ansible.cfg` says, else the agent's environment, else below the playbooks folder and where
/// `ansible-galaxy` puts them.
pub(super) fn collections(playbooks: &Path) -> Vec<PathBuf> {
    if let Some(folders) = AnsibleConfig::of(playbooks).collections(playbooks) {
        return folders;
    }
    match COLLECTIONS.iter().find_map(|name| chiffon_process::config::variable(name)) {
        Some(set) => std::env::split_paths(&set).collect(),
        None => vec![playbooks.join("collections"), at_home("~/.ansible/collections"), PathBuf::from("/usr/share/ansible/collections")],
    }
}

/// What every Ansible program of ours gets: our plugins, nothing that only a person at a terminal wants.
pub(super) fn environment(playbooks: &Path) -> Vec<(&'static str, OsString)> {
    let config = AnsibleConfig::of(playbooks);
    let mut variables: Vec<(&'static str, OsString)> = [
        ("ANSIBLE_NOCOWS", "1"),
        ("ANSIBLE_NOCOLOR", "1"),
        ("ANSIBLE_FORCE_COLOR", "0"),
        ("ANSIBLE_RETRY_FILES_ENABLED", "False"),
        ("PYTHONDONTWRITEBYTECODE", "1"),
        ("PYTHONUNBUFFERED", "1"),
    ]
    .map(|(name, value)| (name, value.into()))
    .into();
    for (key, variable, folder) in PLUGINS {
        let named = config.folders(key).into_iter().filter(|path| !leaves(path)).map(|path| playbooks.join(path));
        let usual = [playbooks.join("plugins").join(folder), Path::new(INSTALLED).join(folder)];
        variables.push((variable, joined(named.chain(usual))));
    }
    let roles = config.folders(ROLES);
    let roles = if roles.is_empty() { vec!["roles".to_owned()] } else { roles };
    variables.push(("ANSIBLE_ROLES_PATH", joined(roles.into_iter().map(|folder| playbooks.join(folder)))));
    variables.push((COLLECTIONS[0], joined(collections(playbooks).into_iter())));
    if playbooks.join(FILE).is_file() {
        variables.push(("ANSIBLE_CONFIG", playbooks.join(FILE).into()));
    }
    variables
}

fn joined(folders: impl Iterator<Item = PathBuf>) -> OsString {
    folders.map(PathBuf::into_os_string).collect::<Vec<_>>().join(OsStr::new(":"))
}

/// Whether a path, against the playbooks folder, leads out of it.
fn leaves(path: &str) -> bool {
    let mut depth = 0_i32;
    path.starts_with(['/', '~', '$', '{'])
        || Path::new(path).components().any(|part| {
            depth += match part {
                Component::ParentDir => -1,
                Component::Normal(_) => 1,
                _ => 0,
            };
            depth < 0
        })
}

fn at_home(path: &str) -> PathBuf {
    let home = path.strip_prefix("~/").zip(chiffon_process::config::variable("HOME"));
    home.map_or_else(|| PathBuf::from(path), |(rest, home)| Path::new(&home).join(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_configuration_that_lead_out_of_the_folder_are_named_with_their_lines() {
        let text = "[defaults]\nroles_path = roles:../mine\n# library = /opt\nfilter_plugins=plugins/filter\nlibrary: ~/modules ; mine\n\
                    callback_plugins = a/../../b\nlog_path = /var/log/x\ncollections_path = /opt/collections\n";
        let config = AnsibleConfig::read(text);
        let found: Vec<(String, usize)> = config.outside().into_iter().map(|outside| (outside.path, outside.line)).collect();
        assert_eq!(found, [("a/../../b".to_owned(), 6), ("~/modules".to_owned(), 5), ("../mine".to_owned(), 2)]);
    }

    #[test]
    fn a_copy_reads_the_vaults_passwords_where_the_folder_itself_does() {
        let text = "[defaults]\nvault_password_file = ../vault-pass ; ours\n# vault_password_file = x\nvault_identity_list=dev@dev-pass, /etc/pass,ask@prompt\nforks = 2";
        assert_eq!(
            with_passwords_of(text, Path::new("/srv/books")),
            "[defaults]\nvault_password_file = /srv/books/../vault-pass\n# vault_password_file = x\n\
             vault_identity_list= dev@/srv/books/dev-pass, /etc/pass, ask@prompt\nforks = 2"
        );
    }

    #[test]
    fn no_kind_of_plugin_is_looked_for_in_a_home_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(FILE), "[defaults]\nlookup_plugins = mine:~/theirs\n").expect("written");
        let variables = environment(folder.path());
        for (name, value) in variables.iter().filter(|(name, _)| name.ends_with("_PLUGINS") || *name == "ANSIBLE_LIBRARY") {
            let value = value.to_string_lossy();
            assert!(value.contains("/plugins/") && !value.contains('~') && !value.contains(".ansible"), "{name}: {value}");
        }
        let lookups = variables.iter().find(|(name, _)| *name == "ANSIBLE_LOOKUP_PLUGINS").expect("is set");
        assert!(lookups.1.to_string_lossy().starts_with(&folder.path().join("mine").display().to_string()), "{lookups:?}");
    }
}

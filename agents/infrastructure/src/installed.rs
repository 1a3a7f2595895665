//! What a play runs with beside the playbooks folder: ansible-core and the installed collections that its text names. No content
//! hash of ours covers their files; their versions become part of the hash, and of the plan.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::ansible_config::collections;
use super::content_hash::{Covered, read_regular};

/// Finds the module of the interpreter that Ansible's programs run with, and where that looks for modules.
const FIND: &str = "import importlib.util as u, sys; print(u.find_spec('ansible').origin); print('\\n'.join(sys.path))";
/// Ansible's own file of moved names has 300 KiB.
const LONGEST_BYTES: u64 = 16 * 1024 * 1024;

/// Where this machine's Ansible is.
#[derive(Debug, Clone, Default)]
pub(super) struct Installed {
    /// The folder of the module `ansible`; nothing where the program is no script of Python.
    module: Option<PathBuf>,
    /// Folders with installed collections, in the order in which they are looked through.
    folders: Vec<PathBuf>,
    /// Names that were moved to collections, without their dots: `ufw`.
    moved: BTreeMap<String, String>,
}

impl Installed {
    /// Asks the interpreter of this program.
    pub(super) fn find(program: &Path, playbooks: &Path) -> Self {
        let found = interpreter(program).and_then(|(python, arguments)| {
            let mut command = std::process::Command::new(python);
            command.args(arguments).arg("-c").arg(FIND).stdin(Stdio::null()).stderr(Stdio::null());
            command.output().ok().filter(|output| output.status.success())
        });
        let Some(found) = found else { return Self::default() };
        let text = String::from_utf8_lossy(&found.stdout);
        let mut lines = text.lines();
        let module = lines.next().and_then(|origin| Path::new(origin).parent()).map(Path::to_owned);
        let mut folders = collections(playbooks);
        folders.extend(lines.filter(|line| !line.is_empty()).map(PathBuf::from));
        // What the content hash covers needs no version.
        folders.retain(|folder| !folder.starts_with(playbooks));
        let names = module.as_ref().map(|module| module.join("config/ansible_builtin_runtime.yml"));
        let moved = names.and_then(|path| read_regular(&path, LONGEST_BYTES).ok()).map(|text| moved(&text)).unwrap_or_default();
        Self { module, folders, moved }
    }

    /// The versions of what this content runs with, as they are now.
    pub(super) fn versions(&self, covered: &Covered) -> BTreeMap<String, String> {
        self.versions_of(&self.named_in(covered))
    }

    /// The versions of ansible-core and of those among these names that are installed collections.
    pub(super) fn versions_of(&self, named: &BTreeSet<String>) -> BTreeMap<String, String> {
        let of_core = self.module.as_ref().and_then(|module| core_version(module));
        let core = of_core.map(|version| ("ansible-core".to_owned(), version));
        core.into_iter().chain(named.iter().filter_map(|name| self.version(name).map(|version| (name.clone(), version)))).collect()
    }

    /// Whatever in this content looks like a collection's name; most of it is none.
    pub(super) fn named_in(&self, covered: &Covered) -> BTreeSet<String> {
        let texts =
            covered.files.iter().filter(|(path, _)| path.extension().is_some_and(|extension| extension == "yml" || extension == "yaml"));
        texts.flat_map(|(_, content)| self.named(&String::from_utf8_lossy(&content.bytes))).collect()
    }

    /// Names with dots wherever they stand, and names that were moved where they are keys, as modules are.
    fn named(&self, text: &str) -> Vec<String> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        let words = text.split_inclusive(|c: char| !is_part(c));
        let full = words.filter_map(|word| {
            let name = word.trim_end_matches(|c: char| !is_part(c));
            let moved = self.moved.get(name).filter(|_| word.ends_with(':'));
            collection_of(moved.map_or(name, String::as_str))
        });
        full.collect()
    }

    fn version(&self, collection: &str) -> Option<String> {
        let (namespace, name) = collection.split_once('.')?;
        let below = Path::new("ansible_collections").join(namespace).join(name);
        let folder = self.folders.iter().map(|folder| folder.join(&below)).find(|folder| folder.is_dir())?;
        let manifest = read_regular(&folder.join("MANIFEST.json"), LONGEST_BYTES).ok();
        let manifest = manifest.and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok());
        let version = manifest.as_ref().and_then(|manifest| manifest.pointer("/collection_info/version")?.as_str());
        Some(version.map_or_else(|| "of unknown version".to_owned(), str::to_owned))
    }
}

/// The interpreter in the first line of a program, with its arguments, where that is Python.
fn interpreter(program: &Path) -> Option<(PathBuf, Vec<String>)> {
    let path = if program.components().count() > 1 {
        program.to_owned()
    } else {
        let folders = chiffon_process::config::variable("PATH")?;
        std::env::split_paths(&folders).map(|folder| folder.join(program)).find(|path| path.is_file())?
    };
    let text = read_regular(&path, LONGEST_BYTES).ok()?;
    let mut words = text.lines().next()?.strip_prefix("#!")?.split_whitespace().map(str::to_owned);
    let first = words.next()?;
    let arguments: Vec<String> = words.collect();
    let is_python = [&first].into_iter().chain(arguments.first()).any(|word| {
        let name = word.rsplit('/').next().unwrap_or_default();
        name.starts_with("python")
    });
    is_python.then(|| (PathBuf::from(first), arguments))
}

fn core_version(module: &Path) -> Option<String> {
    let text = read_regular(&module.join("release.py"), LONGEST_BYTES).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("__version__"))?;
    Some(line.trim_start_matches([' ', '=']).trim_matches(['\'', '"', ' ']).to_owned())
}

fn collection_of(word: &str) -> Option<String> {
    let mut parts = word.split('.');
    let (namespace, name) = (parts.next()?, parts.next()?);
    let is_name = |part: &str| part.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    (is_name(namespace) && is_name(name)).then(|| format!("{namespace}.{name}"))
}

/// Reads `name:` with `redirect: namespace.collection.name` below it.
fn moved(text: &str) -> BTreeMap<String, String> {
    let mut moved = BTreeMap::new();
    let mut name = "";
    for line in text.lines() {
        match line.trim().split_once(':') {
            Some((key, "")) if line.starts_with("    ") && !line.starts_with("     ") => name = key,
            Some(("redirect", target)) => drop(moved.insert(name.to_owned(), target.trim().to_owned())),
            _ => {}
        }
    }
    moved
}

/// The versions as people read them.
pub(super) fn in_words(versions: &BTreeMap<String, String>) -> String {
    let named: Vec<String> = versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    if named.is_empty() { "an Ansible of unknown version".to_owned() } else { named.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, text: &str) {
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        std::fs::write(path, text).expect("written");
    }

    #[test]
    fn what_a_play_names_is_told_with_its_version_however_it_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let site = folder.path().join("site");
        write(&site.join("ansible/release.py"), "__version__ = '2.19.4'\n");
        for (name, version) in [("community/general", "6.6.0"), ("some/roles", "1.0.0"), ("not/used", "9.9.9"), ("in/list", "3.1.0")] {
            let manifest = format!("{{\"collection_info\": {{\"version\": \"{version}\"}}}}");
            write(&site.join("ansible_collections").join(name).join("MANIFEST.json"), &manifest);
        }
        let moved = moved(
            "plugin_routing:\n  modules:\n    ufw:\n      redirect: community.general.ufw\n    sysctl:\n      redirect: not.used.sysctl\n    gone:\n      tombstone: {}\n",
        );
        let installed = Installed { module: Some(site.join("ansible")), folders: vec![site], moved };
        let books = folder.path().join("books");
        write(&books.join("one/action.yml"), "name: one\ndescription: It is no sysctl.\n");
        let play = "- hosts: all\n  collections: [in.list]\n  roles:\n    - some.roles.web\n  tasks:\n    - ufw: {rule: allow}\n    - uri: {url: https://www.example.com}\n";
        write(&books.join("one/playbook.yml"), play);
        let versions = installed.versions(&Covered::read(&books, "one").expect("reads"));
        assert_eq!(in_words(&versions), "ansible-core 2.19.4, community.general 6.6.0, in.list 3.1.0, some.roles 1.0.0");
    }
}

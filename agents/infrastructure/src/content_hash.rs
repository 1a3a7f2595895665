//! The hash of everything that an action's run reads from the playbooks folder: what a plan pins and an agent checks before
//! it runs, with the versions of what it runs with. The bytes that are hashed are kept, and a run is given a private copy of them, so that nobody can write between
//! the check and the run. What is not covered is not in the copy: a play that names it fails, and changes nothing.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use chiffon_protocol::canonical;
use nix::fcntl::OFlag;
use sha2::{Digest as _, Sha256};
use walkdir::{DirEntry, WalkDir};

use super::shared_types;

/// What an action reads is copied for each run; installers and images belong on the hosts.
const MOST_BYTES: u64 = 256 * 1024 * 1024;
/// So many files have the largest of public playbook repositories, several times over.
const MOST_FILES: usize = 20_000;
/// Folders and files of a playbooks folder that no run reads.
const APART: [&str; 5] = ["action.schema.json", "demo", "README.md", "tests", shared_types::FILE];

/// A file as it was read.
#[derive(Debug)]
pub(super) struct Content {
    executable: bool,
    /// Only its owner may read it, as `ssh` wants of a key.
    private: bool,
    pub(super) bytes: Vec<u8>,
}

/// Everything that a run of one action reads, by its path below the playbooks folder.
#[derive(Debug, Default)]
pub(super) struct Covered {
    pub(super) files: BTreeMap<PathBuf, Content>,
    size: u64,
}

impl Covered {
    /// Reads the action's own folder and all that actions share: roles, collections, variables, task files, plugins,
    /// `ansible.cfg`; types only where it refers to one. Other actions are not read. An error names the file.
    pub(super) fn read(playbooks: &Path, name: &str) -> Result<Self, String> {
        let root = playbooks.canonicalize().map_err(|error| format!("{}: {error}", playbooks.display()))?;
        let mut covered = Self::default();
        covered.tree(&root, &root.join(name))?;
        for entry in std::fs::read_dir(&root).map_err(|error| format!("{}: {error}", root.display()))? {
            let path = entry.map_err(|error| format!("{}: {error}", root.display()))?.path();
            if is_shared(&path) {
                covered.tree(&root, &path)?;
            }
        }
        let spec = covered.files.get(&Path::new(name).join("action.yml"));
        if spec.is_some_and(|spec| String::from_utf8_lossy(&spec.bytes).contains(shared_types::PREFIX)) {
            covered.tree(&root, &root.join(shared_types::FILE))?;
        }
        Ok(covered)
    }

    /// `runs_with`: the versions of what is not covered.
    pub(super) fn sha256(&self, runs_with: &BTreeMap<String, String>) -> String {
        let mut hash = Sha256::new();
        for (path, content) in &self.files {
            let path = path.as_os_str().as_encoded_bytes();
            // Lengths keep a path from running into its content.
            hash.update((path.len() as u64).to_be_bytes());
            hash.update(path);
            hash.update(if content.executable { b"x" } else { b"-" });
            hash.update((content.bytes.len() as u64).to_be_bytes());
            hash.update(&content.bytes);
        }
        for (name, version) in runs_with {
            // A path never begins with a null character.
            hash.update(format!("\0{name}\0{version}\0"));
        }
        canonical::hex(&hash.finalize())
    }

    /// Writes the very bytes that were hashed to a new folder that only this user can enter.
    pub(super) fn copy_to(&self, folder: &Path) -> io::Result<()> {
        let mut folders = std::fs::DirBuilder::new();
        folders.mode(0o700).recursive(true).create(folder)?;
        for (path, content) in &self.files {
            let path = folder.join(path);
            folders.create(path.parent().unwrap_or(folder))?;
            let readable = if content.private { 0o600 } else { 0o644 };
            let runnable = if content.private { 0o100 } else { 0o111 };
            let mode = if content.executable { readable | runnable } else { readable };
            std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?.write_all(&content.bytes)?;
        }
        Ok(())
    }

    /// Links are followed as Ansible follows them, and no link leads out of the playbooks folder.
    fn tree(&mut self, root: &Path, tree: &Path) -> Result<(), String> {
        if !tree.exists() && !tree.is_symlink() {
            return Ok(());
        }
        for entry in WalkDir::new(tree).follow_links(true).into_iter().filter_entry(counts) {
            let entry = entry.map_err(|error| error.to_string())?;
            let path = entry.path();
            if entry.path_is_symlink() {
                let leads_to = path.canonicalize().map_err(|error| format!("{}: {error}", path.display()))?;
                if !leads_to.starts_with(root) {
                    return Err(format!(
                        "{} is a link to {}, outside the playbooks folder, so no approval could bind what it holds; copy it to {}",
                        path.display(),
                        leads_to.display(),
                        root.display()
                    ));
                }
            }
            if entry.file_type().is_dir() {
                continue;
            }
            let relative = path.strip_prefix(root).unwrap_or(path).to_owned();
            let content = self.file(path).map_err(|error| format!("{}: {error}", path.display()))?;
            self.files.insert(relative, content);
            if self.files.len() > MOST_FILES {
                return Err(format!(
                    "{} has more than {MOST_FILES} files that a run could read; keep only playbooks in it",
                    root.display()
                ));
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path) -> io::Result<Content> {
        let file = open_regular(path)?;
        let metadata = file.metadata()?;
        let left = MOST_BYTES.saturating_sub(self.size);
        let mut bytes = Vec::new();
        file.take(left.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > left {
            let text = format!("with it, a run would read more than {} MiB from the playbooks folder", MOST_BYTES >> 20);
            return Err(io::Error::other(text));
        }
        self.size += bytes.len() as u64;
        let mode = metadata.permissions().mode();
        Ok(Content { executable: mode & 0o111 != 0, private: mode.trailing_zeros() >= 6, bytes })
    }
}

/// Opens a file and nothing else: a pipe would never end, and a device is no content.
pub(super) fn open_regular(path: &Path) -> io::Result<std::fs::File> {
    let file = std::fs::OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(not_a_file()) }
}

/// The whole text of a plain file that is no longer than this.
pub(super) fn read_regular(path: &Path, most_bytes: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    open_regular(path)?.take(most_bytes.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most_bytes {
        return Err(io::Error::other(format!("is longer than {} KiB", most_bytes >> 10)));
    }
    String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

fn not_a_file() -> io::Error {
    io::Error::other("is not a plain file (a pipe, socket or device); remove it")
}

/// Whether this entry of the playbooks folder is read by the runs of every action. Hidden folders are not, as `.git`.
fn is_shared(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    if path.is_dir() {
        let is_hidden = name.as_encoded_bytes().starts_with(b".");
        return !is_hidden && !APART.iter().any(|apart| name == *apart) && !path.join("action.yml").exists();
    }
    !APART.iter().any(|apart| name == *apart)
}

/// Leaves out what running leaves behind.
fn counts(entry: &DirEntry) -> bool {
    let name = entry.file_name().as_encoded_bytes();
    name != b"__pycache__" && !name.ends_with(b".pyc") && !name.ends_with(b".retry")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn of_action(playbooks: &Path, name: &str) -> Result<String, String> {
        Covered::read(playbooks, name).map(|covered| covered.sha256(&BTreeMap::new()))
    }

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, text).expect("written");
    }

    #[test]
    fn everything_the_run_depends_on_changes_the_hash_and_nothing_else_does() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        let write = |path: &str, text: &str| write(root, path, text);
        write("one/action.yml", "name: one");
        write("one/playbook.yml", "- hosts: all");
        write("plugins/modules/it.py", "pass");
        write("other/action.yml", "name: other");
        let mut seen = vec![of_action(root, "one").expect("hashes")];
        let mut changes_it = |what: &str, changes: bool| {
            let hash = of_action(root, "one").expect("hashes");
            assert_eq!(!seen.contains(&hash), changes, "{what}");
            seen.push(hash);
        };
        write("one/__pycache__/it.pyc", "x");
        write("other/action.yml", "name: changed");
        write("types.json", "{}");
        write(".git/HEAD", "x");
        changes_it("another action, caches, unused types", false);
        let shared = ["roles/web/tasks/main.yml", "collections/a/b.yml", "group_vars/all.yml", "host_vars/nas.yml", "vars.yml"];
        for path in shared.into_iter().chain(["one/playbook.yml", "plugins/modules/it.py", "filter_plugins/f.py", "ansible.cfg"]) {
            write(path, "changed");
            changes_it(path, true);
        }
        fs::set_permissions(root.join("one/playbook.yml"), fs::Permissions::from_mode(0o755)).expect("set");
        changes_it("the executable bit", true);
        write("one/action.yml", "name: one # types#/portal");
        changes_it("the definition", true);
        write("types.json", "{\"portal\": {}}");
        changes_it("a type it uses", true);
    }

    #[test]
    fn a_link_is_followed_into_the_hash_and_refused_by_name_where_it_leaves_the_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("books");
        write(&root, "one/action.yml", "name: one");
        write(&root, "other/action.yml", "name: other");
        write(&root, "other/roles/web.yml", "first");
        std::os::unix::fs::symlink("../other/roles", root.join("one/roles")).expect("a link");
        let before = of_action(&root, "one").expect("hashes");
        write(&root, "other/roles/web.yml", "second");
        assert_ne!(of_action(&root, "one").expect("hashes"), before);

        write(folder.path(), "outside/web.yml", "x");
        std::os::unix::fs::symlink("../../outside", root.join("one/tasks")).expect("a link");
        let error = of_action(&root, "one").expect_err("it leaves the folder");
        assert!(error.contains("one/tasks is a link to") && error.contains("outside"), "{error}");
    }

    #[test]
    fn a_pipe_a_socket_and_a_file_that_is_too_big_are_refused_by_name_and_nothing_waits() {
        for path in ["one/pipe", "roles/pipe"] {
            let folder = tempfile::tempdir().expect("a folder");
            write(folder.path(), "one/action.yml", "name: one");
            write(folder.path(), "roles/main.yml", "x");
            nix::unistd::mkfifo(&folder.path().join(path), nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
            let error = of_action(folder.path(), "one").expect_err("it is a pipe");
            assert!(error.contains(path) && error.contains("not a plain file"), "{error}");
        }
        let folder = tempfile::tempdir().expect("a folder");
        let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).expect("a socket");
        let error = of_action(folder.path(), "one").expect_err("it is a socket");
        assert!(error.contains("socket"), "{error}");
        fs::remove_file(folder.path().join("socket")).expect("removed");
        write(folder.path(), "one/big.iso", "");
        fs::File::options()
            .write(true)
            .open(folder.path().join("one/big.iso"))
            .and_then(|file| file.set_len(MOST_BYTES + 1))
            .expect("long");
        let error = of_action(folder.path(), "one").expect_err("it is too big");
        assert!(error.contains("one/big.iso") && error.contains("256 MiB"), "{error}");
    }

    #[test]
    fn a_copy_holds_what_was_hashed_whatever_is_written_afterwards() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("books");
        write(&root, "one/action.yml", "name: one");
        write(&root, "roles/web/tasks/main.yml", "first");
        let covered = Covered::read(&root, "one").expect("reads");
        write(&root, "roles/web/tasks/main.yml", "second");
        let copy = folder.path().join("copy");
        covered.copy_to(&copy).expect("copied");
        assert_eq!(fs::read_to_string(copy.join("roles/web/tasks/main.yml")).expect("is there"), "first");
        assert_eq!(of_action(&copy, "one").expect("hashes"), covered.sha256(&BTreeMap::new()));
    }
}

//! The hash of everything that an action's run depends on in the playbooks folder: its own folder, the shared plugins,
//! `ansible.cfg`, and the shared types if it uses them. What a plan pins and an agent checks before it runs.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use chiffon_protocol::canonical;
use sha2::{Digest as _, Sha256};
use walkdir::WalkDir;

use super::shared_types;

/// The SHA-256 over sorted relative paths, executable bits and contents, as 64 hex digits.
pub(super) fn of_action(playbooks: &Path, name: &str) -> io::Result<String> {
    let mut hash = Sha256::new();
    hash_tree(&mut hash, playbooks, &playbooks.join(name))?;
    hash_tree(&mut hash, playbooks, &playbooks.join("plugins"))?;
    hash_tree(&mut hash, playbooks, &playbooks.join("ansible.cfg"))?;
    let spec = std::fs::read_to_string(playbooks.join(name).join("action.yml")).unwrap_or_default();
    if spec.contains(shared_types::PREFIX) {
        hash_tree(&mut hash, playbooks, &playbooks.join(shared_types::FILE))?;
    }
    Ok(canonical::hex(&hash.finalize()))
}

fn hash_tree(hash: &mut Sha256, root: &Path, tree: &Path) -> io::Result<()> {
    if !tree.exists() {
        return Ok(());
    }
    for entry in WalkDir::new(tree).sort_by_file_name().into_iter().filter_entry(|entry| counts(entry.file_name().as_encoded_bytes())) {
        let entry = entry?;
        if entry.file_type().is_dir() {
            continue;
        }
        let path = entry.path();
        let (kind, content) = if entry.file_type().is_symlink() {
            (b'l', std::fs::read_link(path)?.into_os_string().into_encoded_bytes())
        } else {
            let executable = entry.metadata()?.permissions().mode() & 0o111 != 0;
            (if executable { b'x' } else { b'-' }, std::fs::read(path)?)
        };
        let relative = path.strip_prefix(root).unwrap_or(path).as_os_str().as_encoded_bytes();
        // Lengths keep a path from running into its content.
        hash.update((relative.len() as u64).to_be_bytes());
        hash.update(relative);
        hash.update([kind]);
        hash.update((content.len() as u64).to_be_bytes());
        hash.update(&content);
    }
    Ok(())
}

/// Leaves out what running leaves behind.
fn counts(name: &[u8]) -> bool {
    name != b"__pycache__" && !name.ends_with(b".pyc") && !name.ends_with(b".retry")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn everything_the_run_depends_on_changes_the_hash_and_nothing_else_does() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        let write = |path: &str, text: &str| {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(path, text).expect("written");
        };
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
        changes_it("another action, caches, unused types", false);
        write("one/playbook.yml", "- hosts: nas");
        changes_it("the playbook", true);
        write("plugins/modules/it.py", "import os");
        changes_it("a plugin", true);
        write("ansible.cfg", "[defaults]");
        changes_it("the configuration", true);
        fs::set_permissions(root.join("one/playbook.yml"), fs::Permissions::from_mode(0o755)).expect("set");
        changes_it("the executable bit", true);
        write("one/action.yml", "name: one # types#/portal");
        changes_it("the definition", true);
        write("types.json", "{\"portal\": {}}");
        changes_it("a type it uses", true);
    }
}

//! The files that an inventory is made of: which of them are programs or plugins' configurations, whose answer changes without
//! any file being written, and what Ansible passes over in a folder.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use walkdir::WalkDir;

/// Every file with the time it was written; changes when the inventory does.
pub(crate) fn written(path: &Path) -> Vec<(PathBuf, SystemTime)> {
    WalkDir::new(path)
        .follow_links(true)
        .sort_by_file_name()
        .into_iter()
        .flatten()
        .filter_map(|entry| Some((entry.path().to_owned(), entry.metadata().ok()?.modified().ok()?)))
        .collect()
}

/// What Ansible would wait for without end, in the inventory or in the variables beside it.
pub(super) fn no_plain_file(inventory: &Path) -> Option<PathBuf> {
    let beside = inventory.parent().unwrap_or(inventory);
    let read = [inventory.to_owned(), beside.join("group_vars"), beside.join("host_vars")];
    let entries = read.into_iter().flat_map(|path| WalkDir::new(path).follow_links(true).into_iter().flatten());
    let mut others = entries.filter(|entry| !entry.file_type().is_file() && !entry.file_type().is_dir());
    others.next().map(walkdir::DirEntry::into_path)
}

/// The files that Ansible tries as sources of hosts.
pub(super) fn files(path: &Path) -> Vec<PathBuf> {
    WalkDir::new(path)
        .follow_links(true)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| !matches!(entry.file_name().to_str(), Some("group_vars" | "host_vars" | "vars_plugins")))
        .flatten()
        .filter(|entry| entry.file_type().is_file())
        .map(walkdir::DirEntry::into_path)
        .collect()
}

/// Whether its hosts may change without a file being written: it has a program, or a plugin's configuration.
pub(crate) fn is_dynamic(path: &Path) -> bool {
    files(path).iter().any(|file| may_change(file))
}

/// Those whose answer may change.
pub(crate) fn changing(path: &Path) -> Vec<PathBuf> {
    files(path).into_iter().filter(|file| may_change(file)).collect()
}

/// Those that say the same until they are written.
pub(crate) fn fixed(path: &Path) -> Vec<PathBuf> {
    files(path).into_iter().filter(|file| !may_change(file)).collect()
}

/// The same of one file.
pub(super) fn may_change(file: &Path) -> bool {
    is_script(file) || is_plugin(file)
}

/// Whether Ansible runs it.
pub(super) fn is_script(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// Whether Ansible reads it as YAML first.
pub(super) fn is_yaml(file: &Path) -> bool {
    file.extension().and_then(|extension| extension.to_str()).is_some_and(|extension| matches!(extension, "yml" | "yaml" | "json"))
}

fn is_plugin(file: &Path) -> bool {
    let names_one = |text: String| text.lines().any(|line| line.starts_with("plugin:"));
    is_yaml(file) && fs::read_to_string(file).is_ok_and(names_one)
}

/// Files of a folder that look like inventories, and that Ansible passes over for their endings.
pub(super) fn passed_over(path: &Path) -> Vec<String> {
    if !path.is_dir() {
        return Vec::new();
    }
    let is_ini = |file: &PathBuf| file.extension().is_some_and(|extension| extension == "ini");
    files(path).iter().filter(|file| is_ini(file)).filter_map(|file| Some(file.file_name()?.to_string_lossy().into_owned())).collect()
}

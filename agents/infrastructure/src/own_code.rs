//! Plugins and modules that an action brings along: code that Ansible runs as it is, on the agent's machine or on the hosts, in a dry run
//! as well. The content hash binds it; no scan can say what it does, so whoever approves is told of it.

use std::path::{Path, PathBuf};

use super::content_hash::Covered;

/// Folders from which Ansible takes code, beside a playbook and in a role.
const FOLDERS: [&str; 19] = [
    "action_plugins",
    "become_plugins",
    "cache_plugins",
    "callback_plugins",
    "cliconf_plugins",
    "connection_plugins",
    "doc_fragments",
    "filter_plugins",
    "httpapi_plugins",
    "inventory_plugins",
    "library",
    "lookup_plugins",
    "module_utils",
    "netconf_plugins",
    "strategy_plugins",
    "terminal_plugins",
    "test_plugins",
    "vars_plugins",
    // A collection's, and the one that all actions share.
    "plugins",
];
/// Of code that actions share, what runs whether or not a play names it.
const ALWAYS: [&str; 6] = ["callback", "callback_plugins", "vars", "vars_plugins", "cache", "cache_plugins"];
/// Whose parts have other names than their file.
const OF_OTHER_NAMES: [&str; 4] = ["filter", "filter_plugins", "test", "test_plugins"];

/// The paths of this code below the playbooks folder: all that lies in the action's own folder, and what its plays use of that which
/// actions share.
pub(super) fn of(covered: &Covered, name: &str) -> Vec<String> {
    let action = Path::new(name);
    let texts: Vec<String> = covered
        .files
        .iter()
        .filter(|(path, _)| !is_code(path) && (path.starts_with(action) || is_role_of(path, covered, action)))
        .map(|(_, content)| String::from_utf8_lossy(&content.bytes).into_owned())
        .collect();
    let brought = covered.files.iter().filter(|(path, content)| {
        is_code(path) && (path.starts_with(action) || is_used(path, &String::from_utf8_lossy(&content.bytes), &texts))
    });
    brought.map(|(path, _)| path.display().to_string()).collect()
}

fn is_code(path: &Path) -> bool {
    let folders = path.parent().into_iter().flat_map(Path::components);
    let in_folder = folders.filter_map(|part| part.as_os_str().to_str()).any(|part| FOLDERS.contains(&part));
    let is_documentation =
        path.extension().is_some_and(|extension| ["md", "rst", "yml", "yaml", "txt"].iter().any(|text| extension == *text));
    in_folder && !is_documentation && path.file_stem().is_none_or(|stem| stem != "__init__" && stem != ".gitkeep")
}

/// Whether a shared file belongs to a role or a collection that the action names.
fn is_role_of(path: &Path, covered: &Covered, action: &Path) -> bool {
    let parts: Vec<&str> = path.components().filter_map(|part| part.as_os_str().to_str()).collect();
    let named = match parts.as_slice() {
        ["roles", role, ..] => (*role).to_owned(),
        ["collections", "ansible_collections", namespace, collection, ..] | ["ansible_collections", namespace, collection, ..] => {
            format!("{namespace}.{collection}")
        }
        _ => return false,
    };
    let own = covered.files.iter().filter(|(path, _)| path.starts_with(action) && !is_code(path));
    own.map(|(_, content)| String::from_utf8_lossy(&content.bytes)).any(|text| has_word(&text, &named))
}

/// Whether a play names this shared code, or it runs in every play.
fn is_used(path: &Path, code: &str, texts: &[String]) -> bool {
    let kind = kind(path);
    if ALWAYS.contains(&kind.as_str()) {
        return true;
    }
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let mut names = vec![stem];
    if OF_OTHER_NAMES.contains(&kind.as_str()) {
        names.extend(quoted_words(code));
        return names.iter().any(|name| texts.iter().any(|text| is_applied(text, name)));
    }
    names.iter().any(|name| texts.iter().any(|text| has_word(text, name)))
}

/// The folder that says what it is: `library`, `filter_plugins`, or `filter` below `plugins`.
fn kind(path: &Path) -> String {
    let parts: Vec<PathBuf> = path.components().map(|part| PathBuf::from(part.as_os_str())).collect();
    let at = parts.iter().position(|part| part.to_str().is_some_and(|part| FOLDERS.contains(&part)));
    let below = at.map(|at| if parts[at].as_os_str() == "plugins" { at + 1 } else { at });
    below.and_then(|at| parts.get(at)).map(|part| part.display().to_string()).unwrap_or_default()
}

fn is_of_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(start, _)| {
        let (before, after) = (text.get(..start).unwrap_or_default(), text.get(start + word.len()..).unwrap_or_default());
        !before.ends_with(is_of_word) && !after.starts_with(is_of_word)
    })
}

/// Whether a text applies a filter or a test of this name.
fn is_applied(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(start, _)| {
        let before = text.get(..start).unwrap_or_default().trim_end();
        let whole = before.rsplit(|letter: char| !is_of_word(letter) && letter != '.').next().unwrap_or_default();
        let before = before.strip_suffix(whole).unwrap_or(before).trim_end();
        let ends = text.get(start + name.len()..).is_some_and(|after| !after.starts_with(is_of_word));
        ends && (whole.is_empty() || whole.ends_with('.')) && before.ends_with('|') || ends && matches!(whole, "is" | "not")
    })
}

fn quoted_words(code: &str) -> Vec<String> {
    let parts = code.split(['"', '\'']).filter(|part| !part.is_empty() && part.chars().all(is_of_word));
    parts.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let folder = tempfile::tempdir().expect("a folder");
        for (path, text) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, text).expect("written");
        }
        of(&Covered::read(folder.path(), "act").expect("is read"), "act")
    }

    #[test]
    fn code_of_every_kind_in_the_actions_own_folder_is_named_its_roles_and_collections_among_it() {
        let paths = [
            "act/action_plugins/a.py",
            "act/callback_plugins/b.py",
            "act/collections/ansible_collections/x/y/plugins/modules/c.py",
            "act/filter_plugins/d.py",
            "act/library/e",
            "act/lookup_plugins/f.py",
            "act/module_utils/deep/g.py",
            "act/roles/web/library/h.py",
            "act/roles/web/vars_plugins/i.py",
            "act/strategy_plugins/j.py",
        ];
        let mut files: Vec<(&str, &str)> = paths.iter().map(|path| (*path, "import os")).collect();
        files.extend([("act/playbook.yml", "- hosts: all\n"), ("act/library/README.md", "x"), ("act/templates/library.j2", "x")]);
        assert_eq!(found(&files), paths);
    }

    #[test]
    fn of_shared_code_what_a_play_uses_is_named_and_what_runs_in_every_play() {
        let files = [
            (
                "act/playbook.yml",
                "- hosts: all\n  roles: [web]\n  tasks:\n  - mine: {x: \"{{ y | own.kept }}\"}\n  - debug: {msg: \"{{ x is not shiny }}\"}\n",
            ),
            ("plugins/modules/mine.py", ""),
            ("plugins/modules/mine_too.py", ""),
            ("plugins/filter/some.py", "return {\"kept\": kept}"),
            ("plugins/filter/others.py", "return {'mine': x, \"shin\": y}"),
            ("plugins/test/some.py", "return {'shiny': x}"),
            ("plugins/callback/told.py", ""),
            ("roles/web/tasks/main.yml", "- theirs: {}\n"),
            ("roles/web/library/theirs.py", ""),
            ("roles/db/tasks/main.yml", "- db: {}\n"),
            ("roles/db/library/db.py", ""),
        ];
        assert_eq!(
            found(&files),
            [
                "plugins/callback/told.py",
                "plugins/filter/some.py",
                "plugins/modules/mine.py",
                "plugins/test/some.py",
                "roles/web/library/theirs.py"
            ]
        );
    }
}

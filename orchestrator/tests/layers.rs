//! Modules import downwards only: `domain <- {store, planner, audit_repo} <- verbs <- {http, deliveries, chores} <- app`.
//! A drawing that nobody checks is decoration.

use std::fs;
use std::path::{Path, PathBuf};

/// What each module may import, itself aside.
const LAYERS: [(&str, &[&str]); 9] = [
    ("domain", &[]),
    ("store", &["domain"]),
    ("planner", &["domain"]),
    ("audit_repo", &["domain"]),
    ("verbs", &["domain", "store", "planner", "audit_repo"]),
    ("http", &["domain", "store", "planner", "audit_repo", "verbs"]),
    ("chores", &["domain", "store", "planner", "audit_repo", "verbs"]),
    ("deliveries", &["domain", "store", "planner", "audit_repo", "verbs", "chores"]),
    ("app", &["domain", "store", "planner", "audit_repo", "verbs", "http", "deliveries", "chores"]),
];

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of sources").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

#[test]
fn modules_import_downwards_only() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for path in files(&source) {
        let relative = path.strip_prefix(&source).expect("below").to_string_lossy().into_owned();
        let own = relative.split('/').next().unwrap_or_default().trim_end_matches(".rs").to_owned();
        if own == "lib" {
            continue;
        }
        let (_, allowed) = LAYERS.iter().find(|(name, _)| *name == own).unwrap_or_else(|| panic!("src/{relative} belongs to no layer"));
        let text = fs::read_to_string(&path).expect("a source file");
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for rest in line.split("crate::").skip(1) {
                let imported: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                let known = LAYERS.iter().any(|(name, _)| *name == imported);
                if known && imported != own && !allowed.contains(&imported.as_str()) {
                    wrong.push(format!("src/{relative} imports {imported}: {}", line.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

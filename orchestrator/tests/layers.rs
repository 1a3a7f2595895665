//! What may import what: crates downwards only, and in each crate of the orchestrator its floors
//! `domain <- {store, planner, audit_repo} <- verbs <- {http, deliveries, chores}`. A drawing that nobody checks is decoration.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The crates of the orchestrator, each with those of them that it may depend on.
const ROOMS: [(&str, &[&str]); 9] = [
    ("kernel", &[]),
    ("plans", &["kernel"]),
    ("models", &["kernel"]),
    ("fleet", &["kernel", "plans"]),
    ("planning", &["kernel", "plans", "models"]),
    ("records", &["kernel", "plans"]),
    ("engine", &["kernel", "plans", "fleet", "records"]),
    ("requests", &["kernel", "plans", "models", "fleet", "planning", "records", "engine"]),
    ("orchestrator", &["kernel", "plans", "models", "fleet", "planning", "records", "engine", "requests"]),
];

/// The other crates, each with those of the project that it may depend on outside of tests.
const OTHERS: [(&str, &[&str]); 5] = [
    ("protocol", &[]),
    ("process", &["protocol"]),
    ("bus", &["protocol", "process"]),
    ("nodes", &["protocol", "process"]),
    ("agents", &["protocol", "process", "bus"]),
];

/// What each folder of a crate may import of the same crate, itself aside.
const FLOORS: [(&str, &[&str]); 9] = [
    ("domain", &[]),
    ("store", &["domain"]),
    ("planner", &["domain"]),
    ("audit_repo", &["domain"]),
    ("verbs", &["domain", "store", "planner", "audit_repo"]),
    ("http", &["domain", "store", "planner", "audit_repo", "verbs"]),
    ("chores", &["domain", "store", "planner", "audit_repo", "verbs"]),
    ("deliveries", &["domain", "store", "planner", "audit_repo", "verbs", "chores"]),
    ("part", &["domain", "store", "planner", "audit_repo", "verbs", "http", "chores", "deliveries"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn folder(name: &str) -> PathBuf {
    match name {
        "orchestrator" => root().join("orchestrator"),
        room if ROOMS.iter().any(|(known, _)| *known == room) => root().join("orchestrator").join(room),
        other => root().join(other),
    }
}

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

/// The crates of the project that this one depends on, tests aside.
fn dependencies(name: &str) -> Vec<String> {
    let manifest = fs::read_to_string(folder(name).join("Cargo.toml")).expect("a manifest");
    let (_, from) = manifest.split_once("[dependencies]\n").expect("dependencies");
    let lines = from.lines().take_while(|line| !line.starts_with('['));
    lines.filter_map(|line| Some(line.strip_prefix("chiffon-")?.split_once('.')?.0.to_owned())).collect()
}

#[test]
fn crates_depend_downwards_only() {
    let below: &[&str] = &["protocol", "process", "bus"];
    let mut wrong = Vec::new();
    for (name, allowed) in ROOMS.into_iter().chain(OTHERS) {
        let is_room = ROOMS.iter().any(|(room, _)| *room == name);
        for dependency in dependencies(name) {
            let is_allowed = allowed.contains(&dependency.as_str()) || (is_room && below.contains(&dependency.as_str()));
            if !is_allowed {
                wrong.push(format!("{name} depends on {dependency}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_crate_of_the_orchestrator_is_looked_at() {
    let folders = fs::read_dir(root().join("orchestrator")).expect("a folder").flatten().map(|entry| entry.path());
    let mut found: Vec<String> = folders
        .filter(|path| path.join("Cargo.toml").exists())
        .map(|path| path.file_name().expect("a name").to_string_lossy().into_owned())
        .collect();
    found.sort();
    let mut known: Vec<String> = ROOMS.iter().map(|(name, _)| (*name).to_owned()).filter(|name| name != "orchestrator").collect();
    known.sort();
    assert_eq!(found, known, "a crate of the orchestrator that the layers do not name");
}

/// The floors below a file that it names, with the line.
fn imported(path: &Path) -> Vec<(String, String)> {
    let text = fs::read_to_string(path).expect("a source file");
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| {
        let names = line.split("crate::").skip(1).map(|rest| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect());
        names.map(|name: String| (name, line.trim().to_owned())).collect::<Vec<_>>()
    })
    .collect()
}

#[test]
fn modules_import_downwards_only() {
    let floors: BTreeMap<&str, &[&str]> = FLOORS.into_iter().collect();
    let mut wrong = Vec::new();
    for (room, _) in ROOMS {
        let source = folder(room).join("src");
        for path in files(&source) {
            let relative = path.strip_prefix(&source).expect("below").to_string_lossy().into_owned();
            let own = relative.split('/').next().unwrap_or_default().trim_end_matches(".rs").to_owned();
            if own == "lib" || own == "app" {
                continue;
            }
            let Some(allowed) = floors.get(own.as_str()) else {
                wrong.push(format!("{room}/src/{relative} belongs to no floor"));
                continue;
            };
            for (name, line) in imported(&path) {
                if floors.contains_key(name.as_str()) && name != own && !allowed.contains(&name.as_str()) {
                    wrong.push(format!("{room}/src/{relative} imports {name}: {line}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

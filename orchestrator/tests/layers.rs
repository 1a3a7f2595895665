//! What may import what: crates downwards only, and in each crate of the orchestrator its floors
//! `domain <- {store, planner, audit_repo} <- verbs <- {http, deliveries, chores}`. A drawing that nobody checks is decoration.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The crates of the orchestrator, each with those of them that it may depend on.
const ROOMS: [(&str, &[&str]); 13] = [
    ("kernel", &[]),
    ("oidc", &["kernel"]),
    ("plans", &["kernel"]),
    ("models", &["kernel"]),
    ("fleet", &["kernel", "plans"]),
    ("planning", &["kernel", "plans", "models"]),
    ("records", &["kernel", "plans"]),
    ("engine", &["kernel", "plans", "fleet", "records"]),
    ("requests", &["kernel", "plans", "models", "fleet", "planning", "records", "engine"]),
    ("postmortem", &["kernel"]),
    ("notify", &["kernel", "requests"]),
    ("hooks", &["kernel", "requests"]),
    (
        "orchestrator",
        &["kernel", "oidc", "plans", "models", "fleet", "planning", "records", "engine", "requests", "postmortem", "notify", "hooks"],
    ),
];

/// The other crates, each with those of the project that it may depend on outside of tests.
const OTHERS: [(&str, &[&str]); 8] = [
    ("protocol", &[]),
    ("process", &["protocol"]),
    ("bus", &["protocol", "process"]),
    ("traces", &["process"]),
    ("nodes", &["protocol", "process"]),
    ("worker", &["protocol", "process", "bus"]),
    ("infrastructure", &["protocol", "process", "worker"]),
    ("desktop", &["protocol", "process", "worker"]),
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
        "worker" | "infrastructure" | "desktop" => root().join("agents").join(name),
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
fn every_crate_of_the_orchestrator_and_of_the_agents_is_looked_at() {
    let crates = |place: &str| -> Vec<String> {
        let folders = fs::read_dir(root().join(place)).expect("a folder").flatten().map(|entry| entry.path());
        let crates = folders.filter(|path| path.join("Cargo.toml").exists());
        crates.map(|path| path.file_name().expect("a name").to_string_lossy().into_owned()).collect()
    };
    let found: BTreeSet<String> = crates("orchestrator").into_iter().collect();
    let known: BTreeSet<String> = ROOMS.iter().map(|(name, _)| (*name).to_owned()).filter(|name| name != "orchestrator").collect();
    let found: BTreeSet<String> = found.into_iter().filter(|name| name != "harness").collect();
    assert_eq!(found, known, "a crate of the orchestrator that the layers do not name");
    let kinds: Vec<String> = crates("agents").into_iter().filter(|name| name != "harness").collect();
    let unknown: Vec<&String> = kinds.iter().filter(|kind| !OTHERS.iter().any(|(name, _)| name == kind)).collect();
    assert!(unknown.is_empty(), "crates of the agents that the layers do not name: {unknown:#?}");
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

/// Who writes a table that is another crate's, and why: `(table, crate, why)`. Each other table is written by one crate.
const WRITERS: [(&str, &str, &str); 16] = [
    ("agents", "engine", "a peer without signatures is let in and dismissed in the transaction that looks at its work"),
    ("approval_links", "orchestrator", "lets go what is old"),
    ("idempotency_keys", "orchestrator", "lets go what is old"),
    ("leases", "engine", "a restored database ends all leases in the transaction that fences its tasks"),
    ("llm_calls", "orchestrator", "lets go the texts of old answers"),
    ("login_links", "orchestrator", "lets go what is old"),
    ("outbox", "engine", "a restored database drops what was about to be sent in the transaction that fences its tasks"),
    ("request_events", "orchestrator", "lets go what is old"),
    ("requests", "models", "what was spent on a request stands in its row, and is its budget's lock"),
    ("requests", "engine", "what a request waits for is what its tasks wait for"),
    ("sessions", "orchestrator", "lets go what is old"),
    ("task_attempts", "records", "a sealed log's digest stands in its attempt's row"),
    ("tasks", "records", "the commit of a task's record stands in its row"),
    ("tasks", "fleet", "the variables that a preview was made with stand in its task's row"),
    ("execution_logs_default", "orchestrator", "lets go what is old, where no partition was there for it"),
    ("resource_metrics_default", "orchestrator", "lets go what is old, where no partition was there for it"),
];

/// The crate to which a table belongs, where more than one writes it.
const OWNERS: [(&str, &str); 14] = [
    ("agents", "fleet"),
    ("approval_links", "requests"),
    ("idempotency_keys", "kernel"),
    ("leases", "kernel"),
    ("llm_calls", "models"),
    ("login_links", "kernel"),
    ("outbox", "kernel"),
    ("request_events", "kernel"),
    ("requests", "requests"),
    ("sessions", "kernel"),
    ("task_attempts", "engine"),
    ("tasks", "engine"),
    ("execution_logs_default", "engine"),
    ("resource_metrics_default", "fleet"),
];

/// The tables that a text's statements write.
fn written(text: &str) -> BTreeSet<String> {
    let words: Vec<&str> =
        text.split(|letter: char| letter.is_whitespace() || "\"(".contains(letter)).filter(|word| !word.is_empty()).collect();
    let mut tables = BTreeSet::new();
    for (at, word) in words.iter().enumerate() {
        let follows = |offset: usize| words.get(at + offset).copied().unwrap_or_default();
        let table = match (*word, follows(1)) {
            ("INSERT", "INTO") | ("DELETE", "FROM") => follows(2),
            ("UPDATE", table) if follows(2) == "SET" || follows(3) == "SET" || follows(4) == "SET" => table,
            _ => continue,
        };
        let name: String = table.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
        if !name.is_empty() {
            tables.insert(name);
        }
    }
    tables
}

#[test]
fn one_crate_writes_each_table() {
    let mut writers: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for (room, _) in ROOMS {
        for path in files(&folder(room).join("src")) {
            for table in written(&fs::read_to_string(&path).expect("a source file")) {
                writers.entry(table).or_default().insert(room);
            }
        }
    }
    let owners: BTreeMap<&str, &str> = OWNERS.into_iter().collect();
    let excepted: BTreeSet<(&str, &str)> = WRITERS.iter().map(|(table, room, _)| (*table, *room)).collect();
    let mut wrong = Vec::new();
    for (table, rooms) in &writers {
        let others = rooms.iter().filter(|room| owners.get(table.as_str()).is_some_and(|owner| owner != *room));
        wrong.extend(others.filter(|room| !excepted.contains(&(table.as_str(), **room))).map(|room| format!("{room} writes {table}")));
        if rooms.len() > 1 && !owners.contains_key(table.as_str()) {
            wrong.push(format!("{table} is written by {rooms:?}, and nobody owns it"));
        }
    }
    for (table, room) in excepted {
        if !writers.get(table).is_some_and(|rooms| rooms.contains(room)) {
            wrong.push(format!("{room} does not write {table} any more: take the exception out"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(writers.len() > 25, "the statements are not found any more: {:?}", writers.keys());
}

/// What the orchestrator may say about infrastructure without meaning a kind of agents.
const NO_KIND: [&str; 2] = ["You plan infrastructure changes for Chiffon.", "Ask for infrastructure changes in plain words;"];

#[test]
fn the_orchestrator_names_no_kind_of_agents() {
    let mut named = Vec::new();
    for (room, _) in ROOMS {
        for path in files(&folder(room).join("src")).into_iter().filter(|path| !path.to_string_lossy().ends_with("_tests.rs")) {
            let source = product(&fs::read_to_string(&path).expect("a source file"));
            let lines = source.lines().filter(|line| !NO_KIND.iter().any(|sentence| line.contains(sentence)));
            let naming = lines.filter(|line| words(line).any(|word| ["infrastructure", "desktop"].contains(&word.to_lowercase().as_str())));
            named.extend(naming.map(|line| format!("{}: {}", path.display(), line.trim())));
        }
    }
    assert!(named.is_empty(), "ask the table of kinds instead: {named:#?}");
}

/// What only tests call, and why it stands with the product.
const FOR_TESTS: [(&str, &str); 4] = [
    ("delete_vhost", "private brokers are the tests', and are managed where they are started"),
    ("publish_again", "private brokers are the tests', and are managed where they are started"),
    ("shadow", "private brokers are the tests', and are managed where they are started"),
    ("take_messages", "private brokers are the tests', and are managed where they are started"),
];

/// A source without its comments and without its own tests.
fn product(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    code.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_')).filter(|word| !word.is_empty())
}

#[test]
fn nothing_is_offered_that_nobody_calls() {
    let sources = |crates: &[&str]| -> Vec<String> {
        let paths = crates.iter().flat_map(|name| files(&folder(name).join("src")));
        paths.map(|path| product(&fs::read_to_string(path).expect("a source file"))).collect()
    };
    let rooms = ROOMS.map(|(name, _)| name);
    let products = sources(
        &[&["protocol", "process", "bus", "traces", "nodes", "worker", "infrastructure", "desktop", "cli", "simulation"], &rooms[..]]
            .concat(),
    );
    let around = sources(&["bench", "e2e", "testkit", "fuzz", "agents/harness", "orchestrator/harness"]);
    let mut said: BTreeMap<&str, usize> = BTreeMap::new();
    products.iter().chain(&around).flat_map(|source| words(source)).for_each(|word| *said.entry(word).or_default() += 1);
    let lines = products.iter().flat_map(|source| source.lines()).filter(|line| line.trim_start().starts_with("pub"));
    let offered: BTreeSet<&str> = lines.filter_map(|line| words(line).skip_while(|word| *word != "fn").nth(1)).collect();
    let excepted: BTreeSet<&str> = FOR_TESTS.iter().map(|(name, _)| *name).collect();
    let idle: Vec<&&str> = offered.iter().filter(|name| said[**name] == 1 && !excepted.contains(**name)).collect();
    assert!(idle.is_empty(), "nobody calls these; delete them: {idle:#?}");
    assert!(offered.len() > 500, "the functions are not found any more: {}", offered.len());
}

//! Everything that a secret could leak into, as text, and where a part of one stands in it.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use chiffon_e2e::{Api, Fleet};
use chiffon_nodes::Management;
use serde_json::Value;

pub(super) const PATIENCE: Duration = Duration::from_secs(40);
/// So many letters of a secret in a row are a leak.
const PART: usize = 8;

/// Every part of every spelling.
pub(super) struct Needles {
    parts: HashMap<Vec<char>, String>,
}

impl Needles {
    pub(super) fn of(spellings: &[String]) -> Self {
        let mut parts = HashMap::new();
        for spelling in spellings {
            for line in spelling.lines().filter(|line| !line.starts_with("-----")) {
                let letters = compact(line);
                parts.extend(letters.windows(PART).map(|part| (part.to_vec(), spelling.clone())));
            }
        }
        Self { parts }
    }

    /// Each place of a text in which a part stands, with what stands around.
    pub(super) fn found_in(&self, place: &str, text: &str) -> Vec<String> {
        let (mut found, mut last) = (Vec::new(), None);
        for line in text.lines() {
            let letters = compact(line);
            for (at, part) in letters.windows(PART).enumerate() {
                if let Some(spelling) = self.parts.get(part).filter(|spelling| last != Some(*spelling)) {
                    let around: String = letters[at.saturating_sub(60)..(at + 60).min(letters.len())].iter().collect();
                    found.push(format!("{place}: of {spelling:?}: … {around} …"));
                    last = Some(spelling);
                }
            }
        }
        found.truncate(12);
        found
    }
}

/// Without what JSON and PostgreSQL put between letters.
fn compact(text: &str) -> Vec<char> {
    text.replace("\\n", "").chars().filter(|letter| !matches!(letter, '\\' | '"' | '\'') && !letter.is_whitespace()).collect()
}

/// Every answer that tells of these requests, and of everything else.
pub(super) async fn answers(api: &Api, requests: &[String]) -> Vec<(String, String)> {
    let mut paths: Vec<String> = [
        "/requests",
        "/actions",
        "/actions/make_accounts",
        "/agents",
        "/agents/capacity",
        "/audit",
        "/audit/verify",
        "/costs",
        "/dead-letters",
        "/background",
        "/health",
        "/metrics",
        "/keys",
        "/tokens",
    ]
    .map(str::to_owned)
    .into();
    for id in requests {
        let request = api.request(id).await;
        paths.extend([format!("/request/{id}"), format!("/request/{id}/events")]);
        for task in request["tasks"].as_array().expect("tasks") {
            let task = task["task_id"].as_str().expect("an id");
            paths.extend([format!("/tasks/{task}"), format!("/tasks/{task}/logs?limit=1000")]);
        }
    }
    let mut told = Vec::new();
    for path in paths {
        let (status, body) = api.get_text(&path).await;
        assert_eq!(status, 200, "{path}: {body}");
        // Line by line, as people see it.
        let text = serde_json::from_str::<Value>(&body).map_or(body, |read| serde_json::to_string_pretty(&read).unwrap_or_default());
        told.push((format!("GET {path}"), text));
    }
    told
}

/// Every object of a repository.
pub(super) fn repository(path: &Path) -> String {
    let output = Command::new("git").arg("-C").arg(path).args(["cat-file", "--batch-all-objects", "--batch"]).output().expect("git runs");
    assert!(output.status.success() && !output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The bodies that a queue has got.
pub(super) async fn messages(management: &Management, vhost: &str, queue: &str) -> String {
    let mut bodies = String::new();
    loop {
        let taken = management.take_messages(vhost, queue, 200).await.expect("messages");
        if taken.is_empty() {
            break;
        }
        for message in taken {
            bodies.push_str(&decoded(message["payload"].as_str().unwrap_or_default()));
            bodies.push('\n');
        }
    }
    assert!(bodies.contains("work_result"), "the bus was heard: {bodies}");
    bodies
}

fn decoded(base64: &str) -> String {
    let mut child = Command::new("base64").arg("-d").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it runs");
    child.stdin.take().expect("a pipe").write_all(base64.as_bytes()).expect("written");
    String::from_utf8_lossy(&child.wait_with_output().expect("it ends").stdout).into_owned()
}

/// What the command line shows.
pub(super) fn verbs(fleet: &Fleet, requests: &[String]) -> Vec<(String, String)> {
    let verbs = ["show", "why", "logs"].into_iter().flat_map(|verb| requests.iter().map(move |id| [verb, id.as_str()]));
    let told = verbs.map(|args| {
        let mut command = fleet.home.command(&args);
        command.env("CHIFFON_URL", fleet.api().address()).env("CHIFFON_TOKEN", fleet.token());
        let output = command.output().expect("it runs");
        assert!(!output.stdout.is_empty(), "chiffon {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        (format!("chiffon {}", args[0]), String::from_utf8_lossy(&output.stdout).into_owned())
    });
    told.collect()
}

/// The rows of a dump, with what it writes as hexadecimal bytes as text too. Names of tables and migrations are ours, and one is a word of a
/// secret.
pub(super) fn rows(dump: &str) -> String {
    let (before, migrations) = dump.split_once("COPY public._sqlx_migrations ").expect("the migrations are in the dump");
    let (_, after) = migrations.split_once("\n\\.\n").expect("and end");
    let is_row = |line: &&str| !line.starts_with("-- ") && !line.starts_with("COPY public.");
    let dump: String = [before, after].into_iter().flat_map(str::lines).filter(is_row).flat_map(|line| [line, "\n"]).collect();
    let bodies = dump.split("\\\\x").skip(1).map(|part| {
        let digits: Vec<u8> = part.bytes().take_while(u8::is_ascii_hexdigit).collect();
        let octets = digits.chunks_exact(2).filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
        format!("{}\n", String::from_utf8_lossy(&octets.collect::<Vec<u8>>()))
    });
    format!("{dump}\n{}", bodies.collect::<String>())
}

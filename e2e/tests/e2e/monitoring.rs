//! What `deploy/` has for monitoring fits what a running Chiffon tells: every metric of the alerts and the dashboard is there, every
//! expression is one, and `promtool` finds nothing to say about `/metrics`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use chiffon_e2e::{Finished, Home};
use chiffon_testkit::{not_run, until};
use serde_json::Value;

fn deploy(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(path)
}

/// Whether promtool is there.
fn has_promtool(test: &str) -> bool {
    let is_there = Command::new("promtool").arg("--version").output().is_ok();
    if !is_there {
        not_run(test, "promtool is not there; `make setup` installs it with prometheus");
    }
    is_there
}

fn promtool(args: &[&str], input: &str) -> Finished {
    let mut command = Command::new("promtool");
    let piped = command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = piped.spawn().expect("promtool starts");
    process.stdin.take().expect("its input").write_all(input.as_bytes()).expect("it reads");
    process.wait_with_output().expect("it ends").into()
}

/// The expressions of the dashboard, with what Grafana fills in filled in.
fn dashboard() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(&fs::read_to_string(deploy("grafana/chiffon.json")).expect("it is there")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let expressions = targets.map(|target| target["expr"].as_str().expect("an expression"));
    expressions.map(|text| text.replace("$__rate_interval", "5m").replace("$instance", ".*")).collect()
}

/// The names in a text that are metrics of Chiffon.
fn metrics(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
    words.filter(|word| word.starts_with("chiffon_")).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_running_chiffon_tells_all_that_the_alerts_and_the_dashboard_use() {
    if !has_promtool("monitoring: promtool over what a running Chiffon tells") {
        return;
    }
    let home = Home::new();
    let mut up = home.up(&["--bus", "memory"]);
    let api = home.api();
    let id = api.ask("Show the disk usage of nas").await;
    api.request_when(&id, &["completed"]).await;
    // The invariants are told once they were looked at, and agents how busy they are with their next heartbeat.
    let text = until("the invariants to be told", Duration::from_secs(90), || async {
        let (status, text) = api.get_text("/metrics").await;
        (status == 200
            && ["chiffon_invariant_violations{", "chiffon_agent_cpu_used_ratio{agent=\"infrastructure-"]
                .iter()
                .all(|name| text.contains(name)))
        .then(|| text.clone())
        .ok_or(text)
    })
    .await;
    let checked = promtool(&["check", "metrics"], &text).expect_code(0);
    assert_eq!((checked.stdout.trim(), checked.stderr.trim()), ("", ""), "promtool finds something in\n{text}");
    assert!(text.contains("chiffon_events_total{event=\"request.completed\"} 1\n"), "{text}");
    let mut told: BTreeSet<String> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next().map(str::to_owned)).collect();
    for of_histogram in ["bucket", "sum", "count"] {
        told.insert(format!("chiffon_http_request_duration_seconds_{of_histogram}"));
    }
    let rules = fs::read_to_string(deploy("prometheus/chiffon.rules.yml")).expect("it is there");
    let used = rules.lines().filter_map(|line| line.trim().strip_prefix("expr: ").map(str::to_owned)).chain(dashboard());
    let used: BTreeSet<String> = used.flat_map(|expression| metrics(&expression)).collect();
    assert!(used.len() > 25, "{used:?}");
    let unknown: Vec<&String> = used.difference(&told).collect();
    assert!(unknown.is_empty(), "nothing tells {unknown:?}");
    assert_eq!(up.stop(Duration::from_secs(40)), Some(0), "{}", up.said());
}

#[test]
fn every_expression_is_one_and_every_alert_fires_when_it_should() {
    if !has_promtool("monitoring: promtool over alerts and dashboard") {
        return;
    }
    let path = |path: &str| deploy(path).to_string_lossy().into_owned();
    drop(promtool(&["check", "rules", &path("prometheus/chiffon.rules.yml")], "").expect_code(0));
    drop(promtool(&["test", "rules", &path("prometheus/tests/chiffon.test.yml")], "").expect_code(0));
    let mut rules = "groups:\n  - name: dashboard\n    rules:\n".to_owned();
    for (number, expression) in dashboard().iter().enumerate() {
        // A JSON text is a YAML text.
        let _ = writeln!(rules, "      - record: panel:{number}\n        expr: {}", Value::from(expression.as_str()));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("dashboard.yml");
    fs::write(&file, rules).expect("written");
    drop(promtool(&["check", "rules", &file.to_string_lossy()], "").expect_code(0));
}

#[test]
fn every_alert_has_a_test_in_which_it_fires() {
    let read = |path: &str| fs::read_to_string(deploy(path)).expect("it is there");
    let (rules, tests) = (read("prometheus/chiffon.rules.yml"), read("prometheus/tests/chiffon.test.yml"));
    let mut tested: BTreeSet<&str> = BTreeSet::new();
    let mut asked = None;
    for line in tests.lines().map(str::trim) {
        if line.starts_with("- expr: ") && line.contains("alertstate=\"firing\"") {
            asked = line.split_once("alertname=\"").and_then(|(_, rest)| rest.split_once('"')).map(|(name, _)| name);
        }
        if line.starts_with("exp_samples: [{")
            && let Some(alert) = asked.take()
        {
            tested.insert(alert);
        }
    }
    let alerts: BTreeSet<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() > 20, "{alerts:?}");
    let untested: Vec<&&str> = alerts.difference(&tested).collect();
    assert!(untested.is_empty(), "nothing shows that {untested:?} fire");
}

#[test]
fn every_alert_leads_to_a_part_of_the_documentation_that_is_there() {
    let rules = fs::read_to_string(deploy("prometheus/chiffon.rules.yml")).expect("it is there");
    let alerts = rules.lines().filter(|line| line.trim().starts_with("- alert: ")).count();
    let pages: Vec<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("page: ")).collect();
    assert!(alerts > 10 && pages.len() == alerts, "{alerts} alerts, {} pages", pages.len());
    for page in pages {
        let (file, anchor) = page.split_once('#').expect("a part of a page");
        let text = fs::read_to_string(deploy("..").join(file)).unwrap_or_else(|error| panic!("{page}: {error}"));
        let is_there = text.lines().filter(|line| line.starts_with('#')).any(|line| slug(line) == anchor);
        assert!(is_there, "{file} has no heading for #{anchor}");
    }
}

/// The anchor of a heading.
fn slug(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    words
        .chars()
        .filter(|letter| letter.is_alphanumeric() || *letter == ' ' || *letter == '-')
        .map(|letter| if letter == ' ' { '-' } else { letter })
        .collect()
}

//! `chiffon doctor`: what this machine has, and what to do about what it lacks. Where a Chiffon runs, it is asked how it is, too.

use std::process::Command;

use chiffon_infrastructure::Catalogue;
use serde_json::{Value, json};

use super::playbooks;
use crate::args::{Global, Output};
use crate::client::{Api, rows};
use crate::config::{self, Config};
use crate::data_dir::DataDir;
use crate::exit::{Exit, Failure, Outcome};
use crate::show::style::paint;
use crate::show::table;
use crate::show::text::{line, said};

/// One thing that was looked at.
struct Finding {
    what: String,
    ok: bool,
    text: String,
}

/// Looks at everything; fails when something has to be fixed.
pub async fn run(global: &Global) -> Outcome {
    let mut findings = vec![
        program("ansible", "ansible-playbook", "apt-get install ansible"),
        node("postgresql", chiffon_nodes::postgres_is_installed(), "apt-get install postgresql"),
        node("rabbitmq", chiffon_nodes::rabbitmq_is_installed(), "apt-get install rabbitmq-server (without it, the bus runs in process)"),
        program("git", "git", "apt-get install git (only to look at the audit repository)"),
        configuration(global),
    ];
    let is_up = global.url.is_some() || DataDir::choose(global.data_dir.as_deref()).is_ok_and(|data_dir| data_dir.url().exists());
    if is_up {
        findings.extend(running(global).await);
    } else {
        // One that runs has found its actions already, wherever this is asked.
        findings.push(actions());
        findings.push(Finding { what: "chiffon".to_owned(), ok: true, text: "not running here (chiffon up)".to_owned() });
    }
    let healthy = findings.iter().all(|finding| finding.ok);
    let items: Vec<_> = findings.iter().map(|finding| json!({"check": finding.what, "ok": finding.ok, "text": finding.text})).collect();
    if !table::json(global.output, &json!({"ok": healthy, "items": items})) && global.output == Output::Text {
        for finding in &findings {
            let mark = if finding.ok { paint("32", "ok ") } else { paint("31", "fix") };
            println!("{mark} {:<14} {}", finding.what, finding.text);
        }
    }
    Ok(if healthy { Exit::Done } else { Exit::Failed })
}

fn program(what: &str, name: &str, fix: &str) -> Finding {
    let version = Command::new(name).arg("--version").output().ok().filter(|output| output.status.success());
    let text = version.map(|output| String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned());
    Finding { what: what.to_owned(), ok: text.is_some(), text: text.unwrap_or_else(|| format!("{name} is not installed: {fix}")) }
}

fn node(what: &str, installed: bool, fix: &str) -> Finding {
    let text = if installed { "installed".to_owned() } else { format!("not installed: {fix}") };
    Finding { what: what.to_owned(), ok: installed, text }
}

fn configuration(global: &Global) -> Finding {
    let read = config::layers(global.config.as_deref()).and_then(|layers| layers.read::<Config>());
    let text = match &read {
        Ok(_) => "can be used".to_owned(),
        Err(error) => error.to_string(),
    };
    Finding { what: "configuration".to_owned(), ok: read.is_ok(), text }
}

fn actions() -> Finding {
    match playbooks::find(None) {
        Ok(folder) => match Catalogue::load(&folder) {
            Ok(catalogue) => in_order(&folder.display().to_string(), catalogue.problems.values().map(|problem| line(&problem.message))),
            Err(problem) => Finding { what: "actions".to_owned(), ok: false, text: problem.message },
        },
        Err(failure) => Finding { what: "actions".to_owned(), ok: false, text: failure.message },
    }
}

/// Fine, unless something is left out.
fn in_order(fine: &str, left_out: impl Iterator<Item = String>) -> Finding {
    let left_out: Vec<String> = left_out.collect();
    let text = if left_out.is_empty() { fine.to_owned() } else { format!("not offered: {}", left_out.join("; ")) };
    Finding { what: "actions".to_owned(), ok: left_out.is_empty(), text }
}

/// What the connected agents offer and leave out.
fn offered(listed: Result<Value, Failure>) -> Finding {
    let listed = match listed {
        Ok(listed) => listed,
        Err(failure) => return Finding { what: "actions".to_owned(), ok: false, text: failure.message },
    };
    let left_out = listed["not_offered"].as_array().into_iter().flatten();
    let told = |action: &Value| {
        format!("{} by {}: {}", table::text(&action["name"]), table::text(&action["agent_id"]), table::text(&action["reason"]))
    };
    in_order(&format!("{} are offered", rows(&listed).count()), left_out.map(told))
}

/// How the Chiffon is that runs here, or at the address that was named.
async fn running(global: &Global) -> Vec<Finding> {
    let finding = |ok, text: String| vec![Finding { what: "chiffon".to_owned(), ok, text }];
    let api = match Api::new(global) {
        Ok(api) => api,
        Err(failure) => return finding(false, failure.message),
    };
    let health = match api.health().await {
        Ok(health) => health,
        Err(failure) => return finding(false, failure.message),
    };
    let checks = health["checks"].as_object().into_iter().flatten();
    let mut findings: Vec<Finding> =
        checks.map(|(part, check)| Finding { what: line(part), ok: check["status"] == "ok", text: table::text(&check["text"]) }).collect();
    let takes_changes = health["checks"]["database"]["status"] == "ok";
    findings.push(offered(api.get("/actions", &[]).await));
    findings.extend(watched(api.get("/background", &[]).await, takes_changes));
    findings
}

/// What the running Chiffon found out about itself. Names and ids are for operators only. A look that had nothing to write says
/// nothing of a database that takes no changes.
fn watched(background: Result<Value, Failure>, takes_changes: bool) -> Vec<Finding> {
    let background = match background {
        Ok(background) => background,
        Err(failure) => {
            let text = format!("can't be looked at: {}; doctor needs an operator's token for this", failure.message);
            return vec![Finding { what: "background".to_owned(), ok: false, text }];
        }
    };
    let violated = background["invariants"]["items"].as_array().into_iter().flatten().filter(|item| item["status"] == "violated");
    let mut findings: Vec<Finding> = violated.map(violation).collect();
    for (agent, status) in background["background"].as_object().into_iter().flatten() {
        if let Some(message) = said(&status["error"]["message"]) {
            findings.push(Finding { what: line(agent), ok: false, text: format!("its last look failed: {message}") });
        }
    }
    if !takes_changes {
        let text = "its agents can do no work until the database is put right".to_owned();
        findings.push(Finding { what: "background".to_owned(), ok: false, text });
    } else if findings.is_empty() {
        findings.push(Finding { what: "background".to_owned(), ok: true, text: "each background agent does its work".to_owned() });
    }
    findings
}

fn violation(item: &Value) -> Finding {
    let examples: Vec<String> = item["examples"].as_array().into_iter().flatten().map(table::text).collect();
    let text = format!(
        "violated {} times since {}: {}. Such as: {}. What to do: {}",
        table::text(&item["count"]),
        table::text(&item["since"]),
        table::text(&item["sentence"]),
        examples.join("; "),
        table::text(&item["advice"]),
    );
    Finding { what: table::text(&item["invariant"]), ok: false, text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_that_is_left_out_has_to_be_put_right() {
        let left_out = json!([{"name": "rotate_cert", "agent_id": "infra-1", "code": 5508, "reason": "`check_mode: false` …"}]);
        let finding = offered(Ok(json!({"items": [], "not_offered": left_out})));
        assert!(!finding.ok && finding.text.contains("rotate_cert by infra-1: `check_mode: false`"), "{}", finding.text);
        assert!(offered(Ok(json!({"items": [{}]}))).ok, "an older orchestrator says nothing of it");
    }

    #[test]
    fn a_violated_invariant_and_a_failing_agent_have_to_be_fixed() {
        let background = json!({
            "background": {"git_scribe": {"error": {"message": "the disk is full"}}, "planning": {"error": null}},
            "invariants": {"items": [
                {"invariant": "outbox_row_too_old", "status": "ok"},
                {"invariant": "audit_head_mismatch", "status": "violated", "count": 1, "since": "2026-01-01T00:00:00Z", "examples": ["abc"],
                 "sentence": "the head is the last row", "advice": "chiffon audit verify"},
            ]},
        });
        let findings = watched(Ok(background), true);
        let named: Vec<(&str, bool)> = findings.iter().map(|finding| (finding.what.as_str(), finding.ok)).collect();
        assert_eq!(named, [("audit_head_mismatch", false), ("git_scribe", false)]);
        assert!(findings[0].text.contains("Such as: abc. What to do: chiffon audit verify"), "{}", findings[0].text);
        let quiet = json!({"background": {}, "invariants": null});
        assert!(watched(Ok(quiet.clone()), true).iter().all(|finding| finding.ok));
        let without_database = watched(Ok(quiet), false);
        assert!(!without_database.is_empty() && without_database.iter().all(|finding| !finding.ok), "nobody works on a full disk");
    }
}

//! `chiffon doctor`: what this machine has, and what to do about what it lacks.

use std::process::Command;

use serde_json::json;

use super::playbooks;
use crate::args::{Global, Output};
use crate::client::Api;
use crate::config::{self, Config};
use crate::data_dir::DataDir;
use crate::exit::{Exit, Outcome};
use crate::show::style::paint;
use crate::show::table;

/// One thing that was looked at.
struct Finding {
    what: &'static str,
    ok: bool,
    text: String,
}

/// Looks at everything; fails when something has to be fixed.
pub async fn run(global: &Global) -> Outcome {
    let findings = vec![
        program("ansible", "ansible-playbook", "apt-get install ansible"),
        node("postgresql", chiffon_nodes::postgres_is_installed(), "apt-get install postgresql"),
        node("rabbitmq", chiffon_nodes::rabbitmq_is_installed(), "apt-get install rabbitmq-server (without it, the bus runs in process)"),
        program("git", "git", "apt-get install git (only to look at the audit repository)"),
        configuration(global),
        actions(),
        running(global).await,
    ];
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

fn program(what: &'static str, name: &str, fix: &str) -> Finding {
    let version = Command::new(name).arg("--version").output().ok().filter(|output| output.status.success());
    let text = version.map(|output| String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned());
    Finding { what, ok: text.is_some(), text: text.unwrap_or_else(|| format!("{name} is not installed: {fix}")) }
}

fn node(what: &'static str, installed: bool, fix: &str) -> Finding {
    let text = if installed { "installed".to_owned() } else { format!("not installed: {fix}") };
    Finding { what, ok: installed, text }
}

fn configuration(global: &Global) -> Finding {
    let read = config::layers(global.config.as_deref()).and_then(|layers| layers.read::<Config>());
    let text = match &read {
        Ok(_) => "can be used".to_owned(),
        Err(error) => error.to_string(),
    };
    Finding { what: "configuration", ok: read.is_ok(), text }
}

fn actions() -> Finding {
    match playbooks::find(None) {
        Ok(folder) => Finding { what: "actions", ok: true, text: folder.display().to_string() },
        Err(failure) => Finding { what: "actions", ok: false, text: failure.message },
    }
}

async fn running(global: &Global) -> Finding {
    let what = "chiffon";
    let is_up = global.url.is_some() || DataDir::choose(global.data_dir.as_deref()).is_ok_and(|data_dir| data_dir.url().exists());
    if !is_up {
        return Finding { what, ok: true, text: "not running here (chiffon up)".to_owned() };
    }
    let health = match Api::new(global) {
        Ok(api) => api.get("/health", &[]).await,
        Err(failure) => Err(failure),
    };
    match health {
        Ok(health) => Finding { what, ok: health["status"] == "ok", text: table::text(&health["checks"]) },
        Err(failure) => Finding { what, ok: false, text: failure.message },
    }
}

//! `chiffon webhook`: which programs ask for what by a signed call, and what a call would ask.

use std::io::Read as _;
use std::path::Path;

use serde_json::Value;

use crate::args::Output;
use crate::client::{Api, rows};
use crate::exit::{Exit, Failure, Outcome};
use crate::show::style::paint;
use crate::show::table::{self, text};
use crate::show::time;

/// Lists the webhooks.
pub async fn list(api: &Api, output: Output) -> Outcome {
    let listed = api.get("/webhooks", &[]).await?;
    if !table::json(output, &listed) {
        let head = ["WEBHOOK", "CALLED AT", "SIGNED BY", "AS", "ASKS", "ASKED", "REFUSED", "LAST"];
        let empty = "No webhooks. One is a table [[webhooks.hooks]] of the configuration, which docs/how-to/webhooks.md explains.";
        table::print(&head, rows(&listed).map(hook).collect(), empty);
        for hook in rows(&listed) {
            if hook["problem"].is_string() {
                say!("{}", paint("33", &format!("{}: {}", text(&hook["name"]), text(&hook["problem"]))));
            }
            for came in hook["calls"].as_array().into_iter().flatten() {
                if matches!(came["outcome"].as_str(), Some("refused" | "unfit")) && came["last_why"].is_string() {
                    say!("{} {}: {}", text(&hook["name"]), time::ago(&came["last_at"]), text(&came["last_why"]));
                }
            }
        }
    }
    Ok(Exit::Done)
}

fn hook(hook: &Value) -> Vec<String> {
    let calls = || hook["calls"].as_array().into_iter().flatten();
    let count = |outcomes: &[&str]| -> i64 {
        let those = calls().filter(|came| came["outcome"].as_str().is_some_and(|outcome| outcomes.contains(&outcome)));
        those.filter_map(|came| came["count"].as_i64()).sum()
    };
    let last = calls().max_by_key(|came| came["last_at"].as_str().unwrap_or_default().to_owned());
    vec![
        text(&hook["name"]),
        text(&hook["path"]),
        text(&hook["signed_by"]),
        text(&hook["asks_as"]),
        text(&hook["asks"]),
        count(&["asked"]).to_string(),
        count(&["refused", "unfit"]).to_string(),
        last.map_or_else(|| "never".to_owned(), |came| time::ago(&came["last_at"])),
    ]
}

/// Says what a call with this body would ask.
pub async fn try_out(api: &Api, output: Output, name: &str, body: &Path) -> Outcome {
    let body: Value = serde_json::from_str(&read(body)?).map_err(|error| Failure::usage(format!("the body is no JSON: {error}")))?;
    let tried = api.post(&format!("/webhooks/{name}/try"), &body).await?;
    if !table::json(output, &tried) {
        match (&tried["text"], &tried["action"]) {
            (Value::String(words), _) => say!("It would ask: {}", text(&Value::String(words.clone()))),
            (_, action @ Value::Object(_)) => {
                let hosts: Vec<String> = action["hosts"].as_array().into_iter().flatten().map(text).collect();
                say!("It would ask for the action {} on {} with {}", text(&action["name"]), hosts.join(", "), text(&action["parameters"]));
            }
            _ => {}
        }
        if tried["why_not"].is_string() {
            say!("It would ask nothing: {}", text(&tried["why_not"]));
        }
    }
    Ok(Exit::Done)
}

fn read(file: &Path) -> Result<String, Failure> {
    if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(|error| Failure::usage(format!("standard input can't be read: {error}")))?;
        return Ok(text);
    }
    std::fs::read_to_string(file).map_err(|error| Failure::usage(format!("{} can't be read: {error}", file.display())))
}

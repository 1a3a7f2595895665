//! `chiffon cancel`: a request or a task; says what was stopped and what had already happened.

use serde_json::{Value, json};

use super::over;
use crate::args::Output;
use crate::client::Api;
use crate::exit::{Exit, Outcome};
use crate::show::style::status;
use crate::show::table::{self, text};

/// Cancels.
pub async fn run(api: &Api, output: Output, id: &str) -> Outcome {
    // A whole id may be a task's; a shortened one is a request's.
    let id = api.request_id(id).await?;
    let report = match api.post(&format!("/cancel/{id}"), &json!({})).await {
        Ok(report) => report,
        Err(refusal) => return Err(over::or(api, &id, refusal).await),
    };
    if !table::json(output, &report) {
        let parts = [("stopped", "Stopped"), ("stopping", "Being stopped"), ("done", "Had already happened")];
        for (key, head) in parts {
            print(&report, key, head);
        }
        if parts.iter().all(|(key, _)| report[key].as_array().is_none_or(Vec::is_empty)) {
            println!("{}", text(&report["text"]));
        }
    }
    Ok(Exit::Done)
}

fn print(report: &Value, key: &str, head: &str) {
    let tasks = report[key].as_array().map_or(&[][..], Vec::as_slice);
    if !tasks.is_empty() {
        println!("{head}:");
    }
    for task in tasks {
        let dry_run = if task["purpose"] == "preview" { " (dry run)" } else { "" };
        println!("  {} {}{dry_run}", status(&text(&task["status"])), text(&task["title"]));
    }
}

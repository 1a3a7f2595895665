//! `chiffon why`: the story of a failure or a wait, from the records.

use serde_json::Value;

use super::undecided;
use crate::args::Output;
use crate::client::{Api, rows};
use crate::exit::{Exit, Outcome};
use crate::show::called::CHIFFON;
use crate::show::errors::Errors;
use crate::show::request::{print_reserved, print_result, print_wait};
use crate::show::story;
use crate::show::style::{bold, short, status};
use crate::show::table::{self, text};

/// Tells it.
pub async fn run(api: &Api, output: Output, id: &str) -> Outcome {
    let id = api.request_id(id).await?;
    let request = api.request(&id).await?;
    let timeline = api.get("/audit", &[("chain", id), ("limit", "500".to_owned())]).await?;
    if table::json(output, &serde_json::json!({"request": request, "timeline": timeline["items"]})) {
        return Ok(Exit::Done);
    }
    println!("{} {}", status(&text(&request["status"])), bold(&text(&request["text"])));
    print_wait(&request);
    print_reserved(&request);
    let (mut errors, mut advised) = (Errors::default(), Vec::new());
    if let Some(line) = errors.first(&request) {
        println!("{line}");
        print_next_step(&request["error"], &mut advised);
    }
    for task in request["tasks"].as_array().into_iter().flatten().filter(|task| task["status"] != "completed") {
        println!("  {} {}", status(&text(&task["status"])), text(&task["title"]));
        print_result(task, &mut errors);
        print_next_step(&task["error"], &mut advised);
    }
    print_commands(&request);
    println!("\n{}", bold("What happened"));
    story::print(rows(&timeline));
    Ok(Exit::Done)
}

/// What a person can decide, as they would type it.
fn print_commands(request: &Value) {
    for task in undecided::open_tasks(request) {
        let word = if task["status"] == "unknown" { " --not-running --comment \"how you know\"" } else { "" };
        println!("\n{}: {}, attempt {}", bold("To decide"), text(&task["title"]), text(&task["attempt"]));
        for (flag, what) in [("--retry", "try it again"), ("--done", "it is done"), ("--give-up", "it is not done and will not be")] {
            let comment = if word.is_empty() && flag == "--done" { " --comment \"how you know\"" } else { word };
            let can_be = flag != "--retry" || task["cancel_requested_at"].is_null();
            if can_be {
                println!("  {CHIFFON} resolve {} {flag}{comment}   # {what}", short(&text(&task["task_id"])));
            }
        }
    }
    if request["held_at"].is_string() && request["finished_at"].is_null() {
        println!("\n{} by {}: {CHIFFON} resume {}", bold("Paused"), text(&request["held_by"]), short(&text(&request["request_id"])));
    }
}

/// What the page of an error advises, once.
fn print_next_step(error: &Value, advised: &mut Vec<Value>) {
    if advised.contains(&error["code"]) {
        return;
    }
    advised.push(error["code"].clone());
    let code = error["code"].as_u64().and_then(|code| u16::try_from(code).ok()).and_then(chiffon_protocol::ErrorCode::from_number);
    let paragraph = code.and_then(|code| code.page().split("**What to do.** ").nth(1)).and_then(|rest| rest.split("\n\n").next());
    if let Some(advice) = paragraph {
        println!("      what to do: {}", advice.split_whitespace().collect::<Vec<_>>().join(" "));
    }
}

//! `chiffon why`: the story of a failure or a wait, from the records.

use serde_json::Value;

use crate::args::Output;
use crate::client::{Api, rows};
use crate::exit::{Exit, Outcome};
use crate::show::request::{print_result, print_wait};
use crate::show::story;
use crate::show::style::{bold, status};
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
    print_problem(&request["error"]);
    for task in request["tasks"].as_array().into_iter().flatten().filter(|task| task["status"] != "completed") {
        println!("  {} {}", status(&text(&task["status"])), text(&task["title"]));
        print_result(task);
        print_next_step(&task["error"]);
    }
    println!("\n{}", bold("What happened"));
    story::print(rows(&timeline), &request["tasks"]);
    Ok(Exit::Done)
}

fn print_problem(error: &Value) {
    if let Some(message) = error["message"].as_str() {
        println!("error {}: {message}", text(&error["code"]));
        print_next_step(error);
    }
}

fn print_next_step(error: &Value) {
    let code = error["code"].as_u64().and_then(|code| u16::try_from(code).ok()).and_then(chiffon_protocol::ErrorCode::from_number);
    let advice = code.and_then(|code| code.page().split("**What to do.** ").nth(1)).and_then(|rest| rest.lines().next());
    if let Some(advice) = advice {
        println!("      what to do: {advice}");
    }
}

//! `chiffon logs`: the log of a request's tasks, or of one task.

use serde_json::Value;

use super::follow;
use crate::args::Output;
use crate::client::{Api, Events, rows};
use crate::exit::{Exit, Failure, Outcome};
use crate::show::style::bold;
use crate::show::table::{self, text};
use crate::show::text::escaped;

/// Prints the log, and goes on with it if asked.
pub async fn run(api: &Api, output: Output, id: &str, follow: bool) -> Outcome {
    if id.len() == 36 && api.get(&format!("/tasks/{id}"), &[]).await.is_ok() {
        print_task(api, output, id).await?;
        return Ok(Exit::Done);
    }
    let id = api.request_id(id).await?;
    if follow {
        return stream(api, output, &id).await;
    }
    let request = api.request(&id).await?;
    for task in request["tasks"].as_array().into_iter().flatten() {
        if output == Output::Text {
            println!("{}", bold(&text(&task["title"])));
        }
        print_task(api, output, &text(&task["task_id"])).await?;
    }
    Ok(Exit::Done)
}

async fn print_task(api: &Api, output: Output, task_id: &str) -> Result<(), Failure> {
    let mut after = String::new();
    loop {
        let mut query = vec![("limit", "1000".to_owned())];
        if !after.is_empty() {
            query.push(("cursor", after.clone()));
        }
        let page = api.get(&format!("/tasks/{task_id}/logs"), &query).await?;
        if !table::json(output, &page) {
            rows(&page).for_each(follow::print_log);
        }
        match &page["next_cursor"] {
            Value::Null => return Ok(()),
            cursor => after = text(cursor),
        }
    }
}

async fn stream(api: &Api, output: Output, id: &str) -> Outcome {
    let mut events = Events::of(api, id);
    loop {
        let event = events.next().await?;
        match event.kind.as_str() {
            "log" if output == Output::Text => follow::print_log(&event.data),
            "log" => println!("{}", escaped(&event.data.to_string())),
            "end" => return Ok(Exit::Done),
            _ => {}
        }
    }
}

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
    if id.len() == 36
        && let Ok(task) = api.get(&format!("/tasks/{id}"), &[]).await
    {
        print_task(api, output, &task).await?;
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
        print_task(api, output, task).await?;
    }
    Ok(Exit::Done)
}

async fn print_task(api: &Api, output: Output, task: &Value) -> Result<(), Failure> {
    let task_id = text(&task["task_id"]);
    let mut after = String::new();
    loop {
        let mut query = vec![("limit", "1000".to_owned())];
        if !after.is_empty() {
            query.push(("cursor", after.clone()));
        }
        let page = api.get(&format!("/tasks/{task_id}/logs"), &query).await?;
        if !table::json(output, &page) {
            rows(&page).for_each(|line| follow::print_line(line, follow::is_dry(task)));
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

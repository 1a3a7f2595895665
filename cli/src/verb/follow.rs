//! Watching a request: what happens is printed as it happens.

use std::collections::HashMap;

use serde_json::Value;

use crate::args::Output;
use crate::client::{Api, Event, Events};
use crate::exit::{Exit, Failure, Outcome};
use crate::show::style::{diff_line, faint, status};
use crate::show::table::{self, text};
use crate::show::{request as show_request, time};

const ENDED: [&str; 5] = ["completed", "failed", "cancelled", "rejected", "expired"];

/// Waits until a person is asked for, the run begins, or the request has ended.
pub async fn until_person_or_end(api: &Api, id: &str) -> Result<Value, Failure> {
    let mut events = Events::of(api, id);
    let mut last_wait = String::new();
    loop {
        let request = api.request(id).await?;
        let word = text(&request["status"]);
        if !matches!(word.as_str(), "planning" | "discovering" | "previewing") {
            return Ok(request);
        }
        let wait = text(&request["waiting_for"]["text"]);
        if wait != last_wait && !wait.is_empty() {
            eprintln!("{} {}", status(&word), faint(&format!("waiting: {wait}")));
        }
        last_wait = wait;
        events.next().await?;
    }
}

/// Streams a run to its end.
pub async fn to_the_end(api: &Api, output: Output, id: &str) -> Outcome {
    let mut events = Events::of(api, id);
    let mut printer = Printer { output, began: false, said: HashMap::new() };
    loop {
        let event = events.next().await?;
        printer.print(&event);
        let ended = event.kind == "end" || ENDED.iter().any(|word| event.data["status"] == *word) && event.kind == "request";
        if ended || event.data["status"] == "needs_attention" && event.kind == "request" {
            return Ok(finish(output, &api.request(id).await?));
        }
    }
}

/// Prints how it ended; the exit code for it.
pub fn finish(output: Output, request: &Value) -> Exit {
    if !table::json(output, request) {
        println!();
        show_request::print(request);
    }
    exit_for(request)
}

/// The exit code that a request's status stands for.
pub fn exit_for(request: &Value) -> Exit {
    match request["status"].as_str() {
        Some("failed" | "needs_attention") => Exit::Failed,
        Some("rejected" | "cancelled" | "expired") => Exit::Declined,
        _ => Exit::Done,
    }
}

struct Printer {
    output: Output,
    /// The run has begun: what was before was shown with the plan.
    began: bool,
    /// The last that was said of each task.
    said: HashMap<String, String>,
}

impl Printer {
    fn print(&mut self, event: &Event) {
        if event.kind == "request" && event.data["status"] == "running" {
            self.began = true;
        }
        if !self.began || self.output == Output::Json {
            return;
        }
        match event.kind.as_str() {
            "log" => print_log(&event.data),
            "task" => self.print_task(&event.data),
            _ => {}
        }
    }

    /// Says where a task stands, unless that was said last.
    fn print_task(&mut self, task: &Value) {
        let Some(line) = task_line(task) else { return };
        if self.said.insert(text(&task["task_id"]), line.clone()).as_ref() != Some(&line) {
            eprintln!("{line}");
        }
    }
}

fn task_line(task: &Value) -> Option<String> {
    let word = text(&task["status"]);
    if word.is_empty() {
        return None;
    }
    let title = [&task["title"], &task["step_id"], &task["task_id"]].into_iter().find(|value| !value.is_null()).map(text);
    let wait = task["waiting_for"]["text"].as_str().map(|wait| format!(" waiting: {wait}")).unwrap_or_default();
    let progress = task["progress"].as_u64().filter(|percent| *percent > 0 && word == "running").map(|percent| format!(" {percent} %"));
    Some(format!("{} {}{}{}", status(&word), title.unwrap_or_default(), progress.unwrap_or_default(), faint(&wait)))
}

/// Prints one log event, or several.
pub fn print_log(data: &Value) {
    if let Some(lines) = data["lines"].as_array() {
        lines.iter().for_each(print_line);
    } else {
        print_line(data);
    }
}

fn print_line(line: &Value) {
    let place: Vec<String> = [&line["host"], &line["name"]].into_iter().filter(|value| !value.is_null()).map(text).collect();
    println!(
        "{} {:<12} {} {}",
        faint(&time::clock(&line["at"])),
        text(&line["kind"]).trim_start_matches("task_"),
        place.join(" · "),
        text(&line["text"])
    );
    for diff in line["diff"].as_str().into_iter().flat_map(str::lines) {
        println!("           {}", diff_line(diff));
    }
}

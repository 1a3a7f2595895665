//! A request for people: where it stands, what it waits for, what its tasks did.

use serde_json::Value;

use super::errors::{Errors, hosts_of};
use super::plan::{self, Diffs};
use super::style::{bold, faint, short, status};
use super::summary::{by_host, output};
use super::text::{block, said, text};
use super::time::ago;

/// Puts a line behind the others.
macro_rules! put {
    ($out:ident, $($words:tt)*) => { $out.push(format!($($words)*)) };
}

/// Prints all about a request.
pub fn print(request: &Value) {
    for line in lines(request, Diffs::Shown) {
        println!("{line}");
    }
}

/// All about a request.
pub fn lines(request: &Value, diffs: Diffs) -> Vec<String> {
    let mut lines = Vec::new();
    put_all(&mut lines, request, diffs);
    lines
}

fn put_all(out: &mut Vec<String>, request: &Value, diffs: Diffs) {
    let id = text(&request["request_id"]);
    put!(out, "{} {}  {}", bold(short(&id)), status(&text(&request["status"])), text(&request["text"]));
    let origin = &request["origin"];
    let by = match origin["kind"].as_str() {
        None | Some("person") => String::new(),
        Some(_) => format!(" through {} {}", text(&origin["kind"]), text(&origin["id"])),
    };
    put!(out, "{}", faint(&format!("{id}, asked by {}{by} {}", text(&request["requested_by"]), ago(&request["created_at"]))));
    // Why a question is asked is the reason of the wait, the error and the last message alike: it is told once.
    let error = &request["error"]["message"];
    put_standing(out, request, error);
    let mut errors = Errors::default();
    if let Some(line) = errors.first(request) {
        put!(out, "{line}");
    }
    let is_told = |message: &Value| message["from"] == "chiffon" && message["text"] == *error;
    for message in request["messages"].as_array().into_iter().flatten().skip(1).filter(|message| !is_told(message)) {
        put!(out, "{}: {}", text(&message["from"]), block(message["text"].as_str().unwrap_or_default()));
    }
    put!(out, "");
    out.extend(plan::lines(request, None, diffs));
    put_tasks(out, request, &mut errors);
}

/// Prints what a request waits for, if it waits.
pub fn print_wait(request: &Value) {
    if let Some(wait) = said(&request["waiting_for"]["text"]) {
        println!("waiting: {wait}");
    }
}

/// Prints the hosts that a request keeps from other work.
pub fn print_reserved(request: &Value) {
    for line in request["reserved_hosts"].as_array().into_iter().flatten().flat_map(reserved_lines) {
        println!("{line}");
    }
}

fn put_standing(out: &mut Vec<String>, request: &Value, told: &Value) {
    let waits = Some(&request["waiting_for"]["text"]).filter(|waits| *waits != told);
    out.extend(waits.and_then(said).map(|wait| format!("waiting: {wait}")));
    out.extend(request["reserved_hosts"].as_array().into_iter().flatten().flat_map(reserved_lines));
}

/// A reserved host: by what, since when, for what, and the command that gives it back.
pub fn reserved_lines(reserved: &Value) -> Vec<String> {
    let (host, title) = (text(&reserved["host"]), text(&reserved["title"]));
    let of = format!("{} of request {}", short(&text(&reserved["task_id"])), short(&text(&reserved["request_id"])));
    let what = reserved["may_still_run"].as_array().into_iter().flatten().map(|what| format!("  may still run there: {}", text(what)));
    std::iter::once(format!("reserved: {host}, by {title} (task {of}), {}", ago(&reserved["since"])))
        .chain(what)
        .chain([format!("  when nothing of it runs any more: {}", text(&reserved["release"]))])
        .collect()
}

fn put_tasks(out: &mut Vec<String>, request: &Value, errors: &mut Errors) {
    let tasks: Vec<&Value> = request["tasks"].as_array().into_iter().flatten().filter(|task| task["purpose"] != "preview").collect();
    if tasks.is_empty() {
        return;
    }
    put!(out, "\n{}", bold("Tasks"));
    for task in tasks {
        let which = task["iteration"].as_i64().map(|iteration| format!(" ({})", iteration + 1)).unwrap_or_default();
        put!(out, "  {} {}{which}  {}", status(&text(&task["status"])), text(&task["title"]), faint(short(&text(&task["task_id"]))));
        put_result(out, task, errors);
    }
    for commit in request["commits"].as_array().into_iter().flatten() {
        put!(out, "{}", faint(&format!("commit {}", text(commit))));
    }
}

/// Prints how a task ended.
pub fn print_result(task: &Value, errors: &mut Errors) {
    let mut lines = Vec::new();
    put_result(&mut lines, task, errors);
    for line in lines {
        println!("{line}");
    }
}

/// How a task ended.
fn put_result(out: &mut Vec<String>, task: &Value, errors: &mut Errors) {
    if let Some(wait) = said(&task["waiting_for"]["text"]) {
        put!(out, "      waiting: {wait}");
    }
    if let Some(reason) = said(&task["output"]).filter(|_| task["status"] == "skipped") {
        put!(out, "      left out: {reason}");
    }
    if let Some(line) = errors.line(&task["error"], &hosts_of(task)) {
        put!(out, "      {line}");
    }
    for line in by_host(task) {
        put!(out, "      {line}");
    }
    for warning in task["warnings"].as_array().into_iter().flatten() {
        put!(out, "      warning: {}", text(warning));
    }
    for (name, value) in task["outputs"].as_object().into_iter().flatten() {
        for line in output(name, value) {
            put!(out, "      {line}");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_reason_of_a_wait_an_error_and_a_message_that_say_the_same_are_told_once() {
        let why = "nothing here paints fences";
        let request = json!({"request_id": "01a1fc30-250d-74fd-94ec-ca5bbc6173fd", "status": "needs_input", "text": "paint the fence",
            "waiting_for": {"text": why}, "error": {"code": 5116, "message": why},
            "messages": [{"from": "ada", "text": "paint the fence"}, {"from": "chiffon", "text": why}]});
        let told = lines(&request, Diffs::Shown).join("\n");
        assert_eq!(told.matches(why).count(), 1, "{told}");
        assert!(told.contains("`chiffon explain 5116`"), "{told}");
        let asks = json!({"request_id": request["request_id"], "status": "needs_input", "text": "x", "waiting_for": {"text": "your answer"},
            "messages": [{"from": "ada", "text": "x"}, {"from": "chiffon", "text": "Which host?"}]});
        let told = lines(&asks, Diffs::Shown).join("\n");
        assert!(told.contains("waiting: your answer") && told.contains("chiffon: Which host?"), "{told}");
    }
}

//! What was cut off and waits for a person: which tasks of which requests, and the commands that decide about them.

use serde_json::Value;

use super::over;
use crate::client::{Api, rows};
use crate::exit::Failure;
use crate::show::called::CHIFFON;
use crate::show::style::short;
use crate::show::table::text;

/// A task with its request.
pub struct Found {
    pub request: Value,
    pub task: Value,
}

/// The tasks that this id means: one task's id, or that of a request with such tasks.
pub async fn find(api: &Api, id: &str) -> Result<Vec<Found>, Failure> {
    let id = id.trim().to_ascii_lowercase();
    if id.len() < 4 {
        return Err(Failure::usage(format!("`{id}` is too short for an id; give four characters at least")));
    }
    let fits = |full: &Value| full.as_str().is_some_and(|full| full.starts_with(&id) || full.ends_with(&id));
    let mut found: Vec<Found> = Vec::new();
    for request in waiting(api).await? {
        let of_request = fits(&request["request_id"]);
        let open = open_tasks(&request).filter(|task| of_request || fits(&task["task_id"])).cloned().collect::<Vec<_>>();
        found.extend(open.into_iter().map(|task| Found { request: request.clone(), task }));
    }
    let is_of_several = found.windows(2).any(|pair| pair[0].request["request_id"] != pair[1].request["request_id"]);
    match found.len() {
        0 => Ok(vec![nothing_to_decide(api, &id).await?]),
        _ if is_of_several => Err(several(&id, &found)),
        _ => Ok(found),
    }
}

/// The one that was found, where one decision is for one task.
pub fn only<'f>(id: &str, found: &'f [Found]) -> Result<&'f Found, Failure> {
    match found {
        [one] => Ok(one),
        found => Err(several(id, found)),
    }
}

fn several(id: &str, found: &[Found]) -> Failure {
    let line = |found: &Found| format!("  {CHIFFON} resolve {}   # {}", short(&text(&found.task["task_id"])), text(&found.task["title"]));
    let lines: Vec<String> = found.iter().map(line).collect();
    Failure::usage(format!("`{id}` has several tasks to decide about; name one of them:\n{}", lines.join("\n")))
}

/// The requests that may have such a task. Restored ones are paused.
async fn waiting(api: &Api) -> Result<Vec<Value>, Failure> {
    let listed = api.list("/requests", &[("status", "needs_attention,paused".to_owned())], usize::MAX).await?;
    let mut waiting = Vec::new();
    for row in rows(&listed) {
        waiting.push(api.request(&text(&row["request_id"])).await?);
    }
    Ok(waiting)
}

/// The command that decides about a request's tasks, once for each that is open.
pub fn commands(request: &Value) -> Vec<String> {
    let command = |id: &Value| format!("{CHIFFON} resolve {}", short(&text(id)));
    let open: Vec<&Value> = open_tasks(request).collect();
    match open.as_slice() {
        [] | [_] => vec![command(&request["request_id"])],
        several => several.iter().map(|task| command(&task["task_id"])).collect(),
    }
}

/// The tasks of a request that a person can decide about.
pub fn open_tasks(request: &Value) -> impl Iterator<Item = &Value> {
    let is_open = |task: &&Value| {
        let is_cut_off = task["status"] == "unknown" || (task["status"] == "interrupted" && task["cancel_requested_at"].is_null());
        task["purpose"] == "apply" && is_cut_off
    };
    request["tasks"].as_array().into_iter().flatten().filter(is_open)
}

async fn nothing_to_decide(api: &Api, id: &str) -> Result<Found, Failure> {
    // A whole id may be that of a task which has been decided about: the server says how it stands and who did.
    if id.len() == 36
        && let Ok(task) = api.get(&format!("/tasks/{id}"), &[]).await
    {
        let request = api.request(&text(&task["request_id"])).await?;
        return Ok(Found { request, task });
    }
    let request = api.request(&api.request_id(id).await?).await?;
    over::check(&request)?;
    let id = text(&request["request_id"]);
    let (status, short) = (text(&request["status"]), short(&id));
    Err(Failure::failed(format!(
        "nothing of request {id} is to be decided: it is `{status}` (`{CHIFFON} show {short}` says how it stands)"
    )))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_was_cut_off_and_was_not_to_be_stopped_is_open() {
        let task =
            |status: &str, purpose: &str, cancelled: Value| json!({"status": status, "purpose": purpose, "cancel_requested_at": cancelled});
        let stopped = json!("2026-11-21T10:00:00Z");
        let request = json!({"tasks": [
            task("unknown", "apply", stopped.clone()), task("interrupted", "apply", Value::Null), task("interrupted", "apply", stopped),
            task("unknown", "discover", Value::Null), task("completed", "apply", Value::Null),
        ]});
        let open: Vec<&str> = open_tasks(&request).filter_map(|task| task["status"].as_str()).collect();
        assert_eq!(open, ["unknown", "interrupted"]);
    }
}

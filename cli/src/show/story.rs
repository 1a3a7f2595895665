//! The audit log of a request, told for people: one sentence a row, with what it is about and why.

use std::collections::HashMap;

use serde_json::Value;

use super::style::{faint, short};
use super::text::{line, text};
use super::time;

/// Prints rows of `GET /audit`, oldest first.
pub fn print<'a>(rows: impl Iterator<Item = &'a Value>) {
    let mut titles = HashMap::new();
    for row in rows {
        // Where a task was made its title stands; later rows have its id.
        let made = row["data"]["tasks"].as_array().into_iter().flatten();
        titles.extend(made.filter_map(|task| Some((task["task_id"].as_str()?, text(&task["title"])))));
        println!("  {} {:<18} {}", faint(&time::clock(&row["at"])), text(&row["actor"]), sentence(row, &titles));
    }
}

/// What happened, to what, and the reason that was given.
fn sentence(row: &Value, titles: &HashMap<&str, String>) -> String {
    let data = &row["data"];
    let mut parts = vec![text(&row["event"]).replace(['.', '_'], " ")];
    parts.extend(about(data, titles));
    parts.extend(ending(data));
    parts.extend(data["decision"].as_str().map(|decision| format!("→ {}", line(decision).replace('_', " "))));
    let said = ["text", "comment", "reason"].into_iter().find_map(|name| data[name].as_str()).filter(|said| !said.is_empty());
    parts.extend(said.map(|said| format!("\"{}\"", line(&said.split_whitespace().collect::<Vec<_>>().join(" ")))));
    parts.extend(
        ["error", "problem"]
            .into_iter()
            .find_map(|name| data[name]["message"].as_str().map(|said| format!("(error {}: {})", text(&data[name]["code"]), line(said)))),
    );
    parts.join(" ")
}

/// The task, with its purpose where it is not the change itself, or the plan's revision.
fn about(data: &Value, titles: &HashMap<&str, String>) -> Vec<String> {
    if let Some(revision) = data["revision"].as_u64() {
        let sha256 = data["sha256"].as_str().and_then(|sha256| sha256.get(..12)).map(|sha256| format!(", sha256 {}", line(sha256)));
        return vec![format!("{revision}{}", sha256.unwrap_or_default())];
    }
    if let Some(made) = data["tasks"].as_array() {
        return vec![format!(
            "({}: {})",
            text(&data["purpose"]),
            made.iter().map(|task| text(&task["title"])).collect::<Vec<_>>().join("; ")
        )];
    }
    let Some(id) = data["task_id"].as_str() else { return Vec::new() };
    let title = titles.get(id).cloned().unwrap_or_else(|| line(short(id)));
    let purpose = data["purpose"].as_str().filter(|purpose| *purpose != "apply").map(|purpose| format!("({})", line(purpose)));
    let attempt = data["attempt"].as_u64().filter(|attempt| *attempt > 1).map(|attempt| format!("(attempt {attempt})"));
    [Some(title), purpose, attempt].into_iter().flatten().collect()
}

/// How an attempt ended.
fn ending(data: &Value) -> Option<String> {
    let outcome = data["outcome"].as_str()?;
    let seconds = data["duration_seconds"].as_f64().map(|seconds| format!(" after {seconds:.1} s"));
    let is_dry = data["purpose"] == "preview";
    let changed = match data["changed"].as_bool() {
        Some(true) if is_dry => ", would change something",
        Some(false) if matches!(outcome, "interrupted" | "unknown") => ", of a change nothing was told",
        Some(false) if is_dry => ", would change nothing",
        Some(true) => ", changed",
        Some(false) => ", nothing changed",
        None => "",
    };
    let unverified = if data["verified"] == false { ", unverified" } else { "" };
    Some(format!("-> {}{}{changed}{unverified}", line(outcome).replace('_', " "), seconds.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::json;

    use super::sentence;

    #[test]
    fn a_row_says_what_it_is_about_and_why() {
        let titles = HashMap::from([("t-1", "Deploy Kuma to nas".to_owned())]);
        let told = |event: &str, data| sentence(&json!({"event": event, "data": data}), &titles);
        assert_eq!(
            told("request.submitted", json!({"text": "Deploy  Kuma\nto nas", "priority": 0})),
            "request submitted \"Deploy Kuma to nas\""
        );
        assert_eq!(
            told("plan.approved", json!({"revision": 2, "sha256": "d6867976044c00", "comment": null})),
            "plan approved 2, sha256 d6867976044c"
        );
        assert_eq!(
            told(
                "task.finished",
                json!({"task_id": "t-1", "purpose": "apply", "attempt": 1, "outcome": "succeeded", "duration_seconds": 1.62, "changed": true})
            ),
            "task finished Deploy Kuma to nas -> succeeded after 1.6 s, changed"
        );
        assert_eq!(
            told(
                "task.interrupted",
                json!({"task_id": "t-1", "purpose": "apply", "attempt": 1, "outcome": "interrupted", "changed": false})
            ),
            "task interrupted Deploy Kuma to nas -> interrupted, of a change nothing was told"
        );
        assert_eq!(
            told("task.finished", json!({"task_id": "t-1", "purpose": "preview", "attempt": 1, "outcome": "succeeded", "changed": true})),
            "task finished Deploy Kuma to nas (preview) -> succeeded, would change something"
        );
        assert_eq!(
            told("task.finished", json!({"task_id": "t-1", "purpose": "apply", "attempt": 1, "outcome": "succeeded", "verified": false})),
            "task finished Deploy Kuma to nas -> succeeded, unverified"
        );
        assert_eq!(
            told("task.not_started", json!({"task_id": "t-9", "purpose": "preview", "attempt": 2, "reason": "its disk is full"})),
            "task not started t-9 (preview) (attempt 2) \"its disk is full\""
        );
        assert_eq!(
            told(
                "task.unknown",
                json!({"task_id": "t-1", "purpose": "apply", "attempt": 1, "error": {"code": 5302, "message": "it is silent"}})
            ),
            "task unknown Deploy Kuma to nas (error 5302: it is silent)"
        );
    }
}

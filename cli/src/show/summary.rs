//! What a run did, in short: where, what changed, what to know, where it is recorded. The plan was shown before.

use serde_json::Value;

use super::errors::{Errors, hosts_of};
use super::request::reserved_lines;
use super::style::{bold, faint, short, status};
use super::text::{said, text};
use crate::show::called::CHIFFON;

/// Whether anything of the plan itself was run.
pub fn has_run(request: &Value) -> bool {
    applied(request).any(|task| !task["started_at"].is_null() || task["attempt"].as_u64().is_some_and(|attempt| attempt > 0))
}

fn applied(request: &Value) -> impl Iterator<Item = &Value> {
    request["tasks"].as_array().into_iter().flatten().filter(|task| task["purpose"] != "preview" && task["purpose"] != "discover")
}

/// Prints it.
pub fn print(request: &Value) {
    for line in lines(request) {
        println!("{line}");
    }
}

/// What is printed of it.
pub fn lines(request: &Value) -> Vec<String> {
    let id = text(&request["request_id"]);
    let id = short(&id);
    let mut lines = vec![format!("{} {}  {}", bold(id), status(&text(&request["status"])), text(&request["text"]))];
    let mut errors = Errors::default();
    for task in applied(request) {
        let hosts = hosts_of(task);
        let differ = by_host(task);
        if differ.is_empty() {
            lines.push(format!("  {} on {}: {}", outcome(task), hosts.join(", "), text(&task["title"])));
        } else {
            lines.push(format!("  {}: {}", status(&text(&task["status"])), text(&task["title"])));
            lines.extend(differ.into_iter().map(|line| format!("      {line}")));
        }
        lines.extend(errors.line(&task["error"], &hosts).map(|line| format!("      {line}")));
        lines.extend(said(&task["waiting_for"]["text"]).map(|wait| format!("      waiting: {wait}")));
        lines.extend(task["warnings"].as_array().into_iter().flatten().map(|warning| format!("      warning: {}", text(warning))));
        for (name, value) in task["outputs"].as_object().into_iter().flatten() {
            lines.extend(output(name, value).into_iter().map(|line| format!("      {line}")));
        }
    }
    lines.extend(errors.line(&request["error"], &[]));
    lines.extend(said(&request["waiting_for"]["text"]).map(|wait| format!("waiting: {wait}")));
    lines.extend(request["reserved_hosts"].as_array().into_iter().flatten().flat_map(reserved_lines));
    let commits: Vec<String> =
        request["commits"].as_array().into_iter().flatten().map(|commit| text(commit).chars().take(12).collect()).collect();
    if !commits.is_empty() {
        lines.push(faint(&format!("recorded in commit {}", commits.join(", "))));
    }
    if let Some(to_come @ 1..) = request["commits_to_come"].as_u64() {
        let records = if to_come == 1 { "1 record is".to_owned() } else { format!("{to_come} records are") };
        lines.push(faint(&format!("{records} still to be committed: `{CHIFFON} show {id}` names the commits then")));
    }
    let more = if request["status"] == "completed" { "show" } else { "why" };
    lines.push(faint(&format!("`{CHIFFON} {more} {id}` tells it whole, `{CHIFFON} logs {id}` has the log")));
    lines
}

/// How it went on each of several hosts, where it did not go alike on all.
pub fn by_host(task: &Value) -> Vec<String> {
    let hosts: Vec<&Value> = task["host_results"].as_array().into_iter().flatten().collect();
    let alike = hosts.windows(2).all(|pair| pair[0]["status"] == pair[1]["status"] && pair[0]["changed"] == pair[1]["changed"]);
    if alike {
        return Vec::new();
    }
    hosts.into_iter().map(|host| format!("{}: {}", text(&host["host"]), outcome(host).trim_end_matches(','))).collect()
}

/// What became of a task, or of one host in it, as a person asks: did it change anything?
pub fn outcome(task: &Value) -> String {
    let word = text(&task["status"]).replace('_', " ");
    let changed = task["changed"].as_bool();
    match (word.as_str(), changed) {
        ("completed", Some(true)) => status("completed") + ", changed,",
        ("completed", Some(false)) => status("completed") + ", nothing to change,",
        (_, Some(true)) => status(&word) + ", after changes,",
        _ => status(&word),
    }
}

/// An output in words.
pub fn output(name: &str, value: &Value) -> Vec<String> {
    let name = super::text::line(name).replace('_', " ");
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) if items.is_empty() => vec![format!("{name}: none")],
        Value::Array(items) if items.iter().any(Value::is_object) => {
            let fields = |item: &Value| {
                let fields: Vec<String> = item.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()).map(field).collect();
                if fields.is_empty() { text(item) } else { fields.join(", ") }
            };
            let heading = format!("{name}: {}", items.len());
            std::iter::once(heading).chain(items.iter().map(|item| format!("  - {}", fields(item)))).collect()
        }
        Value::Array(items) => vec![format!("{name}: {}", items.iter().map(text).collect::<Vec<_>>().join(", "))],
        Value::Object(fields) if !fields.is_empty() => {
            std::iter::once(format!("{name}:")).chain(fields.iter().map(|pair| format!("  {}", field(pair)))).collect()
        }
        Value::Bool(is_so) => vec![format!("{name}: {}", if *is_so { "yes" } else { "no" })],
        Value::String(words) => {
            let block = super::text::block(words);
            let mut rows = block.lines();
            let first = format!("{name}: {}", rows.next().unwrap_or_default());
            std::iter::once(first).chain(rows.map(|row| format!("  {row}"))).collect()
        }
        other => vec![format!("{name}: {}", text(other))],
    }
}

fn field((name, value): (&String, &Value)) -> String {
    format!("{} {}", super::text::line(name).replace('_', " "), text(value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn hosts_on_which_it_went_otherwise_are_told_apart() {
        let host = |name: &str, status: &str, changed: bool| json!({"host": name, "status": status, "changed": changed});
        let mut request = json!({
            "request_id": "01a1fc30-250d-74fd-94ec-ca5bbc6173fd", "status": "failed", "text": "Roll it out",
            "tasks": [{
                "purpose": "apply", "title": "Roll", "status": "failed", "hosts": ["a", "b", "c"], "changed": true, "attempt": 1,
                "host_results": [host("a", "completed", true), host("b", "failed", true), host("c", "not_begun", false)],
            }],
        });
        let told = lines(&request).join("\n");
        assert!(
            told.contains("  failed: Roll\n      a: completed, changed\n      b: failed, after changes\n      c: not begun\n"),
            "{told}"
        );
        request["tasks"][0]["host_results"] = json!([host("a", "failed", true), host("b", "failed", true)]);
        let told = lines(&request).join("\n");
        assert!(told.contains("  failed, after changes, on a, b, c: Roll\n"), "{told}");
    }

    #[test]
    fn a_run_is_told_by_what_changed_where_with_each_error_once_and_without_the_plan() {
        let refused = json!({"code": 5504, "message": "task \"Write it\" failed"});
        let request = json!({
            "request_id": "01a1fc30-250d-74fd-94ec-ca5bbc6173fd", "status": "failed", "text": "Deploy Kuma",
            "error": {"code": 5504, "message": "step deploy: task \"Write it\" failed"},
            "plan": {"summary": "THE PLAN", "steps": [{"title": "STEP"}]},
            "tasks": [
                {"purpose": "discover", "title": "Look", "status": "completed", "hosts": ["nas"], "attempt": 1},
                {"purpose": "apply", "title": "Write", "status": "failed", "hosts": ["nas"], "changed": true, "error": refused, "attempt": 1},
                {"purpose": "apply", "title": "Tell", "status": "completed", "hosts": ["pi"], "changed": false, "attempt": 1,
                 "warnings": ["its clock is late"], "outputs": {"web_address": "http://pi:3001", "portals": [{"name": "wiki", "port": 80}]}},
            ],
            "commits": ["0123456789abcdef0123456789abcdef01234567"],
        });
        assert!(has_run(&request));
        let told = lines(&request).join("\n");
        assert_eq!(
            told,
            "bc6173fd failed  Deploy Kuma\n  \
             failed, after changes, on nas: Write\n      error 5504: task \"Write it\" failed (`chiffon explain 5504`)\n  \
             completed, nothing to change, on pi: Tell\n      warning: its clock is late\n      web address: http://pi:3001\n      portals: 1\n        - name wiki, port 80\n\
             recorded in commit 0123456789ab\n\
             `chiffon why bc6173fd` tells it whole, `chiffon logs bc6173fd` has the log"
        );
    }

    #[test]
    fn records_that_are_still_to_be_committed_are_said_to_come() {
        let mut request = json!({"request_id": "01a1fc30-250d-74fd-94ec-ca5bbc6173fd", "status": "completed", "commits_to_come": 2});
        let told = lines(&request).join("\n");
        assert!(told.contains("2 records are still to be committed: `chiffon show bc6173fd`"), "{told}");
        for none in [json!(0), Value::Null] {
            request["commits_to_come"] = none;
            assert!(!lines(&request).join("\n").contains("committed"), "an older orchestrator does not tell");
        }
    }

    #[test]
    fn what_was_only_planned_has_not_run() {
        assert!(!has_run(&json!({"tasks": [{"purpose": "discover", "attempt": 1}, {"purpose": "apply", "attempt": 0}]})));
    }
}

//! The files of a record's commit: the request's page, its plan and approvals, the task, its log, and the intent that it applied.

use std::collections::BTreeMap;

use chiffon_kernel::store::stored_json::read_json;
use chiffon_plans::domain::plan::PlanDocument;
use chiffon_plans::domain::record_path::{self, UNFINISHED};
use chiffon_plans::domain::reference::{host_folder, render_records};
use chiffon_protocol::shown::is_deceptive;
use chiffon_protocol::{ErrorCode, Shown};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::LOG_LINES;
use crate::store::git_outbox::Open;
use crate::store::host_outcomes::HostOutcome;
use crate::store::stories::{LogLine, RequestStory, TaskStory};

pub(super) fn files(
    record: &Open,
    task: &TaskStory,
    request: &RequestStory,
    hosts: &[HostOutcome],
    log: &[LogLine],
) -> BTreeMap<String, Option<String>> {
    let folder = record_path::of_request(record.request_id, request.created_at.format("%Y/%m/%d"));
    let mut files = BTreeMap::from([
        (format!("{folder}/request.md"), Some(request_page(record, request))),
        (format!("{folder}/plan.json"), Some(pretty(&json!({"sha256": request.plan_sha256, "plan": request.plan})))),
        (format!("{folder}/approval.json"), Some(pretty(&request.approvals))),
        (format!("{folder}/tasks/{}.json", task.task_id), Some(pretty(&task_page(task, hosts)))),
        (format!("{folder}/log.txt"), Some(log_page(task, log))),
    ]);
    // A dry run applies no intent, whatever it did.
    let completed = |host: &&HostOutcome| host.status == "completed" && !task.is_dry;
    let applied: Vec<String> = match task.status.as_str() {
        "completed" if !task.is_dry => task.hosts.clone(),
        _ => hosts.iter().filter(completed).map(|host| host.host.clone()).collect(),
    };
    if !applied.is_empty() {
        files.extend(applied_intent(record, task, request, &applied));
    }
    if task.status != "completed" || task.is_dry {
        files.extend(hosts.iter().filter(|host| host.changed && !completed(host)).filter_map(|host| unfinished(record, task, host)));
    }
    files
}

/// What a task that did not come to its end has changed on a host: its intent is not applied there, and it is not as it was either.
fn unfinished(record: &Open, task: &TaskStory, host: &HostOutcome) -> Option<(String, Option<String>)> {
    let folder = host_folder(&host.host)?;
    let mut story = json!({
        "title": task.title, "action": task.action, "task_status": task.status, "host_status": host.status,
        "changed": host.changes, "message": host.message, "request": record.request_id,
    });
    if task.is_dry {
        story["during"] = json!("preview");
    }
    let yaml = serde_norway::to_string(&story).unwrap_or_default();
    Some((format!("{folder}/{UNFINISHED}/{}.yml", task.task_id), Some(yaml)))
}

fn applied_intent(record: &Open, task: &TaskStory, request: &RequestStory, hosts: &[String]) -> BTreeMap<String, Option<String>> {
    let plan = read_json::<PlanDocument>("plans", "body", &format!("the plan of task {}", task.task_id), &request.plan);
    if let Err(error) = &plan {
        tracing::error!(code = ErrorCode::StoredDataUnreadable.number(), %error, "the commit goes without the applied intent");
    }
    let step = plan.as_ref().ok().and_then(|plan| plan.step(&task.step_id));
    let (Some(step), Some(parameters)) = (step, task.parameters.as_object()) else { return BTreeMap::new() };
    let records = match render_records(step, hosts, parameters) {
        Ok(records) => records,
        Err(problem) => {
            tracing::error!(task_id = %task.task_id, %problem, "the action's `records` can't be rendered; the commit goes without them");
            return BTreeMap::new();
        }
    };
    let words = request.text.split_whitespace().collect::<Vec<_>>().join(" ");
    records
        .into_iter()
        .map(|(path, value)| {
            let yaml = (!value.is_null()).then(|| {
                let yaml = serde_norway::to_string(&value).unwrap_or_default();
                format!("# Applied by request {}: {}\n{yaml}", record.request_id, Shown::line(&words))
            });
            (path, yaml)
        })
        .collect()
}

fn request_page(record: &Open, request: &RequestStory) -> String {
    let origin = request.origin.as_deref().map(|origin| format!("\n- Origin: {}", Shown::line(origin))).unwrap_or_default();
    let mut page = format!(
        "# {}\n\n- Request: {}\n- Asked by: {}{origin}\n- Asked at: {}\n- Trace: {}\n- Plan: {}\n\n## Conversation\n\n",
        Shown::line(request.text.lines().next().unwrap_or_default()),
        record.request_id,
        request.requested_by,
        time(request.created_at),
        request.trace_id,
        request.plan_sha256.as_deref().unwrap_or("none"),
    );
    for message in request.messages.as_array().into_iter().flatten() {
        let quoted = Shown::block(message["text"].as_str().unwrap_or_default()).to_string().replace('\n', "\n> ");
        let who = message["by"].as_str().or_else(|| message["from"].as_str()).unwrap_or("?");
        page += &format!("**{who}**, {}:\n\n> {quoted}\n\n", message["at"].as_str().unwrap_or("?"));
    }
    page
}

fn task_page(task: &TaskStory, hosts: &[HostOutcome]) -> Value {
    json!({
        "task_id": task.task_id, "step_id": task.step_id, "title": task.title, "action": task.action, "status": task.status, "dry_run": task.is_dry,
        "changed": task.changed, "hosts": task.hosts, "host_results": hosts, "parameters": task.parameters, "outputs": task.outputs,
        "warnings": task.warnings, "error": task.error, "attempt": task.attempt, "agent_id": task.agent_id,
        "duration_seconds": task.duration_seconds, "started_at": task.started_at.map(time), "finished_at": task.finished_at.map(time),
    })
}

fn log_page(task: &TaskStory, log: &[LogLine]) -> String {
    let mut page = format!("{} (task {}, attempt {})\n", Shown::line(&task.title), task.task_id, task.attempt);
    for line in log {
        let place = [line.host.as_deref(), line.name.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" | ");
        let text = Shown::block(&line.text).to_string().replace('\n', "\n    ");
        page += &format!("{} {:<16} {} {text}\n", time(line.at), line.kind, Shown::line(&place)).replace("  \n", "\n");
        for diff in line.diff.as_deref().into_iter().flat_map(str::lines) {
            page += &format!("    {}\n", Shown::block(diff));
        }
    }
    let stored = task.stored_seq.unwrap_or(0);
    if stored > LOG_LINES {
        page += &format!("... {} more lines are in the database\n", stored - LOG_LINES);
    }
    if !task.log_is_whole() {
        page.push_str("... the rest of the log had not arrived when this was written; the database has it\n");
    }
    page
}

/// JSON that can be looked at: what would act in a terminal is escaped as JSON has it, and says the same.
fn pretty(value: &Value) -> String {
    let json = serde_json::to_string_pretty(value).unwrap_or_default();
    let mut text = String::with_capacity(json.len() + 1);
    for c in json.chars() {
        if is_deceptive(c) && c != '\n' {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| text.push_str(&format!("\\u{unit:04x}")));
        } else {
            text.push(c);
        }
    }
    text.push('\n');
    text
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_of_a_record_can_be_looked_at_and_says_the_same() {
        let value = json!({"title": "na\u{202e}s \u{1b}[2J\u{e0041}\u{9b}", "text": "größe\n"});
        let text = pretty(&value);
        assert!(text.chars().all(|c| c == '\n' || !is_deceptive(c)), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}

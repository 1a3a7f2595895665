//! `chiffon resolve`: decide about a task that was cut off. Shows what is known of it, and asks at a terminal.

use serde_json::{Value, json};

use super::over;
use super::terminal::{self, ask};
use crate::args::{Decision, Output, Resolve};
use crate::client::{Api, rows};
use crate::exit::{Exit, Failure, Outcome};
use crate::show::style::{bold, short, status};
use crate::show::table::{self, text};
use crate::show::text::{line, said};

/// How many requests that wait for a person are looked through for a shortened id.
const LOOKED_THROUGH: &str = "200";

/// Decides.
pub async fn run(api: &Api, output: Output, args: &Resolve) -> Outcome {
    let (request, task) = find(api, &args.id).await?;
    let id = text(&task["task_id"]);
    let mut decision = decision(&args.decision).map(str::to_owned);
    let (mut comment, mut not_running) = (args.comment.clone(), args.not_running);
    if decision.is_none() {
        // Whoever decides is told by the server how the task stands and who did; nobody is asked about what is decided.
        can_be_asked(&request, &task)?;
        tell(&request, &task);
        let words = "What becomes of it? r = try it again, d = it is done, g = give it up (empty to leave it): ";
        decision = match ask(words).await?.as_deref() {
            Some("r" | "retry") => Some("retry".to_owned()),
            Some("d" | "done") => Some("done".to_owned()),
            Some("g" | "give up" | "give_up") => Some("give_up".to_owned()),
            Some(other) => return Err(Failure::usage(format!("`{other}` is none of r, d and g; nothing was decided"))),
            None => None,
        };
        if decision.is_some() && task["status"] == "unknown" && !not_running {
            not_running = ask("Does nothing of it run on its hosts any more, for sure? y = yes: ").await?.as_deref() == Some("y");
        }
        if decision.is_some() && comment.is_none() {
            comment = ask("How do you know? (goes into the records): ").await?;
        }
    }
    let Some(decision) = decision else { return nothing_decided(&id) };
    let mut body = json!({"decision": decision, "attempt": args.attempt.map_or_else(|| task["attempt"].clone(), Into::into)});
    body["not_running"] = json!(not_running);
    if let Some(comment) = comment {
        body["comment"] = json!(comment);
    }
    let resolved = api.post(&format!("/tasks/{id}/resolve"), &body).await?;
    if !table::json(output, &resolved) {
        say!(
            "{}. The task is {}, its request {}.",
            text(&resolved["text"]),
            text(&resolved["task_status"]),
            text(&resolved["request_status"])
        );
    }
    Ok(Exit::Done)
}

fn decision(decision: &Decision) -> Option<&'static str> {
    let chosen = [(decision.retry, "retry"), (decision.done, "done"), (decision.give_up, "give_up")];
    chosen.into_iter().find_map(|(is_chosen, word)| is_chosen.then_some(word))
}

/// At a terminal that is a person's choice; without one it is a call that lacks something.
fn nothing_decided(id: &str) -> Outcome {
    if terminal::is_there() {
        say!("Nothing was decided.");
        return Ok(Exit::Done);
    }
    Err(Failure::usage(format!(
        "say what becomes of task {id}: --retry, --done or --give-up, with --comment TEXT for how you know (and --not-running when nothing of it runs any more)"
    )))
}

/// The story so far.
fn tell(request: &Value, task: &Value) {
    say!(
        "{} {}, attempt {} by {}",
        status(&text(&task["status"])),
        bold(&text(&task["title"])),
        text(&task["attempt"]),
        text(&task["agent_id"])
    );
    say!("  asked: {}", text(&request["text"]));
    if let Some(message) = said(&task["error"]["message"]) {
        say!("  {message}");
    }
    if let Some(found) = fresh_preview(request, task) {
        say!("  {}", line(found));
    }
    say!("  `chiffon logs {}` shows how far it came", text(&task["task_id"]));
}

/// What the dry run says that was made after this attempt was cut off.
fn fresh_preview<'r>(request: &'r Value, task: &Value) -> Option<&'r str> {
    let steps = request["plan"]["steps"].as_array()?;
    let preview = &steps.iter().find(|step| step["step_id"] == task["step_id"])?["preview"];
    preview["text"].as_str().filter(|_| preview["after_attempt"] == task["attempt"])
}

/// The task that this id means, with its request: a task's id, or that of a request with exactly one such task.
async fn find(api: &Api, id: &str) -> Result<(Value, Value), Failure> {
    let id = id.trim().to_ascii_lowercase();
    if id.len() < 4 {
        return Err(Failure::usage(format!("`{id}` is too short for an id; give four characters at least")));
    }
    let fits = |full: &Value| full.as_str().is_some_and(|full| full.starts_with(&id) || full.ends_with(&id));
    let mut found = Vec::new();
    for request in waiting(api).await? {
        let of_request = fits(&request["request_id"]);
        let open = open_tasks(&request).filter(|task| of_request || fits(&task["task_id"])).cloned().collect::<Vec<_>>();
        found.extend(open.into_iter().map(|task| (request.clone(), task)));
    }
    match found.len() {
        0 => nothing_to_decide(api, &id).await,
        1 => Ok(found.remove(0)),
        _ => {
            let lines: Vec<String> =
                found.iter().map(|(_, task)| format!("  {} {}", text(&task["task_id"]), text(&task["title"]))).collect();
            Err(Failure::usage(format!("`{id}` has several tasks to decide about; name one of them:\n{}", lines.join("\n"))))
        }
    }
}

/// The requests that may have such a task. Restored ones are paused.
async fn waiting(api: &Api) -> Result<Vec<Value>, Failure> {
    let mut waiting = Vec::new();
    for status in ["needs_attention", "paused"] {
        let listed = api.get("/requests", &[("status", status.to_owned()), ("limit", LOOKED_THROUGH.to_owned())]).await?;
        for row in rows(&listed) {
            waiting.push(api.request(&text(&row["request_id"])).await?);
        }
    }
    Ok(waiting)
}

/// The tasks of a request that a person can decide about.
pub fn open_tasks(request: &Value) -> impl Iterator<Item = &Value> {
    let is_open = |task: &&Value| {
        let is_cut_off = task["status"] == "unknown" || (task["status"] == "interrupted" && task["cancel_requested_at"].is_null());
        task["purpose"] == "apply" && is_cut_off
    };
    request["tasks"].as_array().into_iter().flatten().filter(is_open)
}

async fn nothing_to_decide(api: &Api, id: &str) -> Result<(Value, Value), Failure> {
    // A whole id may be that of a task which has been decided about: the server says how it stands and who did.
    if id.len() == 36
        && let Ok(task) = api.get(&format!("/tasks/{id}"), &[]).await
    {
        let request = api.request(&text(&task["request_id"])).await?;
        return Ok((request, task));
    }
    let request = api.request(&api.request_id(id).await?).await?;
    over::check(&request)?;
    let id = text(&request["request_id"]);
    let (status, short) = (text(&request["status"]), short(&id));
    Err(Failure::failed(format!("nothing of request {id} is to be decided: it is `{status}` (`chiffon show {short}` says how it stands)")))
}

fn can_be_asked(request: &Value, task: &Value) -> Result<(), Failure> {
    if open_tasks(request).any(|open| open["task_id"] == task["task_id"]) {
        return Ok(());
    }
    over::check(request)?;
    let (id, status) = (text(&request["request_id"]), text(&task["status"]));
    Err(Failure::failed(format!(
        "nothing of this task is to be decided: it is `{status}` (`chiffon show {}` says how it stands)",
        short(&id)
    )))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{Args, Verb};

    fn parsed(words: &[&str]) -> Result<Resolve, clap::Error> {
        match Args::try_parse_from([&["chiffon", "resolve", "7d2b8c15"], words].concat())?.verb {
            Verb::Resolve(resolve) => Ok(resolve),
            other => panic!("not a decision: {other:?}"),
        }
    }

    #[test]
    fn a_decision_is_one_of_three() {
        for (flag, word) in [("--retry", "retry"), ("--done", "done"), ("--give-up", "give_up")] {
            let chosen = parsed(&[flag, "--comment", "I looked", "--not-running", "--attempt", "2"]).expect("it reads");
            assert_eq!((decision(&chosen.decision), chosen.not_running, chosen.attempt), (Some(word), true, Some(2)));
        }
        assert_eq!(decision(&parsed(&[]).expect("it reads").decision), None);
        assert!(parsed(&["--retry", "--done"]).is_err(), "one of them");
    }

    #[test]
    fn only_the_dry_run_after_the_attempt_that_was_cut_off_is_told() {
        let request = json!({"plan": {"steps": [
            {"step_id": "one", "preview": {"text": "its action has no check mode"}},
            {"step_id": "two", "preview": {"text": "nothing is left to change", "after_attempt": 2}},
        ]}});
        let told = |step_id: &str, attempt: u64| fresh_preview(&request, &json!({"step_id": step_id, "attempt": attempt}));
        assert_eq!(told("two", 2), Some("nothing is left to change"));
        assert_eq!([told("one", 1), told("two", 1), told("two", 3), told("three", 2)], [None; 4]);
    }

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

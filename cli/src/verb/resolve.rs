//! `chiffon resolve`: decide about what was cut off. Shows what is known of each task, and asks at a terminal, one task after another.

use serde_json::{Value, json};

use super::terminal::{self, ask};
use super::undecided::{self, Found};
use super::{follow, over};
use crate::args::{Decision, Output, Resolve};
use crate::client::Api;
use crate::exit::{Exit, Failure, Outcome};
use crate::show::called::CHIFFON;
use crate::show::style::{bold, short, status};
use crate::show::table::{self, text};
use crate::show::text::{line, said};

/// Decides.
pub async fn run(api: &Api, output: Output, args: &Resolve) -> Outcome {
    let found = undecided::find(api, &args.id).await?;
    if let Some(word) = decision(&args.decision) {
        let task = &undecided::only(&args.id, &found)?.task;
        let said = Said { decision: word, comment: args.comment.clone(), not_running: args.not_running };
        let resolved = send(api, task, args, said).await?;
        return tell_outcome(api, output, &resolved).await;
    }
    // Whoever decides is told by the server how the task stands and who did; nobody is asked about what is decided.
    found.iter().try_for_each(can_be_asked)?;
    if !terminal::is_there() {
        return Err(not_said(&undecided::only(&args.id, &found)?.task));
    }
    let id = found.first().map(|first| text(&first.request["request_id"])).unwrap_or_default();
    follow::or_leave(&id, one_by_one(api, output, args, &found)).await
}

/// Asks about each; what nobody decides about is left.
async fn one_by_one(api: &Api, output: Output, args: &Resolve, found: &[Found]) -> Outcome {
    let mut last = None;
    for (number, Found { request, task }) in found.iter().enumerate() {
        if found.len() > 1 {
            say!("\n{}", bold(&format!("{} of {} to decide about", number + 1, found.len())));
        }
        tell(request, task);
        let Some(said) = asked(task, args).await? else {
            say!("Nothing was decided about it.");
            continue;
        };
        last = Some(send(api, task, args, said).await?);
    }
    match last {
        Some(resolved) => tell_outcome(api, output, &resolved).await,
        None => Ok(Exit::Done),
    }
}

/// What a person says about a task.
struct Said {
    decision: &'static str,
    comment: Option<String>,
    not_running: bool,
}

/// Asks for the decision, and for no more than it needs.
async fn asked(task: &Value, args: &Resolve) -> Result<Option<Said>, Failure> {
    let can_be_retried = task["cancel_requested_at"].is_null();
    let retry = if can_be_retried { "r = try it again, " } else { "" };
    let question = format!("What becomes of it? {retry}d = it is done, g = give it up (empty to leave it): ");
    let decision = match ask(&question).await?.as_deref() {
        None => return Ok(None),
        Some("r" | "retry") if can_be_retried => "retry",
        Some("d" | "done") => "done",
        Some("g" | "give up" | "give_up") => "give_up",
        Some(other) => {
            let letters = if can_be_retried { "r, d and g" } else { "d and g" };
            return Err(Failure::usage(format!("`{other}` is none of {letters}; nothing was decided about it")));
        }
    };
    let is_unknown = task["status"] == "unknown";
    let mut said = Said { decision, comment: args.comment.clone(), not_running: args.not_running };
    if is_unknown && !said.not_running {
        said.not_running = ask("Does nothing of it run on its hosts any more, for sure? y = yes: ").await?.as_deref() == Some("y");
    }
    // Their word stands in for a report there.
    if said.comment.is_none() && (is_unknown || decision == "done") {
        said.comment = ask("How do you know? (goes into the records): ").await?;
    }
    Ok(Some(said))
}

/// Sends a decision, and says what the server makes of it.
async fn send(api: &Api, task: &Value, args: &Resolve, said: Said) -> Result<Value, Failure> {
    let attempt = args.attempt.map_or_else(|| task["attempt"].clone(), Into::into);
    let mut body = json!({"decision": said.decision, "attempt": attempt, "not_running": said.not_running});
    if let Some(comment) = said.comment {
        body["comment"] = json!(comment);
    }
    let resolved = api.post(&format!("/tasks/{}/resolve", text(&task["task_id"])), &body).await?;
    say!("{}.", text(&resolved["text"]));
    Ok(resolved)
}

/// Says how the request stands now: it goes on, or waits until the rest is decided about, too.
async fn tell_outcome(api: &Api, output: Output, resolved: &Value) -> Outcome {
    if table::json(output, resolved) {
        return Ok(Exit::Done);
    }
    if resolved["request_status"] != "needs_attention" {
        say!("The task is {}, its request {}.", text(&resolved["task_status"]), text(&resolved["request_status"]));
        return Ok(Exit::Done);
    }
    let request = api.request(&text(&resolved["request_id"])).await?;
    say!("The request goes on when this is decided about, too:");
    for task in undecided::open_tasks(&request) {
        say!("  {CHIFFON} resolve {}   # {}", short(&text(&task["task_id"])), text(&task["title"]));
    }
    Ok(Exit::Done)
}

fn decision(decision: &Decision) -> Option<&'static str> {
    let chosen = [(decision.retry, "retry"), (decision.done, "done"), (decision.give_up, "give_up")];
    chosen.into_iter().find_map(|(is_chosen, word)| is_chosen.then_some(word))
}

/// Where nobody can be asked, a call without a decision lacks something.
fn not_said(task: &Value) -> Failure {
    Failure::usage(format!(
        "say what becomes of task {}: --retry, --done or --give-up, with --comment TEXT for how you know (and --not-running when nothing of it runs any more)",
        text(&task["task_id"])
    ))
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
    say!("  `{CHIFFON} logs {}` shows how far it came", text(&task["task_id"]));
}

/// What the dry run says that was made after this attempt was cut off.
fn fresh_preview<'r>(request: &'r Value, task: &Value) -> Option<&'r str> {
    let steps = request["plan"]["steps"].as_array()?;
    let preview = &steps.iter().find(|step| step["step_id"] == task["step_id"])?["preview"];
    preview["text"].as_str().filter(|_| preview["after_attempt"] == task["attempt"])
}

fn can_be_asked(Found { request, task }: &Found) -> Result<(), Failure> {
    if undecided::open_tasks(request).any(|open| open["task_id"] == task["task_id"]) {
        return Ok(());
    }
    over::check(request)?;
    let (id, status) = (text(&request["request_id"]), text(&task["status"]));
    Err(Failure::failed(format!(
        "nothing of this task is to be decided: it is `{status}` (`{CHIFFON} show {}` says how it stands)",
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
}

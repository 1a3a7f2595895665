//! Watching a request: what happens is printed as it happens, and silence is said.

use std::time::{Duration, Instant};

use chiffon_process::Shutdown;
use serde_json::Value;

use super::progress::{Planning, Run};
use crate::args::Output;
use crate::client::{Api, Event, Events};
use crate::exit::{Exit, Failure, Outcome};
use crate::show::called::CHIFFON;
use crate::show::style::{diff_line, faint, short};
use crate::show::table::{self, text};
use crate::show::text::{block, said};
use crate::show::{request as show_request, summary, time};

const ENDED: [&str; 5] = ["completed", "failed", "cancelled", "rejected", "expired"];
/// Where an approved plan whose action has changed comes to stand again.
const ASKS: [&str; 2] = ["awaiting_approval", "needs_input"];
/// How often it is looked at whether something has to be said although nothing happens.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long the last lines of a run that has ended, and its commits, are waited for.
const LAST_WORDS_WITHIN: Duration = Duration::from_secs(5);

/// Waits until a person is asked for, the run begins, or the request has ended.
pub async fn until_person_or_end(api: &Api, id: &str) -> Result<Value, Failure> {
    while_in(api, id, &["planning", "discovering", "previewing"]).await
}

/// Waits until the request is in another state than these, and tells each phase as it begins.
pub async fn while_in(api: &Api, id: &str, states: &[&str]) -> Result<Value, Failure> {
    let mut events = Events::of(api, id);
    let mut planning = Planning::default();
    loop {
        let request = events.request().await?;
        if !states.iter().any(|state| request["status"] == *state) {
            return Ok(request);
        }
        tell(planning.look(&request, Instant::now()));
        while next_within(&mut events, LOOK_EVERY).await?.is_none() {
            // How long a phase lasts is not known while nobody can be asked.
            if events.are_heard() {
                tell(planning.wait(Instant::now()));
            }
        }
    }
}

/// Streams a run to its end, and prints how it ended, or what it asks.
pub async fn to_the_end(api: &Api, output: Output, id: &str) -> Outcome {
    let request = until_it_ends_or_asks(api, output, id).await?;
    Ok(end(output, &request, id))
}

/// Prints how a run has ended, or the plan or the question that it came to stand at.
pub fn end(output: Output, request: &Value, id: &str) -> Exit {
    let exit = finish(output, request);
    if output == Output::Text && asks(request) {
        say!("{}", what_it_asks(request, id));
    }
    exit
}

/// Streams a run until it has ended, or until a person is asked again; the request as it stands then.
pub async fn until_it_ends_or_asks(api: &Api, output: Output, id: &str) -> Result<Value, Failure> {
    let mut events = Events::of(api, id);
    let mut run = Run::new(Instant::now());
    let (mut ended, mut is_alarmed) = (None::<Instant>, false);
    loop {
        let event = next_within(&mut events, LOOK_EVERY).await?;
        if ended.is_some_and(|ended| ended.elapsed() >= LAST_WORDS_WITHIN) {
            return events.request().await;
        }
        let Some(event) = event else {
            if !events.are_heard() {
                run.is_not_heard(Instant::now());
            } else if output == Output::Text {
                tell(run.wait(Instant::now()));
            }
            continue;
        };
        let says = run.hear(&event, Instant::now());
        if run.has_begun() && output == Output::Text {
            tell(says);
            if event.kind == "log" {
                print_log(&event.data);
            }
        }
        if event.kind == "request" && asks(&event.data) {
            // It is told of what was before, too; only a request that stands there now has stopped to ask.
            let request = events.request().await?;
            if asks(&request) {
                return Ok(request);
            }
        }
        if event.kind == "end" {
            return events.request().await;
        }
        if event.kind == "request" {
            is_alarmed = event.data["status"] == "needs_attention";
        }
        if is_alarmed && matches!(event.kind.as_str(), "request" | "task") {
            // What else was cut off with it is told one after another, and what is well runs on.
            let request = events.request().await?;
            if request["status"] == "needs_attention" && !is_running(&request) {
                return Ok(request);
            }
        }
        if event.kind == "request" && is_over(&event.data) {
            ended.get_or_insert_with(Instant::now);
        }
    }
}

/// Whether a task of it is at work.
fn is_running(request: &Value) -> bool {
    request["tasks"].as_array().into_iter().flatten().any(|task| task["status"] == "running")
}

/// Whether a request has ended.
pub fn is_over(request: &Value) -> bool {
    ENDED.iter().any(|word| request["status"] == *word)
}

/// Whether a request waits for a person's answer or decision.
pub fn asks(request: &Value) -> bool {
    ASKS.iter().any(|word| request["status"] == *word)
}

/// The command that answers a request that waits for a person.
fn what_it_asks(request: &Value, id: &str) -> String {
    let id = short(id);
    if request["status"] == "needs_input" {
        return format!("Answer it with: {CHIFFON} revise {id} \"your words\"");
    }
    format!("Approve it with: {CHIFFON} approve {id}")
}

/// Watches until it is over, or until the person leaves with Ctrl-C: what is watched goes on without them.
pub async fn or_leave(id: &str, watched: impl Future<Output = Outcome>) -> Outcome {
    tokio::select! {
        biased;
        // Listened to before anything is asked: a key that is pressed early is heard, too.
        () = Shutdown::signal() => {
            let id = short(id);
            say!(
                "\nThat ends nothing: `{CHIFFON} show {id}` says how it stands and what waits for you, `{CHIFFON} cancel {id}` ends it."
            );
            Ok(Exit::Interrupted)
        }
        outcome = watched => outcome,
    }
}

/// The next event; `None` when there is none so soon.
async fn next_within(events: &mut Events, within: Duration) -> Result<Option<Event>, Failure> {
    tokio::time::timeout(within, events.next()).await.map_or(Ok(None), |event| event.map(Some))
}

fn tell(line: Option<String>) {
    if let Some(line) = line {
        say!("{line}");
    }
}

/// Prints how it ended; the exit code for it.
pub fn finish(output: Output, request: &Value) -> Exit {
    if !table::json(output, request) {
        println!();
        if summary::has_run(request) {
            summary::print(request);
        } else {
            show_request::print(request);
        }
    }
    exit_for(request)
}

/// The exit code that a request's status stands for.
pub fn exit_for(request: &Value) -> Exit {
    match request["status"].as_str() {
        Some("failed" | "needs_attention") => Exit::Failed,
        Some("rejected" | "cancelled" | "expired") => Exit::Declined,
        Some("needs_input") => Exit::NeedsInput,
        Some("awaiting_approval") => Exit::AwaitingApproval,
        _ => Exit::Done,
    }
}

/// Prints the lines of a log event.
pub fn print_log(data: &Value) {
    let is_dry = is_dry(data);
    data["lines"].as_array().into_iter().flatten().for_each(|line| print_line(line, is_dry));
}

/// Whether what a task or an event of its log says was only tried. An older orchestrator doesn't tell.
pub fn is_dry(data: &Value) -> bool {
    data["purpose"] == "preview"
}

/// Prints a line of a log.
pub fn print_line(line: &Value, is_dry: bool) {
    for line in lines_of(line, is_dry) {
        println!("{line}");
    }
}

/// A line of a log as people read it, with what stands under it.
pub fn lines_of(line: &Value, is_dry: bool) -> Vec<String> {
    let mut lines = vec![format!("{} {}", faint(&time::clock(&line["at"])), heading(line, is_dry))];
    // Indented, so that no text looks like a line of its own.
    lines.extend(block(line["text"].as_str().unwrap_or_default()).lines().skip(1).map(|more| format!("           {more}")));
    lines.extend(line["diff"].as_str().into_iter().flat_map(str::lines).map(|diff| format!("           {}", diff_line(diff))));
    lines
}

/// What happened where; of a dry run it is said, for its words are those of a run.
fn heading(line: &Value, is_dry: bool) -> String {
    let mark = is_dry.then(|| "dry run".to_owned());
    let place: Vec<String> = mark.into_iter().chain([&line["host"], &line["name"]].into_iter().filter_map(said)).collect();
    let words = block(line["text"].as_str().unwrap_or_default());
    let kind = text(&line["kind"]);
    let kind = match kind.as_str() {
        "play_started" => "play",
        "job_started" => "job",
        "host_unreachable" => "unreachable",
        kind => kind.trim_start_matches("task_"),
    };
    format!("{kind:<12} {} {}", place.join(" · "), words.lines().next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_of_a_dry_run_is_told_apart_from_one_of_the_run() {
        let line = json!({"kind": "task_changed", "host": "nas", "name": "Start it", "text": "started"});
        assert_eq!(heading(&line, is_dry(&json!({"purpose": "preview"}))), "changed      dry run · nas · Start it started");
        assert_eq!(heading(&line, is_dry(&json!({"purpose": "apply"}))), "changed      nas · Start it started");
        let play = json!({"kind": "play_started", "name": "Change nas"});
        assert_eq!(heading(&play, false), "play         Change nas ");
        assert_eq!(heading(&line, is_dry(&json!({}))), "changed      nas · Start it started");
    }
}

//! `chiffon dead-letters`: messages that could not be handled.

use serde_json::{Value, json};

use crate::args::{DeadLetterVerb, Output};
use crate::client::{Api, rows};
use crate::exit::{Exit, Failure, Outcome};
use crate::show::style::{bold, short};
use crate::show::table::{self, text};
use crate::show::text::{block, escaped, line};
use crate::show::time;

/// Lists, shows, replays or purges.
pub async fn run(api: &Api, output: Output, verb: &DeadLetterVerb) -> Outcome {
    match verb {
        DeadLetterVerb::List { state, queue, code, sender, most } => {
            let mut query = vec![("state", state.clone())];
            query.extend(queue.clone().map(|queue| ("queue", queue)));
            query.extend(sender.clone().map(|sender| ("sender", sender)));
            query.extend(code.map(|code| ("code", code.to_string())));
            list(api, output, &query, most.limit(50)).await
        }
        DeadLetterVerb::Show { id } => show(api, output, id).await,
        DeadLetterVerb::Replay { id } => replay(api, output, id).await,
        DeadLetterVerb::Purge { id: Some(id), .. } => {
            let purged = api.delete(&format!("/dead-letters/{}", whole(api, id).await?)).await?;
            if !table::json(output, &purged) {
                say!("Purged.");
            }
            Ok(Exit::Done)
        }
        DeadLetterVerb::Purge { id: None, queue, code, sender, all } => {
            let purged = api.post("/dead-letters/purge", &json!({"queue": queue, "code": code, "sender": sender, "all": all})).await?;
            if !table::json(output, &purged) {
                say!("Purged {}.", text(&purged["purged"]));
            }
            Ok(Exit::Done)
        }
    }
}

async fn list(api: &Api, output: Output, query: &[(&str, String)], most: usize) -> Outcome {
    let listed = api.list("/dead-letters", query, most).await?;
    if !table::json(output, &listed) {
        let table = rows(&listed).map(row).collect();
        table::print(&["ID", "STATE", "DIED", "TIMES", "QUEUE", "MESSAGE", "SENDER", "CODE", "REASON"], table, "No dead letters.");
        table::say_more(&listed, "dead letters");
    }
    Ok(Exit::Done)
}

fn row(letter: &Value) -> Vec<String> {
    let or = |value: &Value, otherwise: &str| if value.is_null() { otherwise.to_owned() } else { text(value) };
    vec![
        short(&text(&letter["id"])).to_owned(),
        text(&letter["state"]),
        time::ago(&letter["last_died_at"]),
        text(&letter["times"]),
        text(&letter["queue"]),
        or(&letter["message_type"], "?"),
        or(&letter["sender"], "?"),
        or(&letter["code"], "broker"),
        text(&letter["reason"]),
    ]
}

async fn show(api: &Api, output: Output, id: &str) -> Outcome {
    let letter = api.get(&format!("/dead-letters/{}", whole(api, id).await?), &[]).await?;
    if table::json(output, &letter) {
        return Ok(Exit::Done);
    }
    let shown = [
        "id",
        "state",
        "died_at",
        "last_died_at",
        "times",
        "queue",
        "code",
        "reason",
        "sender",
        "key_id",
        "signature",
        "message_type",
        "message_id",
        "trace_id",
        "request_id",
        "task_id",
        "attempt",
        "replay_of",
        "settled_at",
        "settled_by",
        "note",
    ];
    for name in shown.into_iter().filter(|name| !letter[name].is_null()) {
        println!("{:<13} {}", bold(name), text(&letter[name]));
    }
    println!("\n{}", bold("headers"));
    for (name, value) in letter["headers"].as_object().into_iter().flatten() {
        println!("{}: {}", line(name), text(value));
    }
    println!("\n{}", bold("body"));
    match &letter["body"] {
        Value::String(body) => println!("{}", block(body)),
        body => println!("{}", escaped(&serde_json::to_string_pretty(body).unwrap_or_default())),
    }
    Ok(Exit::Done)
}

async fn replay(api: &Api, output: Output, id: &str) -> Outcome {
    let replayed = api.post(&format!("/dead-letters/{}/replay", whole(api, id).await?), &json!({})).await?;
    if !table::json(output, &replayed) {
        say!("Replayed: {}.", text(&replayed["note"]));
    }
    Ok(Exit::Done)
}

/// The whole id that a shortened one stands for: its beginning or its end, four characters at least.
async fn whole(api: &Api, id: &str) -> Result<String, Failure> {
    let id = id.trim().to_ascii_lowercase();
    if id.len() == 36 {
        return Ok(id);
    }
    if id.len() < 4 {
        return Err(Failure::usage(format!("`{id}` is too short for an id; give four characters at least")));
    }
    let listed = api.get("/dead-letters", &[("state", "all".to_owned()), ("limit", "500".to_owned())]).await?;
    let ids = rows(&listed).filter_map(|row| row["id"].as_str());
    let matching: Vec<&str> = ids.filter(|full| full.starts_with(&id) || full.ends_with(&id)).collect();
    match matching.as_slice() {
        [] => Err(Failure::usage(format!(
            "no dead letter's id begins or ends with `{id}`; `chiffon dead-letters list --state all` lists them"
        ))),
        [one] => Ok((*one).to_owned()),
        several => Err(Failure::usage(format!("`{id}` fits several dead letters: {}", several.join(", ")))),
    }
}

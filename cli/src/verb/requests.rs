//! `chiffon requests` and `chiffon show`.

use chiffon_process::{Clock as _, SystemClock};
use serde_json::Value;

use super::undecided;
use crate::args::{Output, Requests};
use crate::client::{Api, rows};
use crate::exit::{Exit, Outcome};
use crate::show::called::CHIFFON;
use crate::show::style::{short, status as paint_status};
use crate::show::table::{self, text};
use crate::show::text::line;
use crate::show::{request as show_request, time};

/// Lists requests, newest first.
pub async fn list(api: &Api, output: Output, wanted: &Requests) -> Outcome {
    let mut query = Vec::new();
    let since = wanted.since.as_deref().map(|since| time::moment(since, SystemClock.now())).transpose()?;
    let filters = [
        ("status", &wanted.status),
        ("text", &wanted.text),
        ("host", &wanted.host),
        ("action", &wanted.action),
        ("who", &wanted.who),
        ("origin", &wanted.origin),
        ("id", &wanted.id),
        ("message_id", &wanted.message_id),
        ("since", &since),
    ];
    query.extend(filters.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
    let listed = api.list("/requests", &query, wanted.most.limit(20)).await?;
    if !table::json(output, &listed) {
        let table = rows(&listed)
            .map(|row| {
                let id = text(&row["request_id"]);
                vec![
                    short(&id).to_owned(),
                    paint_status(&text(&row["status"])),
                    time::ago(&row["created_at"]),
                    text(&row["requested_by"]),
                    text(&row["text"]),
                ]
            })
            .collect();
        table::print(
            &["ID", "STATUS", "ASKED", "BY", "WORDS"],
            table,
            &if query.is_empty() {
                format!("No requests yet. `{CHIFFON} actions` lists what can be asked for, with examples.")
            } else {
                "No request fits.".to_owned()
            },
        );
        table::say_more(&listed, "requests");
    }
    Ok(Exit::Done)
}

/// Shows one request.
pub async fn show(api: &Api, output: Output, id: &str) -> Outcome {
    let id = api.request_id(id).await?;
    let request = api.request(&id).await?;
    if !table::json(output, &request) {
        show_request::print(&request);
        let next = commands(&request);
        if !next.is_empty() {
            say!("\nnext: {}", next.join(", "));
        }
    }
    Ok(Exit::Done)
}

/// What can be done next, as it would be typed.
fn commands(request: &Value) -> Vec<String> {
    let id = text(&request["request_id"]);
    let id = short(&id);
    let mut commands = Vec::new();
    for call in request["next"].as_array().into_iter().flatten() {
        match call.as_str().unwrap_or_default() {
            "revise" | "answer" => commands.push(format!("{CHIFFON} revise {id} \"your words\"")),
            "resolve" => commands.extend(undecided::commands(request)),
            call => commands.push(format!("{CHIFFON} {} {id}", line(call))),
        }
    }
    commands.dedup();
    commands
}

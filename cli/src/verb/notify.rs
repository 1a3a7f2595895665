//! `chiffon notify`: where people are told what needs them, and what became of it.

use serde_json::{Value, json};

use crate::args::{NotifyVerb, Output};
use crate::client::{Api, rows};
use crate::exit::{Exit, Failure, Outcome};
use crate::show::style::{paint, short};
use crate::show::table::{self, text};
use crate::show::time;

/// Lists the channels.
pub async fn channels(api: &Api, output: Output) -> Outcome {
    let listed = api.get("/notifications/channels", &[]).await?;
    if !table::json(output, &listed) {
        let head = ["CHANNEL", "FOR", "WHERE", "TELLS", "LAST SENT", "WAIT", "GIVEN UP"];
        let empty =
            "No channels. One is a table [[notifications.channels]] of the configuration, which docs/how-to/notifications.md explains.";
        table::print(&head, rows(&listed).map(channel).collect(), empty);
        for channel in rows(&listed) {
            for why in [&channel["problem"], &channel["last_error"]].into_iter().filter(|why| why.is_string()) {
                say!("{}", paint("33", &format!("{}: {}", text(&channel["name"]), text(why))));
            }
        }
    }
    Ok(Exit::Done)
}

/// Lists notifications, tests a channel, or has a notification tried again.
pub async fn run(api: &Api, output: Output, verb: &NotifyVerb) -> Outcome {
    match verb {
        NotifyVerb::List { state, most } => {
            let query: Vec<(&str, String)> = state.iter().map(|state| ("state", state.clone())).collect();
            let listed = api.list("/notifications", &query, most.limit(50)).await?;
            if !table::json(output, &listed) {
                let head = ["ID", "STATE", "MADE", "CHANNEL", "TRIES", "TITLE", "WHY"];
                table::print(&head, rows(&listed).map(notice).collect(), "No notifications. `chiffon notify` lists the channels.");
                table::say_more(&listed, "notifications");
            }
        }
        NotifyVerb::Test { channel } => {
            let tested = api.post(&format!("/notifications/channels/{channel}/test"), &json!({})).await?;
            if !table::json(output, &tested) {
                say!("The receiver of {} has taken a message.", text(&tested["channel"]));
            }
        }
        NotifyVerb::Retry { id } => {
            let retried = api.post(&format!("/notifications/{}/retry", whole(api, id).await?), &json!({})).await?;
            if !table::json(output, &retried) {
                say!("It is tried again now; `chiffon notify list` says how that went.");
            }
        }
    }
    Ok(Exit::Done)
}

fn channel(channel: &Value) -> Vec<String> {
    let told: Vec<String> = channel["notices"].as_array().into_iter().flatten().map(text).collect();
    let least = channel["least_risk"].is_string().then(|| format!(" from risk {}", text(&channel["least_risk"])));
    vec![
        text(&channel["name"]),
        if channel["person"].is_null() { "several".to_owned() } else { text(&channel["person"]) },
        text(&channel["address"]),
        format!("{}{}{}", told.join(", "), least.unwrap_or_default(), rhythm(channel)),
        if channel["last_sent_at"].is_null() { "never".to_owned() } else { time::ago(&channel["last_sent_at"]) },
        text(&channel["waiting"]),
        text(&channel["given_up"]),
    ]
}

/// When it tells what is not urgent, where that is not at once.
fn rhythm(channel: &Value) -> String {
    let digest = channel["digest"].as_str().map(|span| format!("; gathered for {span}"));
    let quiet = channel["quiet"].as_str().map(|hours| format!("; not {hours}"));
    format!("{}{}", digest.unwrap_or_default(), quiet.unwrap_or_default())
}

/// Its state; for how long what waits is held.
fn state(notice: &Value) -> String {
    let left = if notice["state"] == "pending" { time::left(&notice["held_until"]) } else { None };
    left.map_or_else(|| text(&notice["state"]), |left| format!("held for {left}"))
}

fn notice(notice: &Value) -> Vec<String> {
    vec![
        short(&text(&notice["notice_id"])).to_owned(),
        state(notice),
        time::ago(&notice["created_at"]),
        text(&notice["channel"]),
        text(&notice["attempts"]),
        text(&notice["title"]),
        text(&notice["last_error"]),
    ]
}

/// The whole id that a shortened one stands for: its beginning or its end, four characters at least.
async fn whole(api: &Api, id: &str) -> Result<String, Failure> {
    let id = id.trim().to_ascii_lowercase();
    if id.len() == 36 {
        return Ok(id);
    }
    if id.len() < 4 || !id.chars().all(|c| c.is_ascii_hexdigit() || c == '-') {
        return Err(Failure::usage(format!("`{}` is no id; give four characters of one at least", id.escape_debug())));
    }
    let listed = api.list("/notifications", &[], usize::MAX).await?;
    let ids = rows(&listed).filter_map(|row| row["notice_id"].as_str());
    let matching: Vec<&str> = ids.filter(|full| full.starts_with(&id) || full.ends_with(&id)).collect();
    match matching.as_slice() {
        [one] => Ok((*one).to_owned()),
        [] => Err(Failure::usage(format!("no notification's id begins or ends with `{id}`; `chiffon notify list` lists them"))),
        several => Err(Failure::usage(format!("`{id}` fits {} notifications; give more of it", several.len()))),
    }
}

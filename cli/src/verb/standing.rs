//! `chiffon standing`: words for steps that were approved once and may run again.

use serde_json::{Value, json};

use crate::args::{Output, StandingVerb};
use crate::client::{Api, rows};
use crate::exit::{Exit, Failure, Outcome};
use crate::show::style::short;
use crate::show::table::{self, text};
use crate::show::time;

/// Gives, lists, shows or withdraws standing approvals.
pub async fn run(api: &Api, output: Output, verb: &StandingVerb) -> Outcome {
    match verb {
        StandingVerb::Give { id, valid_for, any, origin, comment } => {
            let scope = match (any, origin.is_empty()) {
                (true, _) => "any",
                (false, false) => "origin",
                (false, true) => "requester",
            };
            let mut body = json!({"scope": scope, "comment": comment});
            if let Some(valid_for) = valid_for {
                body["valid_for"] = json!(valid_for);
            }
            if !origin.is_empty() {
                body["origin_kinds"] = json!(origin);
            }
            give(api, output, id, body).await
        }
        StandingVerb::List { state, most } => {
            let query: Vec<(&str, String)> = state.iter().map(|state| ("state", state.clone())).collect();
            let listed = api.list("/standing-approvals", &query, most.limit(50)).await?;
            if !table::json(output, &listed) {
                let head = ["ID", "STATE", "BY", "FOR", "UNTIL", "USED", "LAST", "STEPS"];
                table::print(&head, rows(&listed).map(row).collect(), "No standing approvals. `chiffon standing give REQUEST` gives one.");
                table::say_more(&listed, "standing approvals");
            }
            Ok(Exit::Done)
        }
        StandingVerb::Show { id } => {
            let shown = api.get(&format!("/standing-approvals/{}", whole_id(api, id).await?), &[]).await?;
            if !table::json(output, &shown) {
                print(&shown);
            }
            Ok(Exit::Done)
        }
        StandingVerb::Withdraw { id, why } => {
            let path = format!("/standing-approvals/{}/withdraw", whole_id(api, id).await?);
            let withdrawn = api.post(&path, &json!({"reason": why})).await?;
            if !table::json(output, &withdrawn) {
                say!("{}.", text(&withdrawn["text"]));
            }
            Ok(Exit::Done)
        }
    }
}

async fn give(api: &Api, output: Output, id: &str, mut body: Value) -> Outcome {
    let id = api.request_id(id).await?;
    let request = api.request(&id).await?;
    let Some(sha256) = request["plan"]["sha256"].as_str() else {
        return Err(Failure::failed(format!("request {} has no plan to stand for; `chiffon show {0}` says how it stands", short(&id))));
    };
    body["request_id"] = json!(id);
    body["plan_sha256"] = json!(sha256);
    let given = api.post("/standing-approvals", &body).await?;
    if !table::json(output, &given) {
        print(&given);
        say!("`chiffon standing withdraw {}` ends it before that.", short(&text(&given["standing_approval_id"])));
    }
    Ok(Exit::Done)
}

fn row(standing: &Value) -> Vec<String> {
    vec![
        short(&text(&standing["standing_approval_id"])).to_owned(),
        text(&standing["state"]),
        text(&standing["given_by"]),
        scope(standing),
        moment(&standing["expires_at"]),
        text(&standing["uses"]),
        time::ago(&standing["last_used_at"]),
        text(&standing["summary"]),
    ]
}

fn print(standing: &Value) {
    let by = text(&standing["given_by"]);
    println!("{} {}  {}", text(&standing["standing_approval_id"]), text(&standing["state"]), text(&standing["summary"]));
    println!("{by} stands for these steps, for requests of {}, until {}:", scope(standing), moment(&standing["expires_at"]));
    for step in standing["steps"].as_array().into_iter().flatten() {
        let hosts: Vec<String> = step["hosts"].as_array().into_iter().flatten().map(text).collect();
        println!("  {} ({}, risk {}; {})", text(&step["title"]), text(&step["action"]), text(&step["risk"]), hosts.join(", "));
    }
    println!("given {} on the plan of request {}", moment(&standing["given_at"]), text(&standing["request_id"]));
    if standing["comment"].is_string() {
        println!("why: {}", text(&standing["comment"]));
    }
    if standing["last_used_at"].is_string() {
        println!("used {} times, last {}", text(&standing["uses"]), time::ago(&standing["last_used_at"]));
    } else {
        println!("not used yet");
    }
    if standing["withdrawn_at"].is_string() {
        println!("withdrawn {} by {}", moment(&standing["withdrawn_at"]), text(&standing["withdrawn_by"]));
    }
    if standing["withdrawn_why"].is_string() {
        println!("because: {}", text(&standing["withdrawn_why"]));
    }
}

fn scope(standing: &Value) -> String {
    match standing["scope"].as_str() {
        Some("requester") => text(&standing["requester"]),
        Some("origin") => {
            let kinds: Vec<String> = standing["origin_kinds"].as_array().into_iter().flatten().map(text).collect();
            kinds.join(", ")
        }
        Some("any") => "everybody".to_owned(),
        _ => text(&standing["scope"]),
    }
}

fn moment(value: &Value) -> String {
    time::second(value).unwrap_or_else(|| text(value))
}

/// The whole id that a shortened one stands for: its beginning or its end, four characters at least.
async fn whole_id(api: &Api, id: &str) -> Result<String, Failure> {
    let id = id.trim().to_ascii_lowercase();
    if id.len() == 36 {
        return Ok(id);
    }
    if id.len() < 4 || !id.chars().all(|c| c.is_ascii_hexdigit() || c == '-') {
        return Err(Failure::usage(format!("`{}` is no id; give four characters of one at least", id.escape_debug())));
    }
    let listed = api.list("/standing-approvals", &[], usize::MAX).await?;
    let ids = rows(&listed).filter_map(|row| row["standing_approval_id"].as_str());
    let matching: Vec<&str> = ids.filter(|full| full.starts_with(&id) || full.ends_with(&id)).collect();
    match matching.as_slice() {
        [one] => Ok((*one).to_owned()),
        [] => Err(Failure::usage(format!("no standing approval's id begins or ends with `{id}`; `chiffon standing list` lists them"))),
        several => Err(Failure::usage(format!("`{id}` fits {} standing approvals; give more of it", several.len()))),
    }
}

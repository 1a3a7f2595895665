//! `chiffon request`: ask, see the plan, decide, watch.

use serde_json::{Value, json};

use super::follow;
use super::terminal::ask;
use crate::args::{Output, Request};
use crate::client::Api;
use crate::exit::{Exit, Failure, Outcome};
use crate::show::style::{bold, short};
use crate::show::table::{self, text};
use crate::show::{plan, request as show_request};

/// Sends the words and goes as far as the flags and the terminal allow.
pub async fn run(api: &Api, output: Output, args: &Request) -> Outcome {
    let mut body = json!({"text": args.text});
    if let Some(limit) = args.max_cost_usd {
        body["max_cost_usd"] = json!(limit);
    }
    if let Some(priority) = args.priority {
        body["priority"] = json!(priority);
    }
    let sent = api.post("/request", &body).await?;
    let id = text(&sent["request_id"]);
    if args.detach {
        if !table::json(output, &sent) {
            println!("{id}");
        }
        return Ok(Exit::Done);
    }
    eprintln!("Request {} is being planned …", bold(short(&id)));
    let mut said = 0;
    loop {
        let request = follow::until_person_or_end(api, &id).await?;
        match request["status"].as_str() {
            Some("awaiting_approval") => {
                if let Some(exit) = decide(api, output, args, &request).await? {
                    return Ok(exit);
                }
            }
            Some("needs_input") => {
                print_new_messages(&request, &mut said);
                let Some(answer) = ask("Your answer (empty to leave it): ")? else {
                    return Ok(leave(output, &request, "answer it with `chiffon revise ID WORDS`; its id is"));
                };
                api.post(&format!("/request/{id}/messages"), &json!({"text": answer})).await?;
            }
            Some("running") => return follow::to_the_end(api, output, &id).await,
            _ => return Ok(follow::finish(output, &request)),
        }
    }
}

async fn decide(api: &Api, output: Output, args: &Request, request: &Value) -> Result<Option<Exit>, Failure> {
    let id = text(&request["request_id"]);
    if output == Output::Text {
        plan::print(request);
        println!();
        show_request::print_wait(request);
    }
    let decision =
        if args.yes { Some("y".to_owned()) } else { ask("Approve? y = yes, n = reject, or say what to change (empty to leave it): ")? };
    let hash = text(&request["plan"]["sha256"]);
    match decision.as_deref() {
        None => Ok(Some(leave(output, request, "approve it with `chiffon approve ID`; its id is"))),
        Some("y" | "yes" | "Y") => {
            api.decide(&id, &hash, "approve", None).await?;
            // Another approver may be needed: then the request goes on waiting, and says for whom.
            let now = api.request(&id).await?;
            if now["status"] == "awaiting_approval" {
                return Ok(Some(leave(output, &now, "another approver is needed, who runs `chiffon approve ID`; its id is")));
            }
            follow::to_the_end(api, output, &id).await.map(Some)
        }
        Some("n" | "no" | "N") => {
            api.decide(&id, &hash, "reject", None).await?;
            eprintln!("Rejected. Nothing was changed.");
            Ok(Some(Exit::Declined))
        }
        Some(words) => {
            api.decide(&id, &hash, "revise", Some(words)).await?;
            eprintln!("Planning again …");
            Ok(None)
        }
    }
}

fn leave(output: Output, request: &Value, next: &str) -> Exit {
    if !table::json(output, request) {
        eprintln!("Request {} waits; {next} {}", text(&request["request_id"]), short(&text(&request["request_id"])));
    }
    Exit::Done
}

fn print_new_messages(request: &Value, said: &mut usize) {
    let messages = request["messages"].as_array().map_or(&[][..], Vec::as_slice);
    for message in messages.iter().skip(*said).filter(|message| message["from"] == "chiffon") {
        println!("{}", text(&message["text"]));
    }
    *said = messages.len();
}

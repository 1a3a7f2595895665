//! `chiffon approve`, `reject` and `revise`.

use serde_json::{Value, json};

use super::follow;
use crate::args::Output;
use crate::client::Api;
use crate::exit::{Exit, Failure, Outcome};
use crate::show::table::{self, text};
use crate::show::{plan, request as show_request};

/// Approves the current plan, or the one with the hash that was seen, and streams the run.
pub async fn approve(api: &Api, output: Output, id: &str, sha256: Option<&str>, comment: Option<&str>) -> Outcome {
    let id = api.request_id(id).await?;
    let request = api.request(&id).await?;
    let hash = hash_of(&request, sha256)?;
    if output == Output::Text {
        plan::print(&request);
    }
    api.decide(&id, &hash, "approve", comment).await?;
    let now = api.request(&id).await?;
    if now["status"] == "awaiting_approval" {
        if !table::json(output, &now) {
            eprintln!("Your approval is recorded.");
            show_request::print_wait(&now);
        }
        return Ok(Exit::Done);
    }
    follow::to_the_end(api, output, &id).await
}

/// Rejects the current plan.
pub async fn reject(api: &Api, output: Output, id: &str, comment: Option<&str>) -> Outcome {
    let id = api.request_id(id).await?;
    let hash = hash_of(&api.request(&id).await?, None)?;
    let answer = api.decide(&id, &hash, "reject", comment).await?;
    if !table::json(output, &answer) {
        eprintln!("Rejected. Nothing was changed.");
    }
    Ok(Exit::Done)
}

/// Says something in the conversation: a change or an answer, and shows what comes of it.
pub async fn revise(api: &Api, output: Output, id: &str, words: &str) -> Outcome {
    let id = api.request_id(id).await?;
    api.post(&format!("/request/{id}/messages"), &json!({"text": words})).await?;
    let request = follow::until_person_or_end(api, &id).await?;
    follow::finish(output, &request);
    Ok(Exit::Done)
}

fn hash_of(request: &Value, seen: Option<&str>) -> Result<String, Failure> {
    let current = &request["plan"]["sha256"];
    match (seen, current.as_str()) {
        (Some(seen), _) if seen.len() == 64 => Ok(seen.to_owned()),
        (Some(seen), Some(current)) if seen.len() >= 8 && current.starts_with(seen) => Ok(current.to_owned()),
        (Some(seen), _) => Err(Failure::failed(format!("the plan is not `{seen}…` any more; look at it again with `chiffon show`"))),
        (None, Some(current)) => Ok(current.to_owned()),
        (None, None) => Err(Failure::failed(format!(
            "the request has no plan to decide about; it is {} (`chiffon show` says what it waits for)",
            text(&request["status"])
        ))),
    }
}

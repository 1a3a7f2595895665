//! `chiffon approve`, `reject` and `revise`.

use serde_json::{Value, json};

use super::{follow, over, part, request, terminal};
use crate::args::{Approve, Output, Reject};
use crate::client::Api;
use crate::exit::{Exit, Failure, Outcome};
use crate::show::called::CHIFFON;
use crate::show::style::short;
use crate::show::table::{self, text};
use crate::show::{changed, plan, request as show_request};

/// Shows the current plan and asks; with `--yes`, or with the hash of the plan that was seen, approves it without asking. Streams the run.
///
/// Where nobody can be asked, one of the two has to be said: a plan that nobody has seen is never approved by accident.
pub async fn approve(api: &Api, output: Output, args: &Approve) -> Outcome {
    let id = api.request_id(&args.id).await?;
    let now = api.request(&id).await?;
    over::check(&now)?;
    let hash = hash_of(&now, args.sha256.as_deref())?;
    let left_out = part::ids(&now["plan"], &args.without)?;
    let is_said = args.yes || args.sha256.is_some();
    if !is_said && output == Output::Text && terminal::is_there() {
        if now["status"] != "awaiting_approval" {
            return Err(not_to_be_decided(&now));
        }
        return request::see_through(api, output, &id, (&hash, &left_out), args.comment.as_deref()).await;
    }
    if !is_said {
        let (id, seen, without) = (short(&id), hash.get(..12).unwrap_or(&hash), part::said(&left_out));
        return Err(Failure::usage(format!(
            "nobody can be asked here; `{CHIFFON} show {id}` shows the plan, `{CHIFFON} approve {id} --sha256 {seen}{without}` approves exactly that one, \
             and `{CHIFFON} approve {id} --yes{without}` whatever it is"
        )));
    }
    if output == Output::Text {
        plan::print(&now);
    }
    if output == Output::Text && !left_out.is_empty() {
        say!("Left out: {}", part::told(&now["plan"], &left_out));
    }
    if let Err(refusal) = api.approve(&id, &hash, &left_out, args.comment.as_deref()).await {
        return Err(over::or(api, &id, refusal).await);
    }
    let now = api.request(&id).await?;
    if now["status"] == "awaiting_approval" {
        return Ok(wait_for_another(output, &now));
    }
    follow::or_leave(&id, follow::to_the_end(api, output, &id)).await
}

/// Says that one approval was not enough.
pub fn wait_for_another(output: Output, request: &Value) -> Exit {
    if !table::json(output, request) {
        let id = text(&request["request_id"]);
        say!(
            "Your approval is recorded. Another approver is needed, who runs: chiffon approve {}{}",
            short(&id),
            part::option(&request["plan"])
        );
        show_request::print_wait(request);
    }
    follow::exit_for(request)
}

/// Shows the current plan, asks why, and rejects it; with `--yes`, and where nobody can be asked, rejects it at once.
pub async fn reject(api: &Api, output: Output, args: &Reject) -> Outcome {
    let id = api.request_id(&args.id).await?;
    let now = api.request(&id).await?;
    over::check(&now)?;
    let hash = hash_of(&now, None)?;
    let mut comment = args.comment.clone();
    if !args.yes && output == Output::Text && terminal::is_there() {
        if now["status"] != "awaiting_approval" {
            return Err(not_to_be_decided(&now));
        }
        plan::print(&now);
        println!();
        match asked_why(&now, comment.as_deref()).await? {
            Why::Left => {
                say!("Nothing was decided: request {} waits as before.", short(&id));
                return Ok(follow::exit_for(&now));
            }
            Why::AsSaid => {}
            Why::Because(reason) => comment = Some(reason),
        }
    }
    let answer = match api.decide(&id, &hash, "reject", comment.as_deref()).await {
        Ok(answer) => answer,
        Err(refusal) => return Err(over::or(api, &id, refusal).await),
    };
    if !table::json(output, &answer) {
        say_rejected(api, &id).await;
    }
    Ok(Exit::Done)
}

/// What a person says to a rejection.
enum Why {
    /// It is left to stand.
    Left,
    /// It is rejected for the reason that was said with the command, or for none.
    AsSaid,
    Because(String),
}

async fn asked_why(request: &Value, said: Option<&str>) -> Result<Why, Failure> {
    let (id, revision) = (text(&request["request_id"]), text(&request["plan"]["revision"]));
    let how = if said.is_some() { "y = yes" } else { "Say why, or y = yes, for no reason" };
    let question = format!("Reject plan {revision} of request {}? {how} (empty to leave it): ", short(&id));
    Ok(match terminal::ask(&question).await? {
        None => Why::Left,
        Some(answer) if ["n", "no"].iter().any(|no| answer.eq_ignore_ascii_case(no)) => Why::Left,
        Some(answer) if ["y", "yes"].iter().any(|yes| answer.eq_ignore_ascii_case(yes)) => Why::AsSaid,
        // With a reason already, other words are no yes.
        Some(_) if said.is_some() => Why::Left,
        Some(answer) => Why::Because(answer),
    })
}

/// Says that it is rejected, and what has been changed by then.
pub async fn say_rejected(api: &Api, id: &str) {
    match api.request(id).await {
        Ok(request) => say!("Rejected. {}", changed::sentence(&request)),
        Err(failure) => say!("Rejected. What was changed by then is not known: {}", failure.message),
    }
}

/// Says something in the conversation: a change or an answer, and goes on with what comes of it.
pub async fn revise(api: &Api, output: Output, id: &str, words: &str) -> Outcome {
    let id = api.request_id(id).await?;
    let before = api.request(&id).await?;
    over::check(&before)?;
    if let Err(refusal) = api.post(&format!("/request/{id}/messages"), &json!({"text": words})).await {
        return Err(over::or(api, &id, refusal).await);
    }
    request::go_on(api, output, &before).await
}

fn hash_of(request: &Value, seen: Option<&str>) -> Result<String, Failure> {
    let current = &request["plan"]["sha256"];
    let id = text(&request["request_id"]);
    match (seen, current.as_str()) {
        (Some(seen), _) if seen.len() == 64 => Ok(seen.to_owned()),
        (Some(seen), Some(current)) if seen.len() >= 8 && current.starts_with(seen) => Ok(current.to_owned()),
        (Some(seen), _) => {
            Err(Failure::failed(format!("the plan is not `{seen}…` any more; look at it again with `{CHIFFON} show {}`", short(&id))))
        }
        (None, Some(current)) => Ok(current.to_owned()),
        (None, None) => Err(not_to_be_decided(request)),
    }
}

fn not_to_be_decided(request: &Value) -> Failure {
    let (id, status) = (text(&request["request_id"]), text(&request["status"]));
    let id = short(&id);
    if status == "needs_input" {
        return Failure::failed(format!(
            "request {id} waits for an answer, not for an approval: `{CHIFFON} show {id}` says what is asked, `{CHIFFON} revise {id} \"your words\"` answers it"
        ));
    }
    Failure::failed(format!(
        "no plan of request {id} is to be decided about now: it is {status} (`{CHIFFON} show {id}` says how it stands)"
    ))
}

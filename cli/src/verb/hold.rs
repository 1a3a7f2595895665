//! `chiffon pause` and `resume`: nothing more of a request begins, and it goes on.

use serde_json::json;

use super::over;
use crate::args::Output;
use crate::client::Api;
use crate::exit::{Exit, Outcome};
use crate::show::table::{self, text};

/// Pauses a request (`call` is `pause`), or lets it go on (`resume`).
pub async fn run(api: &Api, output: Output, call: &str, id: &str, reason: Option<&str>) -> Outcome {
    let id = api.request_id(id).await?;
    let held = match api.post(&format!("/request/{id}/{call}"), &json!({"reason": reason})).await {
        Ok(held) => held,
        Err(refusal) => return Err(over::or(api, &id, refusal).await),
    };
    if !table::json(output, &held) {
        say!("{}. The request is {}.", text(&held["text"]), text(&held["status"]));
    }
    Ok(Exit::Done)
}

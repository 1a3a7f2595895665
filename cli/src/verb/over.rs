//! A request that has ended: nothing can be decided, changed or stopped any more, and every verb that would says so alike.

use chiffon_protocol::{ErrorCode, Problem};
use serde_json::Value;

use super::follow;
use crate::client::Api;
use crate::exit::Failure;
use crate::show::called::CHIFFON;
use crate::show::style::short;
use crate::show::table::text;
use crate::show::time;

/// Refuses a request that has ended.
pub fn check(request: &Value) -> Result<(), Failure> {
    if !follow::is_over(request) {
        return Ok(());
    }
    let (id, status) = (text(&request["request_id"]), text(&request["status"]));
    let since = time::second(&request["finished_at"]).map(|at| format!(" since {at} ({})", time::ago(&request["finished_at"])));
    let id = short(&id);
    let since = since.unwrap_or_default();
    let message = format!(
        "request {id} is over: it is {status}{since}, and nothing of it can be changed any more. `{CHIFFON} why {id}` tells how it went"
    );
    Err(Problem::new(ErrorCode::AlreadyFinished, message).into())
}

/// Why a call about a request was refused: that it is over, where it is, also where it ended a moment ago; else what the server says.
pub async fn or(api: &Api, id: &str, refusal: Failure) -> Failure {
    match api.request(id).await {
        Ok(request) => check(&request).err().unwrap_or(refusal),
        Err(_) => refusal,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_over_says_how_since_when_and_where_to_look() {
        let ended =
            json!({"request_id": "01a1fc30-250d-74fd-94ec-ca5bbc6173fd", "status": "rejected", "finished_at": "2026-11-21T03:39:54Z"});
        let said = check(&ended).expect_err("it is over").message;
        assert!(said.starts_with("request bc6173fd is over: it is rejected since 2026-11-21 03:39:54 UTC ("), "{said}");
        assert!(said.contains(" ago), and nothing") && said.contains("`chiffon why bc6173fd`") && said.contains("5109"), "{said}");
        for open in ["planning", "awaiting_approval", "running", "needs_attention", "paused"] {
            assert!(check(&json!({"status": open})).is_ok(), "{open}");
        }
    }
}

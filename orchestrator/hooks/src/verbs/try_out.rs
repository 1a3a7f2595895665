//! Says what a call with this body would ask, and asks nothing.

use chiffon_protocol::Problem;
use chiffon_requests::domain::asked_action::AskedAction;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{Context, receive};
use crate::domain::hook::{Asked, Hook};

/// What a call would ask.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
#[schema(as = TriedWebhook)]
pub struct Tried {
    /// In words.
    pub text: Option<String>,
    /// Or an action.
    pub action: Option<AskedAction>,
    /// Why it would ask nothing.
    pub why_not: Option<String>,
}

/// Says it ([`chiffon_protocol::ErrorCode::WebhookUnfit`]).
pub async fn run(context: &Context, hook: &Hook, body: &Value) -> Result<Tried, Problem> {
    if let Some(why) = hook.passed_over(body) {
        return Ok(Tried { why_not: Some(why), ..Tried::default() });
    }
    let asked = hook.asked(body).map_err(|why| receive::unfit(hook, &why))?;
    let why_not = receive::asker(context, hook).await?.err();
    Ok(match asked {
        Asked::Words(text) => Tried { text: Some(text), why_not, ..Tried::default() },
        Asked::Action(action) => Tried { action: Some(action), why_not, ..Tried::default() },
    })
}

//! Says what a call with this body would ask, and asks nothing.

use chiffon_kernel::domain::role::Principal;
use chiffon_protocol::Problem;
use chiffon_requests::domain::asked_action::AskedAction;
use chiffon_requests::verbs::{direct, submit};
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
    let why_not = match receive::asker(context, hook).await? {
        Err(why) => Some(why),
        Ok(principal) => refused(context, &principal, &asked).await?,
    };
    Ok(match asked {
        Asked::Words(text) => Tried { text: Some(text), why_not, ..Tried::default() },
        Asked::Action(action) => Tried { action: Some(action), why_not, ..Tried::default() },
    })
}

/// Why the program that asks may not ask for this. Words are looked at for what exactly when their plan is known.
async fn refused(context: &Context, principal: &Principal, asked: &Asked) -> Result<Option<String>, Problem> {
    let done = match asked {
        Asked::Words(_) => submit::may_ask(principal),
        Asked::Action(action) => match submit::may_ask(principal) {
            Ok(()) => direct::checked(&context.requests, principal, action).await.map(drop),
            refused => refused,
        },
    };
    match done {
        Ok(()) => Ok(None),
        Err(problem) if problem.code.is_retryable() => Err(problem),
        Err(problem) => Ok(Some(problem.message)),
    }
}

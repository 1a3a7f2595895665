//! Takes a call in: who may call asks once, however often the call comes. What was refused or did not fit stands in the counts with its reason.

use chiffon_kernel::domain::role::Principal;
use chiffon_kernel::store::{principals, tokens};
use chiffon_process::traces::SpanId;
use chiffon_protocol::{ErrorCode, Problem, canonical};
use chiffon_requests::domain::origin::Origin;
use chiffon_requests::store::request_messages::{self, Message};
use chiffon_requests::verbs::submit::{self, Submit};

use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Context, secret};
use crate::domain::hook::{Asked, Hook};
use crate::domain::scheme::{self, Call};
use crate::store::calls;

/// What its origin is called.
const ORIGIN: &str = "webhook";

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = WebhookOutcome)]
pub enum Outcome {
    /// It asked for something.
    Asked,
    /// It had asked before.
    Again,
    /// It is not one of those that ask.
    PassedOver,
}

/// A call that was taken in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ReceivedWebhook)]
pub struct Received {
    /// What became of it.
    pub outcome: Outcome,
    /// The request; null where it asked nothing.
    pub request_id: Option<Uuid>,
    /// Why it asked nothing.
    pub why: Option<String>,
}

/// A call that asks nothing: what its caller is told, who may be anybody, and what the counts and the log say, where that is more.
struct Failed {
    told: Problem,
    why: Option<String>,
}

impl From<Problem> for Failed {
    fn from(told: Problem) -> Self {
        Self { told, why: None }
    }
}

impl From<chiffon_kernel::store::Error> for Failed {
    fn from(error: chiffon_kernel::store::Error) -> Self {
        Problem::from(error).into()
    }
}

impl Failed {
    fn not_ready(hook: &Hook, why: String) -> Self {
        let message = format!("the webhook `{}` can't be used yet; whoever runs Chiffon finds out why with `chiffon webhook`", hook.name);
        Self { told: Problem::new(ErrorCode::WebhookNotReady, message), why: Some(why) }
    }

    /// What asking came to. A denial names people, roles and hosts, which are nobody's business who calls from outside.
    fn asking(hook: &Hook, problem: Problem) -> Self {
        if problem.code != ErrorCode::Forbidden {
            return problem.into();
        }
        let message =
            format!("the webhook `{}` may not ask for this; whoever runs Chiffon finds out why with `chiffon webhook`", hook.name);
        Self { told: Problem::new(ErrorCode::Forbidden, message), why: Some(problem.message) }
    }
}

/// Takes a call in, whose trace and span these are ([`ErrorCode::WebhookRefused`], [`ErrorCode::WebhookNotReady`], [`ErrorCode::WebhookUnfit`], and whatever asking comes to).
pub async fn run(context: &Context, hook: &Hook, call: &Call<'_>, body: &Value, trace: (String, SpanId)) -> Result<Received, Problem> {
    let done = taken(context, hook, call, body, trace).await;
    let (word, why) = match &done {
        Ok(Received { outcome: Outcome::Asked, .. }) => ("asked", None),
        Ok(Received { outcome: Outcome::Again, .. }) => ("again", None),
        Ok(Received { outcome: Outcome::PassedOver, why, .. }) => ("passed_over", why.clone()),
        Err(Failed { told, why }) => {
            let word = if told.code == ErrorCode::WebhookRefused { "refused" } else { "unfit" };
            if let Some(why) = why {
                tracing::warn!(hook = hook.name, code = told.code.number(), why, "a call of a webhook asked nothing");
            }
            (word, Some(why.as_ref().unwrap_or(&told.message).clone()))
        }
    };
    let mut connection = context.store.acquire().await?;
    calls::add(&mut connection, &hook.name, word, why.as_deref(), context.clock.now()).await?;
    done.map_err(|failed| failed.told)
}

async fn taken(context: &Context, hook: &Hook, call: &Call<'_>, body: &Value, trace: (String, SpanId)) -> Result<Received, Failed> {
    let secret = secret::of(hook).map_err(|why| Failed::not_ready(hook, why))?;
    let id = scheme::checked(hook.signed_by, &secret, call, context.clock.now().timestamp()).map_err(|why| {
        Problem::new(ErrorCode::WebhookRefused, format!("this call of the webhook `{}` does not count: {why}", hook.name))
    })?;
    if let Some(why) = hook.passed_over(body) {
        return Ok(Received { outcome: Outcome::PassedOver, request_id: None, why: Some(why) });
    }
    let principal = asker(context, hook).await?.map_err(|why| Failed::not_ready(hook, why))?;
    let asked = hook.asked(body).map_err(|why| unfit(hook, &why))?;
    let (text, action) = match asked {
        Asked::Words(text) => (text, None),
        Asked::Action(action) => (String::new(), Some(action)),
    };
    let message = Message { id: message_id(hook, &id), asked_sha256: canonical::sha256_hex(&json!({"text": text, "action": action})) };
    let before = {
        let mut connection = context.store.acquire().await?;
        request_messages::find(&mut connection, principal.id, message.id).await?
    };
    if let Some(before) = before {
        if before.asked_sha256 == message.asked_sha256 {
            return Ok(Received { outcome: Outcome::Again, request_id: Some(before.request_id), why: None });
        }
        let message = format!("a call named `{id}` asked something else before (request {}); name each call once", before.request_id);
        return Err(Problem::new(ErrorCode::IdempotencyMismatch, message).into());
    }
    let input = Submit {
        text,
        action,
        trace_id: Some(trace.0),
        asked_by: Some(trace.1),
        message: Some(message),
        origin: Origin::of(ORIGIN, &hook.name),
        ..Submit::default()
    };
    let submitted = submit::run(&context.requests, &principal, input).await.map_err(|problem| Failed::asking(hook, problem))?;
    tracing::info!(request_id = %submitted.request_id, hook = hook.name, "a request came by a webhook");
    Ok(Received { outcome: Outcome::Asked, request_id: Some(submitted.request_id), why: None })
}

/// Says that a body does not fit what the hook asks.
pub(super) fn unfit(hook: &Hook, why: &str) -> Problem {
    Problem::new(ErrorCode::WebhookUnfit, format!("this call does not fit what the webhook `{}` asks: {why}", hook.name))
}

/// In whose name the hook asks, or what keeps it from it: it is a program with a token that counts, so that taking its tokens back ends this, too.
pub(super) async fn asker(context: &Context, hook: &Hook) -> Result<Result<Principal, String>, Problem> {
    let name = &hook.asks_as;
    let create = format!("`chiffon token create {name} --program --role requester` makes it known");
    let mut connection = context.store.acquire().await?;
    let Some(principal) = principals::get_by_name(&mut connection, name).await? else {
        return Ok(Err(format!("there is no program `{name}` (`asks_as`); {create}")));
    };
    if !principal.is_program {
        return Ok(Err(format!("`{name}` (`asks_as`) is a person, and people ask for themselves; name a program")));
    }
    if !tokens::has_one(&mut connection, principal.id, context.clock.now()).await? {
        return Ok(Err(format!("the program `{name}` (`asks_as`) has no token that counts; {create}")));
    }
    Ok(Ok(principal))
}

/// Of the hook and what names the call there.
fn message_id(hook: &Hook, id: &str) -> Uuid {
    let hash = Sha256::digest(format!("webhook\n{}\n{id}", hook.name));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    Uuid::from_bytes(bytes)
}

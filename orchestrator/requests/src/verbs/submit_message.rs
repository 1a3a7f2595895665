//! Asking over AMQP: the same checks as over HTTP, by the same code, and each message of a principal becomes one request, however
//! often and however late it is delivered (RELIABILITY 20).

use chiffon_kernel::domain::role::Principal;
use chiffon_kernel::verbs::outcome::Outcome;
use chiffon_process::traces::SpanId;
use chiffon_protocol::message::UserRequest;
use chiffon_protocol::{Envelope, ErrorCode, Problem, canonical};

use super::Context;
use super::submit::{self, Submit};
use crate::store::request_messages::{self, Message};

/// Takes in a request that `principal` has signed. What is refused is refused with the code that
/// HTTP would have answered. `Err` is trouble that passes. `sending` is the message's sending, where that is a span.
pub async fn run(
    context: &Context,
    principal: &Principal,
    envelope: &Envelope,
    asked: &UserRequest,
    sending: Option<SpanId>,
) -> Result<Outcome, Problem> {
    let message = Message { id: envelope.message_id, asked_sha256: canonical::sha256_hex(asked) };
    let became = {
        let mut connection = context.store.acquire().await?;
        request_messages::find(&mut connection, principal.id, message.id).await?
    };
    if let Some(became) = became {
        if became.asked_sha256 == message.asked_sha256 {
            tracing::info!(request_id = %became.request_id, message_id = %message.id, "a message came again; its request is there");
            return Ok(Outcome::Done);
        }
        let message =
            format!("message {} of `{}` became request {} with other words; use a new id", message.id, principal.name, became.request_id);
        return Ok(Outcome::rejected(ErrorCode::IdempotencyMismatch, message));
    }
    let input = Submit {
        text: asked.text.clone(),
        action: None,
        conversation_id: asked.conversation_id,
        deadline: asked.deadline,
        max_cost_usd: asked.max_cost_usd,
        priority: asked.priority,
        trace_id: Some(envelope.trace_id.clone()),
        asked_by: sending,
        idempotency_key: None,
        message: Some(message),
        origin: None,
    };
    match submit::run(context, principal, input).await {
        Ok(submitted) => {
            tracing::info!(request_id = %submitted.request_id, message_id = %envelope.message_id, who = principal.name, "a request came over AMQP");
            Ok(Outcome::Done)
        }
        // Its queue carries everybody's requests: none of them waits until somebody ends one of theirs.
        Err(problem) if problem.code.is_retryable() && problem.code != ErrorCode::TooManyOpenRequests => Err(problem),
        Err(problem) => Ok(Outcome::Rejected(problem)),
    }
}

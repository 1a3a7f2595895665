//! Telling one start of one agent something directly: signed, to its control queue, after the commit that made it true.
//!
//! What gets lost is asked for again by the agent or repeated with its next heartbeat, so a failure is only logged.

use std::collections::BTreeMap;

use chiffon_bus::{Outgoing, Published};
use chiffon_process::Traces;
use chiffon_process::traces::{OnQueue, SpanId};
use chiffon_protocol::topology::{CONTROL_EXCHANGE, control_queue};
use chiffon_protocol::{Envelope, Message, signature};
use uuid::Uuid;

use super::Context;

/// One start of one agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addressee {
    /// The agent.
    pub agent_id: String,
    /// Its start.
    pub incarnation: i64,
}

impl Addressee {
    /// The queue on which it listens.
    pub fn queue(&self) -> String {
        control_queue(&self.agent_id, self.incarnation.unsigned_abs())
    }
}

/// What a message belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// The request; nil for none.
    pub request_id: Uuid,
    /// Its trace.
    pub trace_id: String,
}

impl About {
    /// About the agent itself.
    pub fn the_agent(context: &Context) -> Self {
        Self { request_id: Uuid::nil(), trace_id: context.ids.new_trace_id() }
    }
}

/// The envelope of a message about something.
pub fn envelope(context: &Context, about: &About, message: impl Into<Message>) -> Envelope {
    Envelope {
        message_id: context.ids.new_message_id(),
        trace_id: about.trace_id.clone(),
        request_id: about.request_id,
        timestamp: context.clock.now(),
        message: message.into(),
    }
}

/// Sends it now. Whether the broker had the agent's queue.
pub async fn send(context: &Context, to: &Addressee, about: &About, message: impl Into<Message>) -> bool {
    let envelope = envelope(context, about, message);
    let body = envelope.to_bytes();
    let expires = context.clock.now() + context.settings.signature_valid_for;
    let header = signature::sign(&context.key, &to.agent_id, expires, &body);
    let span = SpanId::of_message(envelope.message_id);
    let is_traced = is_traced(&envelope.message) && !about.request_id.is_nil() && context.traces.keeps(&about.trace_id);
    let traceparent = if is_traced { context.traces.traceparent(&about.trace_id, span) } else { Traces::no_parent(&about.trace_id, span) };
    let outgoing = Outgoing {
        exchange: CONTROL_EXCHANGE.to_owned(),
        routing_key: to.queue(),
        message_id: envelope.message_id.to_string(),
        correlation_id: envelope.trace_id.clone(),
        headers: BTreeMap::from([(signature::HEADER.to_owned(), header), ("traceparent".to_owned(), traceparent)]),
        body: body.into(),
        transient: false,
    };
    let kind = envelope.message.type_name();
    let began = context.clock.now();
    let published = context.bus.publish(outgoing).await;
    if is_traced {
        context.traces.add(&about.trace_id, || {
            let (queue, message_id) = (to.queue(), envelope.message_id.to_string());
            OnQueue { destination: CONTROL_EXCHANGE, routing_key: &queue, message_id: &message_id }
                .sent(span, began, context.clock.now())
                .under(SpanId::of_request(about.request_id))
                .with("chiffon.message.type", kind)
                .failed(match &published {
                    Ok(Published::Routed) => None,
                    Ok(Published::Unroutable) => Some("unroutable"),
                    Err(_) => Some("unavailable"),
                })
        });
    }
    match published {
        Ok(Published::Routed) => true,
        Ok(Published::Unroutable) => {
            tracing::debug!(agent = to.agent_id, incarnation = to.incarnation, kind, "the agent's control queue is gone");
            false
        }
        Err(error) => {
            tracing::warn!(agent = to.agent_id, kind, %error, "the agent could not be told; it asks again");
            false
        }
    }
}

/// That something is stored is said of every line of a log: a span of it says nothing.
fn is_traced(message: &Message) -> bool {
    !matches!(message, Message::ResultAck(_))
}

//! Everything an agent says: in an envelope, signed for its queue, with the trace it belongs to.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chiffon_bus::{Bus, BusError, Outgoing, Published};
use chiffon_process::traces::{OnQueue, SpanId};
use chiffon_process::{Clock, IdSource, Traces};
use chiffon_protocol::key::KeyPair;
use chiffon_protocol::{Envelope, Message, signature, topology};
use uuid::Uuid;

/// How long a result or status may lie in a queue and still count.
pub(super) const REPORT_VALID: Duration = Duration::from_hours(1);
/// How long a heartbeat counts: as long as this machine's clock may be slow. The broker lets old ones go after seconds, and one that is
/// said again says nothing new.
pub(super) const HEARTBEAT_VALID: Duration = REPORT_VALID;

/// What a report belongs to, taken from the work's envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct About {
    pub(super) trace_id: String,
    pub(super) request_id: Uuid,
    /// What the message is said for, where that is a span.
    pub(super) span: Option<SpanId>,
}

/// Signs and publishes.
#[derive(Debug)]
pub(super) struct Sender {
    pub(super) bus: Arc<dyn Bus>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) ids: Arc<dyn IdSource>,
    pub(super) key: KeyPair,
    pub(super) traces: Traces,
}

impl Sender {
    /// A trace for what belongs to no request.
    pub(super) fn own_trace(&self) -> About {
        About { trace_id: self.ids.new_trace_id(), request_id: Uuid::nil(), span: None }
    }

    /// Publishes to one of the orchestrator's queues and waits until the broker has it.
    pub(super) async fn send(
        &self,
        queue: &str,
        trace: &About,
        message: impl Into<Message> + Send,
        valid: Duration,
    ) -> Result<(), BusError> {
        let now = self.clock.now();
        let message_id = self.ids.new_message_id();
        let envelope = Envelope {
            message_id,
            trace_id: trace.trace_id.clone(),
            request_id: trace.request_id,
            timestamp: now,
            message: message.into(),
        };
        let body = envelope.to_bytes();
        let span = SpanId::of_message(message_id);
        let said_for = trace.span.filter(|_| is_traced(&envelope.message) && self.traces.keeps(&trace.trace_id));
        let traceparent = match said_for {
            Some(_) => self.traces.traceparent(&trace.trace_id, span),
            None => Traces::no_parent(&trace.trace_id, span),
        };
        let mut headers = BTreeMap::from([
            (signature::HEADER.to_owned(), signature::sign(&self.key, queue, now + valid, &body)),
            ("traceparent".to_owned(), traceparent),
        ]);
        if matches!(envelope.message, Message::AgentHello(_)) {
            headers.insert(signature::KEY_HEADER.to_owned(), self.key.public().to_string());
        }
        let outgoing = Outgoing {
            exchange: topology::WORK_EXCHANGE.to_owned(),
            routing_key: queue.to_owned(),
            message_id: message_id.to_string(),
            correlation_id: trace.trace_id.clone(),
            headers,
            body: body.into(),
            transient: queue == topology::HEARTBEATS,
        };
        let published = self.bus.publish(outgoing).await?;
        if let Some(said_for) = said_for {
            self.traces.add(&trace.trace_id, || {
                OnQueue { destination: queue, routing_key: queue, message_id: &message_id.to_string() }
                    .sent(span, now, self.clock.now())
                    .under(said_for)
                    .with("chiffon.message.type", envelope.message.type_name())
                    .failed((published == Published::Unroutable).then_some("unroutable"))
            });
        }
        match published {
            Published::Routed => Ok(()),
            Published::Unroutable => Err(BusError::Refused(format!("no queue `{queue}` exists; `chiffon topology apply` declares it"))),
        }
    }
}

/// What an attempt comes to is worth a span; how far it is and that the agent lives is said all the time.
fn is_traced(message: &Message) -> bool {
    matches!(message, Message::WorkClaim(_) | Message::WorkDecline(_) | Message::WorkResult(_))
}

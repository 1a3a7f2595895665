//! Messages as spans: their sending and their taking in, by OpenTelemetry's conventions for messaging (RabbitMQ).

use chrono::{DateTime, Utc};

use super::span::{Kind, Span, SpanId};

/// A message, as both of its ends name it.
#[derive(Debug, Clone, Copy)]
pub struct OnQueue<'m> {
    /// What tells where it goes: the queue, or the exchange where each receiver has a queue of its own.
    pub destination: &'m str,
    /// The routing key, which is the queue's name.
    pub routing_key: &'m str,
    /// Its id.
    pub message_id: &'m str,
}

impl OnQueue<'_> {
    /// Its sending, from then until the broker had it.
    pub fn sent(&self, id: SpanId, start: DateTime<Utc>, end: DateTime<Utc>) -> Span {
        self.span(id, Kind::Producer, "send", start, end)
    }

    /// Its taking in, from its arrival until it was dealt with.
    pub fn processed(&self, id: SpanId, start: DateTime<Utc>, end: DateTime<Utc>) -> Span {
        self.span(id, Kind::Consumer, "process", start, end)
    }

    fn span(&self, id: SpanId, kind: Kind, operation: &'static str, start: DateTime<Utc>, end: DateTime<Utc>) -> Span {
        Span::new(id, kind, format!("{operation} {}", self.destination), start, end)
            .with("messaging.system", "rabbitmq")
            .with("messaging.operation.name", operation)
            .with("messaging.operation.type", operation)
            .with("messaging.destination.name", self.destination)
            .with("messaging.rabbitmq.destination.routing_key", self.routing_key)
            .with("messaging.message.id", self.message_id)
    }
}

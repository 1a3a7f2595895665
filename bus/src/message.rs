//! Messages on their way out, and what becomes of them.

use std::collections::BTreeMap;

use bytes::Bytes;

/// A message on its way out. Always persistent (except `transient`), always `application/json`.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// The exchange.
    pub exchange: String,
    /// The routing key.
    pub routing_key: String,
    /// The envelope's `message_id`.
    pub message_id: String,
    /// The trace id.
    pub correlation_id: String,
    /// `chiffon-signature`, `traceparent`, ...
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Bytes,
    /// Not kept over a restart of the broker (heartbeats).
    pub transient: bool,
}

/// What became of a published message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// The broker has it in at least one queue.
    Routed,
    /// The broker has it nowhere: no queue is bound for its key.
    Unroutable,
}

//! The envelope around every message, and the one place that turns bytes into a typed message.
//!
//! Readers ignore unknown fields; an unknown `message_type` or `version` is an error that says so, never a guess.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::message::Message;

/// The only version of the envelope so far.
pub const VERSION: u16 = 1;

/// A message with what every message carries.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    /// Unique per message; the same when a message is sent again.
    pub message_id: Uuid,
    /// The W3C trace id, 32 lower-case hex digits.
    pub trace_id: String,
    /// The request it belongs to; the nil UUID when it belongs to none.
    pub request_id: Uuid,
    /// When it was written.
    pub timestamp: DateTime<Utc>,
    /// What it says.
    pub message: Message,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    message_id: Uuid,
    trace_id: String,
    request_id: Uuid,
    message_type: String,
    timestamp: DateTime<Utc>,
    version: u16,
    payload: Value,
}

/// Why bytes are not a message.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// Not JSON, or a field of the envelope is missing or of a wrong type.
    #[error("not an envelope: {0}")]
    Envelope(#[source] serde_json::Error),
    /// Written by something newer.
    #[error("version {0} of the envelope is not known here (this process reads version {VERSION})")]
    Version(u16),
    /// A type that this version does not know.
    #[error("message type `{0}` is not known here")]
    UnknownType(String),
    /// The payload does not fit its type.
    #[error("the payload of `{message_type}` does not fit: {source}")]
    Payload {
        /// The type the envelope names.
        message_type: String,
        /// What did not fit.
        source: serde_json::Error,
    },
}

impl ParseError {
    /// The code under which it is reported and dead-lettered.
    pub fn code(&self) -> crate::ErrorCode {
        match self {
            Self::UnknownType(_) | Self::Version(_) => crate::ErrorCode::UnknownMessageType,
            Self::Envelope(_) | Self::Payload { .. } => crate::ErrorCode::InvalidMessage,
        }
    }
}

impl Envelope {
    /// The JSON bytes that go on the wire.
    ///
    /// # Panics
    /// Never: wire types always serialize.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(&self.to_wire()).expect("wire types always serialize")
    }

    /// The same as JSON.
    ///
    /// # Panics
    /// Never: wire types always serialize.
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self.to_wire()).expect("wire types always serialize")
    }

    fn to_wire(&self) -> Wire {
        let (message_type, payload) = self.message.to_wire();
        Wire {
            message_id: self.message_id,
            trace_id: self.trace_id.clone(),
            request_id: self.request_id,
            message_type: message_type.to_owned(),
            timestamp: self.timestamp,
            version: VERSION,
            payload,
        }
    }

    /// Reads a message.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let wire: Wire = serde_json::from_slice(bytes).map_err(ParseError::Envelope)?;
        if wire.version != VERSION {
            return Err(ParseError::Version(wire.version));
        }
        Ok(Self {
            message_id: wire.message_id,
            trace_id: wire.trace_id,
            request_id: wire.request_id,
            timestamp: wire.timestamp,
            message: Message::from_wire(&wire.message_type, wire.payload)?,
        })
    }
}

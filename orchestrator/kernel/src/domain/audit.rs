//! The audit chain: each row's hash covers the row before, so that no row can be changed or taken out unseen.
//!
//! The head of a request that has ended goes into the system chain as a [`Seal`], so that its last rows, or all of them, can't
//! be taken out either (RELIABILITY 21).

use chiffon_protocol::canonical;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The chain of events that belong to no request, and of the heads of those that have ended.
pub const SYSTEM_CHAIN: &str = "system";
/// The event of the system chain that holds a [`Seal`].
pub const SEALED: &str = "request.sealed";

/// The head of a request's chain when the request had ended, as the system chain keeps it. What is audited later about the
/// same request is sealed again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// The request's id.
    pub chain: String,
    /// The chain's last number.
    pub seq: i64,
    /// The hash of that row, 64 hex digits.
    pub head: String,
    /// How the request ended.
    pub status: String,
}

impl Seal {
    /// The event that keeps it.
    pub fn event(&self) -> AuditEvent {
        AuditEvent::by_chiffon(SEALED, json!(self))
    }
}

/// What happened, before it has its place in a chain.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEvent {
    /// The principal's or agent's name, or `chiffon`.
    pub actor: String,
    /// What happened, such as `plan.approved`.
    pub event: &'static str,
    /// The particulars.
    pub data: Value,
}

impl AuditEvent {
    /// An event by somebody.
    pub fn new(actor: impl Into<String>, event: &'static str, data: Value) -> Self {
        Self { actor: actor.into(), event, data }
    }

    /// An event by Chiffon itself.
    pub fn by_chiffon(event: &'static str, data: Value) -> Self {
        Self::new("chiffon", event, data)
    }
}

/// The hash of a row: SHA-256 over the previous row's hash (nothing for the first) and the row's canonical JSON.
/// Times count in microseconds, which is what Postgres keeps.
pub fn row_hash(prev: Option<&[u8]>, chain: &str, seq: i64, at: DateTime<Utc>, actor: &str, event: &str, data: &Value) -> Vec<u8> {
    let row = json!({
        "chain": chain, "seq": seq, "at": at.to_rfc3339_opts(SecondsFormat::Micros, true),
        "actor": actor, "event": event, "data": data,
    });
    let mut digest = Sha256::new();
    digest.update(prev.unwrap_or_default());
    digest.update(canonical::bytes(&row));
    digest.finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_row_is_covered() {
        let at = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let base = row_hash(None, "c", 1, at, "a", "e", &json!({"x": 1}));
        assert_ne!(base, row_hash(Some(&base), "c", 1, at, "a", "e", &json!({"x": 1})));
        assert_ne!(base, row_hash(None, "d", 1, at, "a", "e", &json!({"x": 1})));
        assert_ne!(base, row_hash(None, "c", 2, at, "a", "e", &json!({"x": 1})));
        assert_ne!(base, row_hash(None, "c", 1, at, "b", "e", &json!({"x": 1})));
        assert_ne!(base, row_hash(None, "c", 1, at, "a", "f", &json!({"x": 1})));
        assert_ne!(base, row_hash(None, "c", 1, at, "a", "e", &json!({"x": 2})));
    }
}

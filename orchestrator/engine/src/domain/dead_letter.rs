//! What a dead letter says of itself, read without believing any of it, and what makes two of them the same.
//!
//! Whoever says something again signs it anew under another message id, so the payload tells what is the same, not the bytes.

use std::collections::BTreeMap;

use chiffon_protocol::topology::{CODE_HEADER, ORIGIN_HEADER, REASON_HEADER, REPLAY_OF_HEADER};
use chiffon_protocol::{canonical, signature};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// What can be read of a dead letter; whatever can't is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The queue it came from; empty where nobody said.
    pub queue: String,
    /// The error code it was rejected with; `None` where the broker gave up on it.
    pub code: Option<i32>,
    /// Why, for people.
    pub reason: String,
    /// The key that its signature names.
    pub key_id: Option<String>,
    /// The dead letter whose replay it was.
    pub replay_of: Option<Uuid>,
    /// What it says it is.
    pub message_type: Option<String>,
    /// The envelope's.
    pub message_id: Option<Uuid>,
    /// The envelope's.
    pub trace_id: Option<String>,
    /// The request it names; not the nil one.
    pub request_id: Option<Uuid>,
    /// The task it names.
    pub task_id: Option<Uuid>,
    /// The attempt it names.
    pub attempt: Option<i32>,
    /// The offer it names.
    pub offer: Option<i32>,
    /// The same for two letters that say the same, from the same key, and died for the same reason.
    pub fingerprint: Vec<u8>,
}

impl Facts {
    /// Reads a letter; `authentic` when its signature fits, so that a forged copy never takes the place of what was really said.
    pub fn read(headers: &BTreeMap<String, String>, body: &[u8], authentic: bool) -> Self {
        // Text of Postgres holds no NUL.
        let clean = |text: &str| text.replace('\0', "\u{fffd}");
        let header = |name: &str| headers.get(name).map(|value| clean(value));
        let envelope: Value = serde_json::from_slice(body).unwrap_or_default();
        let payload = &envelope["payload"];
        let word = |value: &Value| value.as_str().filter(|word| word.len() <= 64).map(clean);
        let id = |value: &Value| value.as_str().and_then(|text| text.parse::<Uuid>().ok()).filter(|id| !id.is_nil());
        let number = |value: &Value| value.as_i64().and_then(|number| i32::try_from(number).ok());
        let mut facts = Self {
            queue: header(ORIGIN_HEADER).unwrap_or_default(),
            code: header(CODE_HEADER).and_then(|code| code.parse().ok()),
            reason: header(REASON_HEADER).unwrap_or_else(|| "nobody said why".to_owned()),
            key_id: header(signature::HEADER).and_then(|header| signature::claimed_key(&header).map(ToOwned::to_owned)),
            replay_of: header(REPLAY_OF_HEADER).and_then(|id| id.parse().ok()),
            message_type: word(&envelope["message_type"]),
            message_id: id(&envelope["message_id"]),
            trace_id: word(&envelope["trace_id"]),
            request_id: id(&envelope["request_id"]),
            task_id: id(&payload["task_id"]),
            attempt: number(&payload["attempt"]),
            offer: number(&payload["offer"]),
            fingerprint: Vec::new(),
        };
        let content = if payload.is_object() { canonical::bytes(payload) } else { body.to_vec() };
        facts.fingerprint = facts.fingerprint_of(&content, authentic);
        facts
    }

    /// One of a flood: the same as every other of its queue and code, whatever it says, so that one row counts them.
    pub fn become_one_of_many(&mut self) {
        "one of more letters from strangers than are kept one by one (`dead_letters.most_of_strangers`): `times` counts them, and the \
         content is the last one's"
            .clone_into(&mut self.reason);
        (self.key_id, self.message_type, self.replay_of) = (None, None, None);
        (self.request_id, self.task_id, self.attempt, self.offer) = (None, None, None, None);
        self.fingerprint = self.fingerprint_of(&[], false);
    }

    fn fingerprint_of(&self, content: &[u8], authentic: bool) -> Vec<u8> {
        let mut digest = Sha256::new();
        digest.update([u8::from(authentic)]);
        let code = self.code.map(|code| code.to_string()).unwrap_or_default();
        let replay_of = self.replay_of.map(|id| id.to_string()).unwrap_or_default();
        let texts = [&self.queue, &code, &self.reason, &replay_of].map(String::as_bytes);
        let named = [&self.key_id, &self.message_type].map(|text| text.as_deref().unwrap_or_default().as_bytes());
        for part in texts.into_iter().chain(named).chain([content]) {
            digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            digest.update(part);
        }
        digest.finalize().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn headers(reason: &str) -> BTreeMap<String, String> {
        BTreeMap::from([
            (ORIGIN_HEADER.to_owned(), "orchestrator.results".to_owned()),
            (CODE_HEADER.to_owned(), "5120".to_owned()),
            (REASON_HEADER.to_owned(), reason.to_owned()),
        ])
    }

    fn message(message_id: u128, attempt: i32) -> Vec<u8> {
        json!({
            "message_id": Uuid::from_u128(message_id), "trace_id": "t", "request_id": Uuid::nil(), "message_type": "work_result",
            "timestamp": "2026-01-01T00:00:00Z", "version": 1, "payload": {"task_id": Uuid::from_u128(7), "attempt": attempt},
        })
        .to_string()
        .into_bytes()
    }

    #[test]
    fn what_can_be_read_is_read_and_the_rest_is_absent() {
        let facts = Facts::read(&headers("no such task"), &message(1, 2), true);
        assert_eq!((facts.queue.as_str(), facts.code, facts.reason.as_str()), ("orchestrator.results", Some(5120), "no such task"));
        assert_eq!((facts.task_id, facts.attempt, facts.offer, facts.request_id), (Some(Uuid::from_u128(7)), Some(2), None, None));
        let nothing = Facts::read(&BTreeMap::new(), b"\x00\xff", false);
        assert_eq!((nothing.message_type, nothing.code, nothing.reason.as_str()), (None, None, "nobody said why"));
    }

    #[test]
    fn the_same_said_again_is_the_same_and_anything_else_is_not() {
        let fingerprint = |reason: &str, body: &[u8]| Facts::read(&headers(reason), body, true).fingerprint;
        let first = fingerprint("no such task", &message(1, 2));
        assert_eq!(first, fingerprint("no such task", &message(9, 2)), "another message id");
        assert_ne!(first, fingerprint("no such task", &message(1, 3)), "another attempt");
        assert_ne!(first, fingerprint("not yours", &message(1, 2)), "another reason");
        assert_ne!(fingerprint("", b"one"), fingerprint("", b"two"));
        let mut replayed = headers("no such task");
        replayed.insert(REPLAY_OF_HEADER.to_owned(), Uuid::from_u128(3).to_string());
        assert_ne!(first, Facts::read(&replayed, &message(1, 2), true).fingerprint, "a replay that died");
        assert_ne!(first, Facts::read(&headers("no such task"), &message(1, 2), false).fingerprint, "a forged one");
    }
}

//! A span: what was done, when, under what, and how it ended. Never what was said, and no secret.

use std::fmt;

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// No text of a span is longer.
const LONGEST_TEXT: usize = 256;

/// A trace, by the 16 bytes of its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TraceId(u128);

impl TraceId {
    /// Reads 32 lower-case hex digits that are not all zero.
    pub fn read(text: &str) -> Option<Self> {
        hex(text, 32).map(Self)
    }

    /// Its bytes.
    pub fn bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// Its lower half.
    pub fn low(self) -> u64 {
        u64::try_from(self.0 & u128::from(u64::MAX)).unwrap_or(u64::MAX)
    }
}

/// A span within its trace, by the 8 bytes of its id. Those of what others hang their spans on follow from ids that are stored, so that
/// another process knows them, and this one after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SpanId(u64);

impl SpanId {
    /// The sending of this message: its id's upper half. So is any other span that has a random id to itself.
    pub fn of_message(message_id: Uuid) -> Self {
        Self(message_id.as_u64_pair().0)
    }

    /// The asking of this request. (The upper half of its id is a time.)
    pub fn of_request(request_id: Uuid) -> Self {
        Self(request_id.as_u64_pair().1)
    }

    /// This call of a model.
    pub fn of_call(call_id: Uuid) -> Self {
        Self(call_id.as_u64_pair().1)
    }

    /// This attempt at a task.
    pub fn of_attempt(task_id: Uuid, attempt: u32) -> Self {
        Self(task_id.as_u64_pair().1.wrapping_add(u64::from(attempt)))
    }

    /// What is numbered under another span.
    #[must_use]
    pub fn below(self, number: u64) -> Self {
        // An odd factor: no two numbers come to the same.
        Self(self.0.rotate_left(32) ^ (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// The caller's span, of a valid `traceparent` (W3C Trace Context, section 3.2) of this trace that says that the span was kept: on any
    /// other nothing could hang.
    pub fn of_parent(traceparent: &str, trace_id: &str) -> Option<Self> {
        let mut parts = traceparent.split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        (version.len() == 2 && version != "ff" && trace == trace_id).then_some(())?;
        (u8::from_str_radix(flags, 16).ok()? & 1 == 1).then_some(())?;
        u64::try_from(hex(span, 16)?).ok().map(Self)
    }

    /// Its bytes.
    pub fn bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

fn hex(text: &str, digits: usize) -> Option<u128> {
    let is_hex = text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_hex.then(|| u128::from_str_radix(text, 16).ok()).flatten().filter(|number| *number != 0)
}

/// What a span is to those around it, as OpenTelemetry has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Work of this process.
    Internal,
    /// A call that was answered.
    Server,
    /// A call that was made.
    Client,
    /// A message that was sent.
    Producer,
    /// A message that was taken in.
    Consumer,
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A short text.
    Text(String),
    /// A number.
    Number(i64),
    /// Yes or no.
    Flag(bool),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(short(text))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(if text.len() > LONGEST_TEXT { short(&text) } else { text })
    }
}

impl From<Uuid> for Value {
    fn from(id: Uuid) -> Self {
        Self::Text(id.to_string())
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(i64::from(number))
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Number(i64::from(number))
    }
}

impl From<u16> for Value {
    fn from(number: u16) -> Self {
        Self::Number(i64::from(number))
    }
}

fn short(text: &str) -> String {
    text.get(..text.floor_char_boundary(LONGEST_TEXT)).unwrap_or(text).to_owned()
}

/// Something that was done.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// Its own id.
    pub id: SpanId,
    /// What it was done for; nothing where the trace begins.
    pub parent: Option<SpanId>,
    /// What it is to those around it.
    pub kind: Kind,
    /// In few words, of which there are few.
    pub name: String,
    /// When it began.
    pub start: DateTime<Utc>,
    /// When it ended.
    pub end: DateTime<Utc>,
    /// What else is known, by the names of OpenTelemetry's semantic conventions; `chiffon.…` where they have none.
    pub attributes: Vec<(&'static str, Value)>,
    /// The kind of the error that it ended with (`error.type`).
    pub error: Option<String>,
}

impl Span {
    /// Something that was done well, as far as is said yet.
    pub fn new(id: SpanId, kind: Kind, name: impl Into<String>, start: DateTime<Utc>, end: DateTime<Utc>) -> Self {
        let name = short(&name.into());
        Self { id, parent: None, kind, name, start, end: end.max(start), attributes: Vec::new(), error: None }
    }

    /// It was done for this.
    #[must_use]
    pub fn under(mut self, parent: impl Into<Option<SpanId>>) -> Self {
        self.parent = parent.into();
        self
    }

    /// With what is known besides.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.attributes.push((name, value.into()));
        self
    }

    /// The same where it is known.
    #[must_use]
    pub fn with_some(self, name: &'static str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// It failed, by the kind of its error: a code or a word, never a message.
    #[must_use]
    pub fn failed(mut self, error: Option<impl ToString>) -> Self {
        self.error = error.map(|error| short(&error.to_string()));
        self
    }

    /// The value of an attribute.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.attributes.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_parent_is_read_from_a_traceparent_of_the_same_trace_only() {
        let (trace, other) = ("4bf92f3577b34da6a3ce929d0e0e4736", "0af7651916cd43dd8448eb211c80319c");
        let given = format!("00-{trace}-00f067aa0ba902b7-01");
        let parent = SpanId::of_parent(&given, trace).expect("a parent");
        assert_eq!(parent.to_string(), "00f067aa0ba902b7");
        for bad in [
            &format!("ff-{trace}-00f067aa0ba902b7-01"),
            &format!("00-{trace}-0000000000000000-01"),
            &format!("00-{trace}-00f067aa0ba902b7-00"),
            "nonsense",
        ] {
            assert_eq!(SpanId::of_parent(bad, trace), None, "{bad}");
        }
        assert_eq!(SpanId::of_parent(&given, other), None);
    }

    #[test]
    fn what_is_numbered_below_a_span_has_an_id_of_its_own() {
        let task = Uuid::from_u128(0x0190_0000_0000_7000_8123_4567_89ab_cdef);
        let attempts = (1..50).map(|attempt| SpanId::of_attempt(task, attempt));
        let all: BTreeSet<SpanId> = attempts.flat_map(|attempt| (0..200).map(move |number| attempt.below(number))).collect();
        assert_eq!(all.len(), 49 * 200);
    }

    #[test]
    fn texts_are_cut_between_characters_and_an_end_is_never_before_its_start() {
        let (now, before) = (DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(9), DateTime::UNIX_EPOCH);
        let span = Span::new(SpanId(1), Kind::Internal, "ä".repeat(400), now, before).with("x", "ü".repeat(400));
        assert_eq!(span.name.len(), LONGEST_TEXT);
        assert_eq!(span.get("x"), Some(&Value::Text("ü".repeat(LONGEST_TEXT / 2))));
        assert_eq!(span.end, now);
    }
}

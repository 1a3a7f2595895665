//! The digest of an attempt's log: it goes into the audit, so that a log can expire and can't be rewritten (RELIABILITY 21).
//!
//! One running SHA-256 over the lines in their order. It is noted every [`EVERY`] lines, so that a later look says between
//! which lines something was changed.

use chiffon_kernel::domain::audit::AuditEvent;
use chiffon_protocol::canonical;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// The event of a request's chain that holds a [`LogSeal`].
pub const LOG_SEALED: &str = "log.sealed";
/// After so many lines the digest is noted.
pub const EVERY: i64 = 100;

/// A line as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// From 1.
    pub seq: i64,
    /// When it happened on the agent.
    pub at: DateTime<Utc>,
    /// What happened.
    pub kind: String,
    /// The managed host.
    pub host: Option<String>,
    /// The Ansible task.
    pub name: Option<String>,
    /// For people.
    pub text: String,
    /// A unified diff.
    pub diff: Option<String>,
}

impl Line {
    fn bytes(&self) -> Vec<u8> {
        let at = self.at.to_rfc3339_opts(SecondsFormat::Micros, true);
        let mut bytes = canonical::bytes(&json!([self.seq, at, self.kind, self.host, self.name, self.text, self.diff]));
        bytes.push(b'\n');
        bytes
    }
}

/// The digest of the log of one attempt as the audit keeps it: the data of a [`LOG_SEALED`] event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogSeal {
    /// The task.
    pub task_id: Uuid,
    /// The attempt.
    pub attempt: i32,
    /// How many lines it covers, from the first.
    pub lines: i64,
    /// Whether that is the whole log, as the attempt's result counted it.
    pub whole: bool,
    /// The running SHA-256 after each [`EVERY`] lines and after the last, in hex digits.
    pub sha256: Vec<String>,
}

impl LogSeal {
    /// The event that keeps it.
    pub fn event(&self) -> AuditEvent {
        AuditEvent::by_chiffon(LOG_SEALED, json!(self))
    }

    /// The seal in an event's data.
    pub fn read(event: &str, data: &Value) -> Option<Self> {
        (event == LOG_SEALED).then(|| serde_json::from_value(data.clone()).ok()).flatten()
    }
}

/// Digests the lines of one attempt, in their order.
#[derive(Debug, Clone, Default)]
pub struct LogDigest {
    hash: Sha256,
    lines: i64,
    noted: Vec<String>,
}

impl LogDigest {
    /// Takes the next line in. `false`: its number is not the next one, so that lines are missing, and it was not taken in.
    pub fn add(&mut self, line: &Line) -> bool {
        if line.seq != self.lines + 1 {
            return false;
        }
        self.hash.update(line.bytes());
        self.lines = line.seq;
        if self.lines % EVERY == 0 {
            self.noted.push(self.so_far());
        }
        true
    }

    /// How many lines were taken in.
    pub fn lines(&self) -> i64 {
        self.lines
    }

    /// What was noted, with the digest after the last line.
    pub fn finish(mut self) -> Vec<String> {
        if self.lines % EVERY != 0 {
            self.noted.push(self.so_far());
        }
        self.noted
    }

    fn so_far(&self) -> String {
        canonical::hex(&self.hash.clone().finalize())
    }
}

/// The first and the last line between which a log differs from its seal, when it has as many lines as were sealed.
pub fn first_difference(seal: &LogSeal, digest: LogDigest) -> Option<(i64, i64)> {
    let found = digest.finish();
    let at = seal.sha256.iter().zip(&found).position(|(sealed, found)| sealed != found).or_else(|| {
        // A seal with more or fewer notes than its lines make was not written by any version.
        (seal.sha256.len() != found.len()).then_some(seal.sha256.len().min(found.len()))
    })?;
    let first = i64::try_from(at).unwrap_or(i64::MAX).saturating_mul(EVERY).saturating_add(1);
    Some((first, first.saturating_add(EVERY - 1).min(seal.lines).max(first)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(seq: i64, text: &str) -> Line {
        let at = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        Line { seq, at, kind: "ok".to_owned(), host: None, name: None, text: text.to_owned(), diff: None }
    }

    fn digest(lines: &[Line]) -> LogDigest {
        let mut digest = LogDigest::default();
        assert!(lines.iter().all(|line| digest.add(line)));
        digest
    }

    fn seal(lines: &[Line]) -> LogSeal {
        let digest = digest(lines);
        LogSeal { task_id: Uuid::nil(), attempt: 1, lines: digest.lines(), whole: true, sha256: digest.finish() }
    }

    #[test]
    fn a_changed_line_is_found_within_a_hundred() {
        let lines: Vec<Line> = (1..=250).map(|seq| line(seq, "a")).collect();
        let seal = seal(&lines);
        assert_eq!(seal.sha256.len(), 3);
        assert_eq!(first_difference(&seal, digest(&lines)), None);
        for (changed, found) in [(1, (1, 100)), (100, (1, 100)), (101, (101, 200)), (250, (201, 250))] {
            let mut other = lines.clone();
            other[changed - 1].text = "b".to_owned();
            assert_eq!(first_difference(&seal, digest(&other)), Some(found));
        }
    }

    #[test]
    fn each_part_of_a_line_is_covered_and_no_line_can_be_left_out() {
        let base = line(1, "a");
        let at = base.at + chrono::TimeDelta::microseconds(1);
        let others = [
            Line { at, ..base.clone() },
            Line { kind: "b".to_owned(), ..base.clone() },
            Line { host: Some("b".to_owned()), ..base.clone() },
            Line { name: Some("b".to_owned()), ..base.clone() },
            Line { diff: Some("b".to_owned()), ..base.clone() },
        ];
        for other in others {
            assert_eq!(first_difference(&seal(std::slice::from_ref(&base)), digest(&[other])), Some((1, 1)));
        }
        let mut digest = LogDigest::default();
        assert!(!digest.add(&line(2, "a")));
    }
}

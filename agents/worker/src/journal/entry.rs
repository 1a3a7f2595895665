//! One entry of the journal's file: a line that names it, its length and its checksums, then its body, then a line end.
//!
//! The line is text, so that a person can read the file. Its own checksum makes the length good to rely on where the body is not.

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::record::Key;

/// What a line begins with; the number is that of the format.
pub(super) const MAGIC: &[u8] = b"chiffon-entry-1 ";
/// Bytes of the line, its end included.
pub(super) const HEAD: usize = 126;
/// Bytes of the line before its own checksum.
const SUMMED: usize = HEAD - SUM - 1;
/// Hexadecimal digits of a checksum: so much of a SHA-256 is beyond any accident.
const SUM: usize = 16;

/// What an entry says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An attempt came: its record, and the work as it came.
    Received,
    /// Its record changed.
    Changed,
    /// It has a result: record and result, and the events that its log may not hold after a power cut.
    Ended,
    /// It does not count any more.
    Forgotten,
    /// All that counted before this file stands above: what is older does not count any more.
    Carried,
}

impl Kind {
    const ALL: [Self; 5] = [Self::Received, Self::Changed, Self::Ended, Self::Forgotten, Self::Carried];

    fn word(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Changed => "changed",
            Self::Ended => "ended",
            Self::Forgotten => "forgotten",
            Self::Carried => "carried",
        }
    }
}

/// The line of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) kind: Kind,
    pub(super) key: Key,
    /// Bytes of the body that are JSON.
    json: usize,
    /// Bytes behind them, as they are.
    raw: usize,
    body_sum: u64,
}

impl Head {
    /// The line that these bytes begin with; `None` where they do not, or where it is damaged.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let line = bytes.get(..HEAD)?;
        let text = std::str::from_utf8(line.strip_prefix(MAGIC)?).ok()?;
        let mut words = text.split_ascii_whitespace();
        let word = words.next()?;
        let kind = Kind::ALL.into_iter().find(|kind| kind.word() == word)?;
        let key = (words.next()?.parse::<Uuid>().ok()?, words.next()?.parse().ok()?);
        let json = usize::from_str_radix(words.next()?, 16).ok()?;
        let raw = usize::from_str_radix(words.next()?, 16).ok()?;
        let body_sum = u64::from_str_radix(words.next()?, 16).ok()?;
        let head_sum = u64::from_str_radix(words.next()?, 16).ok()?;
        let is_whole = head_sum == sum(&[&line[..SUMMED]]) && line.last() == Some(&b'\n');
        is_whole.then_some(Self { kind, key, json, raw, body_sum })
    }

    /// Bytes from the beginning of its line to the beginning of the next one.
    pub(super) fn entry_bytes(&self) -> usize {
        HEAD + self.json + self.raw + 1
    }

    /// The two parts of its body; `None` where they are damaged. `entry` are all its bytes.
    pub(super) fn body<'a>(&self, entry: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
        let (json, raw) = entry.get(HEAD..)?.split_at_checked(self.json)?;
        let (raw, end) = raw.split_at_checked(self.raw)?;
        (end == b"\n" && sum(&[json, raw]) == self.body_sum).then_some((json, raw))
    }
}

/// The bytes of an entry.
pub(super) fn bytes_of(kind: Kind, key: Key, json: &[u8], raw: &[u8]) -> Vec<u8> {
    let (task, attempt) = key;
    let mut bytes = MAGIC.to_vec();
    let line = format!("{:<9} {task} {attempt:010} {:08x} {:08x} {:016x} ", kind.word(), json.len(), raw.len(), sum(&[json, raw]));
    bytes.extend_from_slice(line.as_bytes());
    let head_sum = sum(&[&bytes]);
    bytes.extend_from_slice(format!("{head_sum:016x}\n").as_bytes());
    bytes.extend_from_slice(json);
    bytes.extend_from_slice(raw);
    // No entry ends with a zero: what does was never written to its end.
    bytes.push(b'\n');
    bytes
}

fn sum(parts: &[&[u8]]) -> u64 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().iter().take(SUM / 2).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_reads_back_and_one_with_any_changed_byte_does_not() {
        let key = (Uuid::from_u128(7), u32::MAX);
        for kind in Kind::ALL {
            let bytes = bytes_of(kind, key, b"{}", b"as it came");
            let head = Head::parse(&bytes).expect("a line");
            assert_eq!((head.kind, head.key, head.entry_bytes()), (kind, key, bytes.len()));
            assert_eq!(head.body(&bytes), Some((&b"{}"[..], &b"as it came"[..])));
            for place in 0..bytes.len() {
                let mut damaged = bytes.clone();
                damaged[place] ^= 1;
                let read = Head::parse(&damaged).and_then(|head| head.body(&damaged).map(|_| ()));
                assert_eq!(read, None, "byte {place}");
            }
        }
    }
}

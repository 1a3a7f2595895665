//! Finding a secret by pieces of eight characters, in text that has been quoted, escaped, wrapped, cut or put into a diff.
//!
//! Both the secret's spellings and the text are read without white space, quotes, backslashes, the marks of a diff's lines
//! and the difference between capital and small letters. What many public texts share is no piece of a secret.

use std::collections::HashSet;
use std::ops::Range;

use super::spellings;

/// Shorter pieces would blank out ordinary words.
pub(super) const PIECE: usize = 8;
/// A piece of fewer different characters is a ruler or padding, and says nothing.
const FEWEST_DIFFERENT: usize = 4;
/// What secrets and ordinary text share: the beginnings of addresses and of keys.
const COMMON: &[&str] = &[
    "https://www.",
    "http://www.",
    "postgres://",
    "postgresql://",
    "mysql://",
    "mongodb://",
    "redis://",
    "amqps://",
    "@localhost:",
    "@127.0.0.1:",
    "-----BEGIN RSA PRIVATE KEY-----",
    "-----BEGIN OPENSSH PRIVATE KEY-----",
    "-----BEGIN CERTIFICATE-----",
    "-----END PRIVATE KEY-----",
    "password",
];

/// The pieces of secrets.
#[derive(Debug, Clone, Default)]
pub(super) struct Pieces {
    known: HashSet<[u8; PIECE]>,
}

impl Pieces {
    /// Every spelling of a value is found from now on.
    pub(super) fn add(&mut self, value: &str) {
        let common: HashSet<[u8; PIECE]> = COMMON.iter().flat_map(|text| pieces(&Compact::of(text)).collect::<Vec<_>>()).collect();
        for spelling in spellings::of(value) {
            self.known.extend(pieces(&Compact::of(&spelling)).filter(|piece| !common.contains(piece) && is_telling(piece)));
        }
    }

    /// The places of a text that are known, in order and apart from each other, at the bounds of characters.
    pub(super) fn find(&self, text: &str) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        if self.known.is_empty() || text.len() < PIECE {
            return found;
        }
        let compact = Compact::of(text);
        for (piece, places) in pieces(&compact).zip(compact.places.windows(PIECE)) {
            let (Some(first), Some(last)) = (places.first(), places.last()) else { continue };
            if !self.known.contains(&piece) {
                continue;
            }
            let (start, end) = (text.floor_char_boundary(*first), text.ceil_char_boundary(last + 1));
            match found.last_mut() {
                Some(before) if before.end >= start => before.end = end,
                _ => found.push(start..end),
            }
        }
        found
    }
}

fn pieces(compact: &Compact) -> impl Iterator<Item = [u8; PIECE]> {
    compact.bytes.windows(PIECE).filter_map(|piece| piece.try_into().ok())
}

fn is_telling(piece: &[u8]) -> bool {
    piece.iter().collect::<HashSet<_>>().len() >= FEWEST_DIFFERENT
}

/// A text without what quoting and wrapping add, and where each byte of it stands in the text.
struct Compact {
    bytes: Vec<u8>,
    places: Vec<usize>,
}

impl Compact {
    fn of(text: &str) -> Self {
        let mut compact = Self { bytes: Vec::with_capacity(text.len()), places: Vec::with_capacity(text.len()) };
        let mut after_break = false;
        for (place, byte) in text.bytes().enumerate() {
            let mark = after_break && matches!(byte, b'+' | b'-');
            after_break = byte == b'\n';
            if !mark && !byte.is_ascii_whitespace() && !matches!(byte, b'\\' | b'\'' | b'"') {
                compact.bytes.push(byte.to_ascii_lowercase());
                compact.places.push(place);
            }
        }
        compact
    }
}

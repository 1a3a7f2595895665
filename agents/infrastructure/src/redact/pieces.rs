//! Finding a secret by pieces of eight characters, in text that has been quoted, escaped, encoded, wrapped, cut or put into a diff.
//!
//! The secret's spellings and the text are both read as `letters` tells. What many public texts share is no piece of a secret.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;
use std::sync::LazyLock;

use super::letters::{self, Compact, Letter};
use super::numbers::{self, Reader};
use super::spellings;
use super::widen::{Alphabet, widen};

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
static COMMON_PIECES: LazyLock<HashSet<u64>> = LazyLock::new(|| COMMON.iter().flat_map(|text| pieces(text.as_bytes())).collect());

/// The pieces of secrets, and in which alphabet each is written.
#[derive(Debug, Clone, Default)]
pub(super) struct Pieces {
    known: HashMap<u64, Alphabet, BuildHasherDefault<Mixed>>,
}

impl Pieces {
    /// Every spelling of a value is found from now on.
    pub(super) fn add(&mut self, value: &str) {
        for (alphabet, spelling) in spellings::of(value) {
            for piece in pieces(&spelling).into_iter().filter(|piece| !COMMON_PIECES.contains(piece) && is_telling(*piece)) {
                self.known.entry(piece).or_insert(alphabet);
            }
        }
    }

    /// Whether nothing is known.
    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// The places of a text that are known, in order and apart from each other, at the bounds of characters.
    pub(super) fn find(&self, text: &str) -> Vec<Range<usize>> {
        if self.known.is_empty() || text.len() < PIECE {
            return Vec::new();
        }
        let mut plain = Reading::of(self, None);
        letters::plain(text, |letter, start, end| plain.read(letter, start, end));
        let mut found = plain.found;
        found.append(&mut self.unescaped(text));
        let [mut decimal, mut hexadecimal, mut octal] = [(); 3].map(|()| Reading::of(self, Some(Alphabet::Hexadecimal)));
        numbers::read(text, [&mut decimal, &mut hexadecimal, &mut octal]);
        found.extend([decimal, hexadecimal, octal].into_iter().flat_map(|numbers| numbers.found));
        apart(found.into_iter().map(|(range, alphabet)| widen(text, range, alphabet)).collect())
    }

    /// What the lines with escapes hold when these are read.
    fn unescaped(&self, text: &str) -> Vec<(Range<usize>, Alphabet)> {
        let (mut reading, mut place) = (Reading::of(self, None), 0);
        for line in text.split_inclusive('\n') {
            if line.contains(['%', '&', '\\']) {
                letters::unescaped(line, |letter, start, end| reading.read(letter, place + start, place + end));
            } else {
                reading.restart();
            }
            place += line.len();
        }
        reading.found
    }
}

/// Places in order, those that touch as one.
fn apart(mut places: Vec<Range<usize>>) -> Vec<Range<usize>> {
    places.sort_unstable_by_key(|range| range.start);
    places.dedup_by(|next, before| {
        let touch = next.start <= before.end;
        if touch {
            before.end = before.end.max(next.end);
        }
        touch
    });
    places
}

fn pieces(text: &[u8]) -> Vec<u64> {
    let (mut found, mut compact, mut window) = (Vec::new(), Compact::default(), Window::default());
    let mut take = |letter| {
        compact.read(letter, |byte| {
            window.push(byte, 0);
            found.extend(window.last().map(|(piece, _)| piece));
        });
    };
    match std::str::from_utf8(text) {
        Ok(text) => text.chars().for_each(|letter| take(Letter::Char(letter))),
        Err(_) => text.iter().for_each(|byte| take(Letter::Byte(*byte))),
    }
    found
}

fn is_telling(piece: u64) -> bool {
    piece.to_be_bytes().into_iter().collect::<HashSet<_>>().len() >= FEWEST_DIFFERENT
}

/// One way through a text, and what it has met; `alphabet`: in which the text is written, where the piece doesn't say.
struct Reading<'pieces> {
    pieces: &'pieces Pieces,
    alphabet: Option<Alphabet>,
    compact: Compact,
    window: Window,
    found: Vec<(Range<usize>, Alphabet)>,
}

impl<'pieces> Reading<'pieces> {
    fn of(pieces: &'pieces Pieces, alphabet: Option<Alphabet>) -> Self {
        Self { pieces, alphabet, compact: Compact::default(), window: Window::default(), found: Vec::new() }
    }
}

impl Reader for Reading<'_> {
    fn read(&mut self, letter: Letter, start: usize, end: usize) {
        let Self { pieces, alphabet, compact, window, found } = self;
        compact.read(letter, |byte| {
            window.push(byte, start);
            for (piece, first) in [window.last(), window.every_other()].into_iter().flatten() {
                let Some(of_piece) = pieces.known.get(&piece) else { continue };
                let alphabet = alphabet.unwrap_or(*of_piece);
                match found.last_mut() {
                    Some((before, same)) if before.end >= first && *same == alphabet => before.end = end,
                    _ => found.push((first..end, alphabet)),
                }
            }
        });
    }

    fn restart(&mut self) {
        self.window.pushed = 0;
    }
}

/// The last eight bytes, where they stand, and every other one, for text in which one mark stands between all letters.
#[derive(Default)]
struct Window {
    piece: u64,
    starts: [usize; 2 * PIECE],
    pushed: usize,
    ours: Half,
    between: Half,
}

impl Window {
    fn push(&mut self, byte: u8, start: usize) {
        self.piece = self.piece << 8 | u64::from(byte);
        if let Some(place) = self.starts.get_mut(self.pushed % (2 * PIECE)) {
            *place = start;
        }
        self.pushed += 1;
        std::mem::swap(&mut self.ours, &mut self.between);
        self.ours.push(byte);
    }

    fn last(&self) -> Option<(u64, usize)> {
        Some((self.piece, self.back(PIECE)?))
    }

    fn every_other(&self) -> Option<(u64, usize)> {
        let marked = self.between.repeated >= PIECE - 1 && self.between.last.is_ascii_punctuation();
        if marked { Some((self.ours.piece, self.back(2 * PIECE - 1)?)) } else { None }
    }

    fn back(&self, count: usize) -> Option<usize> {
        self.starts.get(self.pushed.checked_sub(count)? % (2 * PIECE)).copied()
    }
}

/// Every other byte: the last eight, and how often the last of them has come again.
#[derive(Default)]
struct Half {
    piece: u64,
    last: u8,
    repeated: usize,
}

impl Half {
    fn push(&mut self, byte: u8) {
        self.piece = self.piece << 8 | u64::from(byte);
        self.repeated = if self.last == byte { self.repeated + 1 } else { 1 };
        self.last = byte;
    }
}

/// A hash of one number: the pieces are looked up at every letter of a text.
#[derive(Debug, Clone, Default)]
struct Mixed(u64);

impl Hasher for Mixed {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        let product = u128::from(self.0 ^ number) * 0x9e37_79b9_7f4a_7c15;
        self.0 = u64::try_from((product >> 64 ^ product) & u128::from(u64::MAX)).unwrap_or_default();
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

//! A text written as numbers: `80, 97`, `50:61`, `0x50 0x61`, `120 141`, hexadecimal without gaps, UTF-16 too.

use super::letters::{Letter, number};

/// What may stand between two numbers of one list, white space aside.
const BETWEEN: &[u8] = b",:;-+.|_[](){}'\"\\";
/// More than a comma, quotes and a mark of a diff is no gap in a list.
const WIDEST: usize = 6;

/// What reads the letters that numbers stand for; each list begins anew.
pub(super) trait Reader {
    fn read(&mut self, letter: Letter, start: usize, end: usize);
    fn restart(&mut self);
}

/// Reads a text's numbers as decimal, hexadecimal and octal ones.
pub(super) fn read<R: Reader>(text: &str, [decimal, hexadecimal, octal]: [&mut R; 3]) {
    let bytes = text.as_bytes();
    let mut place = 0;
    while let Some(rest) = bytes.get(place..).filter(|rest| !rest.is_empty()) {
        let gap = rest.iter().position(u8::is_ascii_alphanumeric).unwrap_or(rest.len());
        if !rest.get(..gap).is_some_and(is_gap) {
            [&mut *decimal, &mut *hexadecimal, &mut *octal].into_iter().for_each(Reader::restart);
        }
        let word = rest.get(gap..).unwrap_or_default();
        let word = word.get(..word.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(word.len())).unwrap_or_default();
        let (start, end) = (place + gap, place + gap + word.len());
        one(decimal, word, 10, 1..=7, start, end);
        one(octal, word, 8, 3..=4, start, end);
        pairs(hexadecimal, word, start, end);
        place = end;
    }
}

fn is_gap(gap: &[u8]) -> bool {
    let mut marks = gap.iter().filter(|byte| !byte.is_ascii_whitespace());
    marks.clone().all(|byte| BETWEEN.contains(byte)) && marks.nth(WIDEST).is_none()
}

fn one<R: Reader>(reader: &mut R, word: &[u8], radix: u32, lengths: std::ops::RangeInclusive<usize>, start: usize, end: usize) {
    match Some(word).filter(|word| lengths.contains(&word.len())).and_then(|word| number(word, radix)) {
        Some(number) => match (u8::try_from(number), char::from_u32(number)) {
            (Ok(byte), _) => reader.read(Letter::Byte(byte), start, end),
            (_, Some(letter)) => reader.read(Letter::Char(letter), start, end),
            _ => reader.restart(),
        },
        None => reader.restart(),
    }
}

fn pairs<R: Reader>(reader: &mut R, word: &[u8], start: usize, end: usize) {
    let digits = word.strip_prefix(b"0x").or_else(|| word.strip_prefix(b"0X")).or_else(|| word.strip_prefix(b"x")).unwrap_or(word);
    if !digits.len().is_multiple_of(2) || !digits.iter().all(u8::is_ascii_hexdigit) {
        return reader.restart();
    }
    let first = end - digits.len();
    for (place, pair) in (first..end).step_by(2).zip(digits.chunks_exact(2)) {
        if let Some(byte) = number(pair, 16).and_then(|number| u8::try_from(number).ok()) {
            reader.read(Letter::Byte(byte), if place == first { start } else { place }, place + 2);
        }
    }
}

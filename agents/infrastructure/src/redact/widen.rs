//! How far an encoded secret reaches beyond its known pieces: what stands around them in the same alphabet tells a part of it.

use std::ops::Range;

/// Letters in groups of four or five share their edges with what stands before and after.
const EDGE: usize = 5;

/// In which letters a piece is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alphabet {
    Text,
    Hexadecimal,
    Base32,
    Base64,
    Base85,
}

impl Alphabet {
    /// Marks that also part words and paths count only near the piece.
    fn holds(self, letter: char, distance: usize) -> bool {
        match self {
            Self::Text => false,
            Self::Hexadecimal => letter.is_ascii_hexdigit(),
            Self::Base32 => letter.is_ascii_alphanumeric(),
            Self::Base64 => letter.is_ascii_alphanumeric() || distance < EDGE && matches!(letter, '+' | '/' | '-' | '_'),
            Self::Base85 => distance < EDGE && letter.is_ascii_graphic() && !matches!(letter, '"' | '\'' | '\\'),
        }
    }
}

/// The whole run of the alphabet around a place, with its padding; never over the end or the mark of a line.
pub(super) fn widen(text: &str, range: Range<usize>, alphabet: Alphabet) -> Range<usize> {
    if alphabet == Alphabet::Text {
        return range;
    }
    let (before, after) = (text.get(..range.start).unwrap_or_default(), text.get(range.end..).unwrap_or_default());
    let mut back = before.chars().rev().enumerate().take_while(|(distance, letter)| alphabet.holds(*letter, *distance)).count();
    let start = before.len() - back;
    if before.get(start..).is_some_and(|run| run.starts_with(['+', '-']))
        && (start == 0 || before.get(..start).is_some_and(|line| line.ends_with('\n')))
    {
        back -= 1;
    }
    let run = after.chars().enumerate().take_while(|(distance, letter)| alphabet.holds(*letter, *distance)).count();
    let padding = after.get(run..).unwrap_or_default().chars().take_while(|letter| *letter == '=').count();
    range.start - back..range.end + run + padding
}

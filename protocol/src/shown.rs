//! Text from outside, as people may be shown it: in a terminal, a log line, a commit.
//!
//! What is stored stays as it came. A character that moves the cursor, colours, turns the reading direction or can't be seen is written
//! out as `\u{1b}`, so that a text can't look like what it is not. Nothing is refused here, and nothing is quoted.

use std::fmt::{self, Display, Formatter, Write as _};

/// The most characters of a line that are shown, unless told otherwise.
pub const LINE_CHARS: usize = 2_000;

/// The most characters of a text with several lines that are shown, unless told otherwise.
pub const BLOCK_CHARS: usize = 200_000;

/// A text, to be displayed safely.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'t> {
    text: &'t str,
    newlines: bool,
    tabs: bool,
    most_chars: usize,
}

impl<'t> Shown<'t> {
    /// On one line, whatever is in it: line breaks and tabs are written out, too.
    pub fn line(text: &'t str) -> Self {
        Self { text, newlines: false, tabs: false, most_chars: LINE_CHARS }
    }

    /// With its own line breaks and tabs.
    pub fn block(text: &'t str) -> Self {
        Self { text, newlines: true, tabs: true, most_chars: BLOCK_CHARS }
    }

    /// At most so many of its characters, and how many were left out.
    #[must_use]
    pub fn at_most(self, chars: usize) -> Self {
        Self { most_chars: chars, ..self }
    }
}

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut chars = self.text.chars();
        let mut before = None;
        for _ in 0..self.most_chars {
            let Some(c) = chars.next() else { return Ok(()) };
            let next = chars.clone().next();
            match c {
                '\n' if self.newlines => f.write_char('\n')?,
                '\r' if self.newlines && next == Some('\n') => {}
                '\t' if self.tabs => f.write_char('\t')?,
                _ if is_joiner(c) && joins(before, next) => f.write_char(c)?,
                _ if is_deceptive(c) => write!(f, "{}", c.escape_default())?,
                _ => f.write_char(c)?,
            }
            before = Some(c);
        }
        match chars.count() {
            0 => Ok(()),
            left => write!(f, "… ({left} more characters)"),
        }
    }
}

/// Whether a character would be acted on instead of seen: controls, directions, and what has no width.
pub fn is_deceptive(c: char) -> bool {
    c.is_control()
        || is_joiner(c)
        || matches!(c,
            // Directions.
            '\u{061c}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            // Lines and paragraphs that only some programs break.
            | '\u{2028}'..='\u{2029}'
            // Without width, or blank without being a space.
            | '\u{00ad}' | '\u{034f}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'
            | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            // Tags, which spell out hidden ASCII, and variations beyond those of emoji.
            | '\u{e0000}'..='\u{e0fff}')
}

/// The two that Persian, Indic scripts and families of emoji need.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}'..='\u{200d}')
}

/// Whether a joiner stands where a script or an emoji needs it.
fn joins(before: Option<char>, next: Option<char>) -> bool {
    let joinable = |c: char| !c.is_ascii() && !is_deceptive(c) && !c.is_whitespace();
    before.is_some_and(joinable) && next.is_some_and(joinable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_of_terminals_are_written_out() {
        assert_eq!(Shown::line("\u{1b}[2J\u{1b}]0;title\u{7}ok").to_string(), r"\u{1b}[2J\u{1b}]0;title\u{7}ok");
        assert_eq!(Shown::block("\u{9b}31m\u{7f}\u{8}").to_string(), r"\u{9b}31m\u{7f}\u{8}");
    }

    #[test]
    fn directions_and_what_has_no_width_are_written_out() {
        assert_eq!(Shown::line("nas\u{202e}txt.exe\u{2069}").to_string(), r"nas\u{202e}txt.exe\u{2069}");
        assert_eq!(Shown::line("na\u{200b}s\u{feff}\u{e0041}\u{ad}").to_string(), r"na\u{200b}s\u{feff}\u{e0041}\u{ad}");
        assert_eq!(Shown::line("na\u{200d}s").to_string(), r"na\u{200d}s");
    }

    #[test]
    fn words_of_every_script_are_left_as_they_are() {
        for text in ["größe – ok", "می\u{200c}خواهم", "👩\u{200d}💻 ❤\u{fe0f}", "设置横幅", "C:\\Users\\me", "\u{5d0}\u{5d1}"]
        {
            assert_eq!(Shown::line(text).to_string(), text);
        }
    }

    #[test]
    fn a_line_stays_one_line_and_a_block_keeps_its_own() {
        let text = "one\r\ntwo\tthree\rfour\u{2028}five\n";
        assert_eq!(Shown::line(text).to_string(), r"one\r\ntwo\tthree\rfour\u{2028}five\n");
        assert_eq!(Shown::block(text).to_string(), "one\ntwo\tthree\\rfour\\u{2028}five\n");
    }

    #[test]
    fn what_is_too_long_is_cut_and_says_by_how_much() {
        assert_eq!(Shown::line("äöü").at_most(3).to_string(), "äöü");
        assert_eq!(Shown::line("äöüß").at_most(2).to_string(), "äö… (2 more characters)");
        let long = "x".repeat(50_000_000);
        assert!(Shown::line(&long).to_string().len() < 2 * LINE_CHARS);
    }

    #[test]
    fn nothing_that_acts_is_left_of_any_character() {
        for c in '\0'..=char::MAX {
            let shown = Shown::line(&format!("a{c}b")).to_string();
            assert!(!shown.chars().any(is_deceptive), "{:x}", u32::from(c));
        }
    }
}

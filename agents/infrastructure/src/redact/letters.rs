//! What a text's letters are when it is read without what quoting, wrapping, colouring and escaping add.
//!
//! White space, quotes, backslashes, the marks of a diff's lines, letters that nobody sees, the escapes of terminals and the
//! difference between capital and small letters are passed over. Escapes of single letters are read where it is asked for.

/// A letter of a text: one that stands there, or a byte that an escape stands for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Letter {
    Char(char),
    Byte(u8),
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Terminal {
    #[default]
    Text,
    Escape,
    Sequence,
}

/// What of a text counts, letter by letter.
#[derive(Debug, Clone, Default)]
pub(super) struct Compact {
    after_break: bool,
    terminal: Terminal,
}

impl Compact {
    /// Hands over the bytes of a letter that counts.
    pub(super) fn read(&mut self, letter: Letter, mut take: impl FnMut(u8)) {
        match letter {
            Letter::Byte(byte) if !byte.is_ascii() => take(byte),
            Letter::Byte(byte) => self.ascii(byte, take),
            Letter::Char(letter) => match u8::try_from(letter) {
                Ok(byte) if byte.is_ascii() => self.ascii(byte, take),
                _ if is_unseen(letter) => {}
                _ => {
                    self.after_break = false;
                    letter.encode_utf8(&mut [0; 4]).bytes().for_each(take);
                }
            },
        }
    }

    fn ascii(&mut self, byte: u8, mut take: impl FnMut(u8)) {
        let mark = self.after_break && matches!(byte, b'+' | b'-');
        self.after_break = byte == b'\n';
        match (self.terminal, byte) {
            (_, 0x1b) => self.terminal = Terminal::Escape,
            (Terminal::Escape, b'[') => self.terminal = Terminal::Sequence,
            (Terminal::Sequence, b'0'..=b'9' | b';' | b':' | b'?') => {}
            (Terminal::Sequence, b'A'..=b'Z' | b'a'..=b'z') => self.terminal = Terminal::Text,
            _ => {
                self.terminal = Terminal::Text;
                if !mark && byte > b' ' && byte != 0x7f && !matches!(byte, b'\\' | b'\'' | b'"') {
                    take(byte.to_ascii_lowercase());
                }
            }
        }
    }
}

/// Spaces of every width, none included, and what sets the direction of writing.
fn is_unseen(letter: char) -> bool {
    letter.is_whitespace()
        || matches!(letter, '\u{ad}' | '\u{34f}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

/// Hands over every letter with its place.
pub(super) fn plain(text: &str, mut take: impl FnMut(Letter, usize, usize)) {
    for (start, letter) in text.char_indices() {
        take(Letter::Char(letter), start, start + letter.len_utf8());
    }
}

/// The same, with what each escape of a letter stands for in its place: `%50`, `&#80;`, `\x50`, `\120`, `\u0050`, `\n`.
pub(super) fn unescaped(text: &str, mut take: impl FnMut(Letter, usize, usize)) {
    let mut passed = 0;
    for (start, letter) in text.char_indices() {
        if start < passed {
            continue;
        }
        let escape = if matches!(letter, '%' | '&' | '\\') { text.as_bytes().get(start..).and_then(escape) } else { None };
        let (letter, length) = escape.unwrap_or((Letter::Char(letter), letter.len_utf8()));
        passed = start + length;
        take(letter, start, passed);
    }
}

/// What an escape at the beginning of a text stands for, and how long it is.
fn escape(text: &[u8]) -> Option<(Letter, usize)> {
    let byte = |digits: &[u8], radix, length| Some((Letter::Byte(u8::try_from(number(digits, radix)?).ok()?), length));
    let char = |digits: &[u8], radix, length| Some((Letter::Char(char::from_u32(number(digits, radix)?)?), length));
    match text {
        [b'%', high, low, ..] => byte(&[*high, *low], 16, 3),
        [b'&', b'#', b'x' | b'X', rest @ ..] => until(rest, b';').and_then(|digits| char(digits, 16, digits.len() + 4)),
        [b'&', b'#', rest @ ..] => until(rest, b';').and_then(|digits| char(digits, 10, digits.len() + 3)),
        [b'\\', b'x' | b'X', high, low, ..] => byte(&[*high, *low], 16, 4),
        [b'\\', b'u', b'{', rest @ ..] => until(rest, b'}').and_then(|digits| char(digits, 16, digits.len() + 4)),
        [b'\\', b'u', rest @ ..] => rest.get(..4).and_then(|digits| char(digits, 16, 6)),
        [b'\\', b'U', rest @ ..] => rest.get(..8).and_then(|digits| char(digits, 16, 10)),
        [b'\\', b'n' | b'r' | b't', ..] => Some((Letter::Byte(b'\n'), 2)),
        [b'\\', b'e', ..] => Some((Letter::Byte(0x1b), 2)),
        [b'\\', first @ b'0'..=b'3', second, third, ..] => byte(&[*first, *second, *third], 8, 4),
        _ => None,
    }
}

fn until(text: &[u8], end: u8) -> Option<&[u8]> {
    text.get(..text.iter().take(8).position(|byte| *byte == end)?)
}

/// A number without a sign.
pub(super) fn number(digits: &[u8], radix: u32) -> Option<u32> {
    let digits = Some(digits).filter(|digits| !digits.is_empty())?;
    digits.iter().try_fold(0_u32, |number, digit| number.checked_mul(radix)?.checked_add(char::from(*digit).to_digit(radix)?))
}

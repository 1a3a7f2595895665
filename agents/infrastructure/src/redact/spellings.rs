//! The ways in which programs write one value: JSON, URL, HTML, Python, octal, reversed, rot13, and in base32, base64 and
//! base85 whatever stands before.
//!
//! What only adds quotes, backslashes or line breaks, escapes single letters or lists numbers needs no spelling here:
//! `letters` and `numbers` read those.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::encodings::{base32_at, base64_at, base85_at};
use super::widen::Alphabet;

/// Every spelling of a value, as bytes that are its letters; the value first.
pub(super) fn of(value: &str) -> Vec<(Alphabet, Vec<u8>)> {
    let texts = texts(value);
    let reversed: String = value.chars().rev().collect();
    let latin: Vec<u8> = value.chars().filter_map(|letter| u8::try_from(letter).ok()).collect();
    let mut spellings: Vec<(Alphabet, Vec<u8>)> = texts.iter().map(|text| (Alphabet::Text, text.clone().into_bytes())).collect();
    spellings.extend([reversed.clone().into_bytes(), rotated(value).into_bytes(), latin].map(|text| (Alphabet::Text, text)));
    spellings.extend([value, reversed.as_str()].map(|text| (Alphabet::Hexadecimal, hexadecimal(text).into_bytes())));
    let wide = [u16::to_le_bytes, u16::to_be_bytes].map(|order| value.encode_utf16().flat_map(order).collect());
    let encoded = texts.into_iter().chain([reversed]).map(String::into_bytes).chain(wide);
    let once: Vec<String> = encoded.flat_map(|text| (0..3).map(move |offset| base64_at(&text, offset))).collect();
    let twice = (0..3).flat_map(|offset| {
        let inner = base64_at(value.as_bytes(), offset);
        // A whole value's padding is known as well.
        let inner = if offset == 0 { STANDARD.encode(value) } else { inner };
        (0..3).map(move |offset| base64_at(inner.as_bytes(), offset))
    });
    for text in once.into_iter().chain(twice) {
        let url_safe = text.replace('+', "-").replace('/', "_");
        spellings.extend([text, url_safe].map(|text| (Alphabet::Base64, text.into_bytes())));
    }
    spellings.extend((0..5).map(|offset| (Alphabet::Base32, base32_at(value.as_bytes(), offset).into_bytes())));
    spellings.extend((0..4).flat_map(|offset| base85_at(value.as_bytes(), offset)).map(|text| (Alphabet::Base85, text)));
    spellings
}

fn texts(value: &str) -> Vec<String> {
    let mut texts = vec![value.to_owned()];
    texts.push(serde_json::to_string(value).unwrap_or_default().trim_matches('"').to_owned());
    texts.push(json_ascii(value));
    texts.push(percent(value, "-_.~"));
    texts.push(percent(value, "-_.~/"));
    texts.push(percent(value, "-_.~ ").replace(' ', "+"));
    texts.push(html(value, "&#x27;", "&#34;"));
    texts.push(html(value, "&#39;", "&quot;"));
    texts.push(python(value));
    texts.push(bytes(value, |byte| format!("x{byte:02x}")));
    texts.push(bytes(value, |byte| format!("{byte:03o}")));
    texts.sort_unstable();
    texts.dedup();
    texts
}

fn hexadecimal(value: &str) -> String {
    value.bytes().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The alphabet turned by half of it.
fn rotated(value: &str) -> String {
    let turn = |letter: u8, first: u8| char::from(first + (letter - first + 13) % 26);
    let rotate = |letter: char| match u8::try_from(letter) {
        Ok(byte @ b'a'..=b'z') => turn(byte, b'a'),
        Ok(byte @ b'A'..=b'Z') => turn(byte, b'A'),
        _ => letter,
    };
    value.chars().map(rotate).collect()
}

fn json_ascii(value: &str) -> String {
    let mut text = String::new();
    for unit in value.encode_utf16() {
        match char::from_u32(u32::from(unit)).filter(char::is_ascii) {
            Some('\n') => text.push_str("\\n"),
            Some('\t') => text.push_str("\\t"),
            Some(plain) => text.push(plain),
            None => {
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
    }
    text
}

fn percent(value: &str, kept: &str) -> String {
    let mut text = String::new();
    for byte in value.bytes() {
        let plain = char::from(byte);
        if plain.is_ascii_alphanumeric() || byte.is_ascii() && kept.contains(plain) {
            text.push(plain);
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

fn html(value: &str, single: &str, double: &str) -> String {
    value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\'', single).replace('"', double)
}

/// `repr` of Python and the double quotes of YAML: `\xfc`, `\u20ac`, `\U0001f600`.
fn python(value: &str) -> String {
    let mut text = String::new();
    for letter in value.chars() {
        let number = u32::from(letter);
        let _ = match number {
            0x20..=0x7e => write!(text, "{letter}"),
            0..=0xff => write!(text, "\\x{number:02x}"),
            0x100..=0xffff => write!(text, "\\u{number:04x}"),
            _ => write!(text, "\\U{number:08x}"),
        };
    }
    text
}

fn bytes(value: &str, other: impl Fn(u8) -> String) -> String {
    value.bytes().map(|byte| if (0x20..0x7f).contains(&byte) { char::from(byte).to_string() } else { other(byte) }).collect()
}

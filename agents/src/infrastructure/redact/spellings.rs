//! The ways in which programs write one value: JSON, URL, HTML, Python, octal, hexadecimal, base64 at every offset.
//!
//! What only adds quotes, backslashes or line breaks needs no spelling here: `pieces` passes those over.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Every spelling of a value that is not the value itself, and the value first.
pub(super) fn of(value: &str) -> Vec<String> {
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
    let encoded: Vec<String> = texts.iter().flat_map(|text| (0..3).map(|offset| base64_at(text.as_bytes(), offset))).collect();
    let url_safe: Vec<String> = encoded.iter().map(|text| text.replace('+', "-").replace('/', "_")).collect();
    texts.push(value.bytes().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    }));
    texts.extend(encoded);
    texts.extend(url_safe);
    texts
}

/// What is the same of a value's base64 whatever stands before and after it, when `offset` bytes of a group stand before.
fn base64_at(value: &[u8], offset: usize) -> String {
    let mut padded = vec![0; offset];
    padded.extend_from_slice(value);
    let first = (offset * 8).div_ceil(6);
    let last = padded.len() * 8 / 6;
    STANDARD.encode(&padded).chars().take(last).skip(first).collect()
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

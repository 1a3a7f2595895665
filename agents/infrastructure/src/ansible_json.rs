//! JSON as Ansible's programs write it, which is not always JSON: a byte of a tool's output that is no UTF-8 comes as half of a
//! surrogate pair (`\udcff`), and a number that is none as `NaN`. Neither may cost the whole event.

use serde::de::DeserializeOwned;

/// Reads it; what is no text becomes U+FFFD, and what is no number `null`.
///
/// # Errors
/// It is no JSON for another reason.
pub(super) fn read<T: DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<T> {
    serde_json::from_slice(bytes).or_else(|_| serde_json::from_str(&mended(&String::from_utf8_lossy(bytes))))
}

/// With escapes of lone surrogates and words for what is no number replaced.
fn mended(text: &str) -> String {
    let mut mended = String::with_capacity(text.len());
    let (mut rest, mut in_text) = (text, false);
    while let Some(next) = rest.chars().next() {
        let (used, written) = match next {
            '\\' => escape(rest),
            'N' | 'I' | '-' if !in_text => ["NaN", "Infinity", "-Infinity"]
                .into_iter()
                .find(|word| rest.starts_with(word))
                .map_or((next.len_utf8(), None), |word| (word.len(), Some("null"))),
            _ => (next.len_utf8(), None),
        };
        in_text ^= next == '"';
        let (part, after) = rest.split_at_checked(used).unwrap_or((rest, ""));
        mended.push_str(written.unwrap_or(part));
        rest = after;
    }
    mended
}

/// How long the escape at the beginning is, and what stands for it where it is half of a pair.
fn escape(text: &str) -> (usize, Option<&'static str>) {
    const LONE: Option<&str> = Some("\\ufffd");
    match unit(text) {
        Some(0xD800..=0xDBFF) => match text.get(6..).and_then(unit) {
            Some(0xDC00..=0xDFFF) => (12, None),
            _ => (6, LONE),
        },
        Some(0xDC00..=0xDFFF) => (6, LONE),
        Some(_) => (6, None),
        None => (1 + text.chars().nth(1).map_or(0, char::len_utf8), None),
    }
}

/// The code unit that `\uXXXX` at the beginning stands for.
fn unit(text: &str) -> Option<u16> {
    u16::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn of(text: &str) -> Value {
        read(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn half_a_surrogate_pair_is_one_unknown_character_and_whole_pairs_stay() {
        assert_eq!(of(r#"{"stderr":"why \udcff it \ud83d\ude00 \"failed\"\n"}"#), json!({"stderr": "why \u{fffd} it 😀 \"failed\"\n"}));
        assert_eq!(of(r#"["\ud83d", "\ud83d\ud83d\ude00", "\ude00\ud83d"]"#), json!(["\u{fffd}", "\u{fffd}😀", "\u{fffd}\u{fffd}"]));
        assert_eq!(of(r#"["\\udcff \udcff", "\\\udcff"]"#), json!(["\\udcff \u{fffd}", "\\\u{fffd}"]));
    }

    #[test]
    fn what_is_no_number_is_null_and_the_same_words_in_a_text_stay() {
        assert_eq!(
            of(r#"[NaN, -Infinity, Infinity, -1, "NaN \" Infinity \udcff"]"#),
            json!([null, null, null, -1, "NaN \" Infinity \u{fffd}"])
        );
    }

    #[test]
    fn bytes_that_are_no_text_are_unknown_characters_and_what_is_no_json_is_refused() {
        assert_eq!(read::<Value>(b"[\"a\xffb\"]").expect("reads"), json!(["a\u{fffd}b"]));
        for broken in [r#""\ud83"#, r#""\udcff"#, "\\", "[\"ä\\ä\"]", "plain words", ""] {
            assert!(read::<Value>(broken.as_bytes()).is_err(), "{broken}");
        }
    }
}

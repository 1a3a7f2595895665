//! The only way on which text from outside reaches a terminal: requests, titles, diffs, logs, errors, names of hosts.
//!
//! Nothing of the API's answers is printed that did not pass one of these, and each passes [`Shown`]; a test walks every verb with
//! hostile text.

use chiffon_protocol::shown::{Shown, is_deceptive};
use serde_json::Value;

use crate::args::Output;

/// The most characters of a line: a text that is longer says by how much.
const LONGEST_LINE: usize = 20_000;

/// A value as people may be shown it, on one line: empty for what is absent.
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => line(text),
        other => line(&other.to_string()),
    }
}

/// A text as people may be shown it, on one line.
pub fn line(text: &str) -> String {
    Shown::line(text).at_most(LONGEST_LINE).to_string()
}

/// A sentence as people may be shown it, where there is one: what has several lines, as tools' words have, is put on one.
pub fn said(value: &Value) -> Option<String> {
    let words = value.as_str().filter(|text| !text.is_empty())?;
    let lines: Vec<&str> = words.lines().map(str::trim).filter(|one| !one.is_empty()).collect();
    Some(line(&lines.join("; ")))
}

/// A text as people may be shown it, with its own lines.
pub fn block(text: &str) -> String {
    Shown::block(text).to_string()
}

/// A line of a diff as people may be shown it: tabs are a file's own.
pub fn diff(text: &str) -> String {
    Shown::block(text).at_most(LONGEST_LINE).to_string().replace('\n', "\\n")
}

/// Prints data as JSON if that is asked for; whether it did.
pub fn json(output: Output, value: &Value) -> bool {
    if output == Output::Json {
        println!("{}", escaped(&serde_json::to_string_pretty(value).unwrap_or_default()));
    }
    output == Output::Json
}

/// JSON in which everything is escaped that a terminal would act on: the same data to every program that reads it.
pub fn escaped(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        if c == '\n' || !is_deceptive(c) {
            escaped.push(c);
        } else {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| escaped += &format!("\\u{unit:04x}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_tools_say_on_several_lines_is_one_sentence() {
        let shown = |text: &str| said(&json!(text));
        assert_eq!(shown("items failed\r\n\n  missing: none\n").as_deref(), Some("items failed; missing: none"));
        assert_eq!(shown(""), None);
        assert_eq!(said(&Value::Null), None);
    }

    #[test]
    fn json_that_is_shown_is_the_same_data_and_acts_on_nothing() {
        let value = json!({"text": "a\u{202e}b\u{9b}31m\u{7f}\u{e0041}\u{1b}]52;c;x\u{7}\r\n", "na\u{200b}me": "größe 👩\u{200d}💻"});
        let shown = escaped(&serde_json::to_string_pretty(&value).expect("JSON"));
        assert!(shown.chars().all(|c| c == '\n' || !is_deceptive(c)), "{shown:?}");
        assert_eq!(serde_json::from_str::<Value>(&shown).expect("JSON"), value);
    }
}

//! Texts and values with places that a call fills: `{{/alerts/0/labels/host}}` stands for what is there in its body, by JSON Pointer
//! (RFC 6901).

use std::fmt::Write as _;
use std::str::FromStr;

use chiffon_protocol::shown::is_deceptive;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

const OPEN: &str = "{{";
const CLOSE: &str = "}}";
/// So many characters of a value go into a text.
const MOST_CHARS: usize = 500;

/// A text with places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    source: String,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Words(String),
    Place(String),
}

impl FromStr for Template {
    type Err = String;

    fn from_str(source: &str) -> Result<Self, String> {
        let (mut pieces, mut rest) = (Vec::new(), source);
        while let Some((before, after)) = rest.split_once(OPEN) {
            let Some((place, behind)) = after.split_once(CLOSE) else {
                return Err(format!("`{source}` opens a place with {OPEN} and does not close it with {CLOSE}"));
            };
            let place = place.trim();
            if !place.starts_with('/') {
                return Err(format!(
                    "`{OPEN}{place}{CLOSE}` names no place of a call's body; write a JSON Pointer, such as {OPEN}/host{CLOSE}"
                ));
            }
            pieces.extend([Piece::Words(before.to_owned()), Piece::Place(place.to_owned())]);
            rest = behind;
        }
        pieces.push(Piece::Words(rest.to_owned()));
        pieces.retain(|piece| !matches!(piece, Piece::Words(words) if words.is_empty()));
        Ok(Self { source: source.to_owned(), pieces })
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Template {
    /// As it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// In words, or why this body does not fit.
    pub fn words(&self, body: &Value) -> Result<String, String> {
        let mut words = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Words(text) => words.push_str(text),
                Piece::Place(place) => words.push_str(&said(at(body, place)?, place)?),
            }
        }
        Ok(words)
    }

    /// What it stands for: a place alone keeps the type of what is there.
    pub fn value(&self, body: &Value) -> Result<Value, String> {
        match self.pieces.as_slice() {
            [Piece::Place(place)] => at(body, place).cloned(),
            _ => self.words(body).map(Value::String),
        }
    }
}

/// The same for every text in a value.
pub fn filled(value: &Value, body: &Value) -> Result<Value, String> {
    match value {
        Value::String(text) => text.parse::<Template>()?.value(body),
        Value::Array(items) => items.iter().map(|item| filled(item, body)).collect::<Result<Vec<_>, _>>().map(Value::Array),
        Value::Object(members) => members_filled(members, body).map(Value::Object),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(value.clone()),
    }
}

/// The same for every member.
pub fn members_filled(members: &Map<String, Value>, body: &Value) -> Result<Map<String, Value>, String> {
    members.iter().map(|(name, value)| Ok((name.clone(), filled(value, body)?))).collect()
}

/// Refuses texts that can't be read.
pub fn check(value: &Value) -> Result<(), String> {
    match value {
        Value::String(text) => text.parse::<Template>().map(drop),
        Value::Array(items) => items.iter().try_for_each(check),
        Value::Object(members) => members.values().try_for_each(check),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

fn at<'b>(body: &'b Value, place: &str) -> Result<&'b Value, String> {
    let there = body.pointer(place).filter(|there| !there.is_null());
    there.ok_or_else(|| format!("its body has nothing at `{}`", place.escape_debug()))
}

/// A value in words, on one line: what would be acted on instead of seen becomes a space.
fn said(value: &Value, place: &str) -> Result<String, String> {
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(is) => Some(is.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    let text = match value {
        Value::Array(items) if !items.is_empty() => items.iter().map(one).collect::<Option<Vec<_>>>().map(|items| items.join(", ")),
        other => one(other),
    };
    let text = text.ok_or_else(|| format!("what its body has at `{}` is no text, number, or list of them", place.escape_debug()))?;
    let plain = text.replace(is_deceptive, " ");
    let plain = plain.trim();
    let mut cut: String = plain.chars().take(MOST_CHARS).collect();
    if cut.len() < plain.len() {
        let _ = write!(cut, "…");
    }
    Ok(cut)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn template(text: &str) -> Template {
        text.parse().expect("a template")
    }

    #[test]
    fn places_are_filled_from_the_body_and_nothing_else_is() {
        let body = json!({"alerts": [{"host": "nas", "full": 97.5, "a/b": true}], "hosts": ["nas", "web1"], "none": null});
        for (text, words) in [
            ("Clean up {{ /alerts/0/host }}: {{/alerts/0/full}} % full", "Clean up nas: 97.5 % full"),
            ("{{/hosts}} and {{/alerts/0/a~1b}}", "nas, web1 and true"),
            ("no place, }} and { { are words", "no place, }} and { { are words"),
        ] {
            assert_eq!(template(text).words(&body).as_deref(), Ok(words));
        }
        for missing in ["{{/alerts/1/host}}", "{{/none}}", "{{/host}}"] {
            assert!(template(missing).words(&body).unwrap_err().contains("has nothing at"), "{missing}");
        }
        assert!(template("{{/alerts}}").words(&body).unwrap_err().contains("is no text"));
    }

    #[test]
    fn what_a_body_holds_is_no_place_and_hides_nothing() {
        let body = json!({"a": "{{/secret}}\u{202e}\nx\u{0}", "secret": "s", "long": "y".repeat(600)});
        assert_eq!(template("{{/a}}").words(&body).as_deref(), Ok("{{/secret}}  x"));
        assert_eq!(template("{{/long}}").words(&body).unwrap().chars().count(), MOST_CHARS + 1);
    }

    #[test]
    fn a_place_alone_keeps_its_type() {
        let body = json!({"port": 3001, "tags": ["a"], "host": "nas"});
        let parameters =
            json!({"port": "{{/port}}", "tags": "{{/tags}}", "name": "kuma-{{/host}}", "deep": [{"p": "{{/port}}"}], "on": true});
        let expected = json!({"port": 3001, "tags": ["a"], "name": "kuma-nas", "deep": [{"p": 3001}], "on": true});
        assert_eq!(filled(&parameters, &body), Ok(expected));
    }

    #[test]
    fn a_place_that_can_not_be_one_is_refused_in_words() {
        assert!("{{/a".parse::<Template>().unwrap_err().contains("does not close it"));
        assert!("{{a}}".parse::<Template>().unwrap_err().contains("JSON Pointer"));
        assert!(check(&json!({"a": ["{{"]})).is_err() && check(&json!({"a": ["{{/x}}", 1]})).is_ok());
    }
}

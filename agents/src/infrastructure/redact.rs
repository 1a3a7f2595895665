//! Keeping secrets out of everything that leaves the host: events, diffs, outputs and errors.
//!
//! Known values are removed wherever they stand; values of keys that look secret are removed where the key stands.

use serde_json::{Map, Value};

/// What stands in a secret's place.
pub(super) const HIDDEN: &str = "[redacted]";
/// Shorter values would blank out ordinary words.
const SHORTEST: usize = 4;
/// The last word of a key that holds a secret.
const SECRET_WORDS: &[&str] = &["password", "passwd", "passphrase", "secret", "token", "key", "apikey", "credentials"];

/// The secrets of one run.
#[derive(Debug, Clone, Default)]
pub(super) struct Redactor {
    /// Longest first, so that a part of one never leaves the rest of another.
    values: Vec<String>,
}

impl Redactor {
    /// Hides these values, and the texts of parameters whose names look secret.
    pub(super) fn new(secrets: Vec<String>, parameters: &Map<String, Value>) -> Self {
        let mut values = secrets;
        for (name, value) in parameters {
            collect(name, value, &mut values);
        }
        // A secret of several lines is shown line by line.
        let lines: Vec<String> = values.iter().flat_map(|value| value.lines()).map(|line| line.trim().to_owned()).collect();
        values.extend(lines);
        values.retain(|value| value.len() >= SHORTEST);
        values.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        values.dedup();
        Self { values }
    }

    /// A text without secrets.
    pub(super) fn text(&self, text: &str) -> String {
        let mut clean = text.to_owned();
        for value in &self.values {
            if clean.contains(value.as_str()) {
                clean = clean.replace(value.as_str(), HIDDEN);
            }
            let escaped = serde_json::to_string(value).unwrap_or_default();
            let escaped = escaped.trim_matches('"');
            if escaped != value && clean.contains(escaped) {
                clean = clean.replace(escaped, HIDDEN);
            }
        }
        if clean.lines().any(|line| assignment(line).is_some()) { hide_assignments(&clean) } else { clean }
    }

    /// A value without secrets.
    pub(super) fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => Value::Array(items.iter().map(|item| self.value(item)).collect()),
            Value::Object(members) => Value::Object(self.members(members)),
            scalar => scalar.clone(),
        }
    }

    /// Members without secrets.
    pub(super) fn members(&self, members: &Map<String, Value>) -> Map<String, Value> {
        let clean = members.iter().map(|(name, member)| {
            let hidden = looks_secret(name) && member.as_str().is_some_and(|text| !text.is_empty());
            (name.clone(), if hidden { Value::from(HIDDEN) } else { self.value(member) })
        });
        clean.collect()
    }
}

fn collect(name: &str, value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) if looks_secret(name) => into.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect(name, item, into)),
        Value::Object(members) => members.iter().for_each(|(name, member)| collect(name, member, into)),
        _ => {}
    }
}

/// Whether a key's last word says that its value is a secret: `db_password`, `API-KEY`, `authToken`; not `host_key_checking`.
pub(super) fn looks_secret(name: &str) -> bool {
    let last = name.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    let start = last.rfind(|c: char| c.is_ascii_uppercase()).filter(|_| last.chars().any(|c| c.is_ascii_lowercase()));
    let word = start.map_or(last, |start| &last[start..]).to_ascii_lowercase();
    let whole = last.to_ascii_lowercase();
    SECRET_WORDS.contains(&word.as_str()) || SECRET_WORDS.contains(&whole.as_str())
}

fn hide_assignments(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        match assignment(line.trim_end_matches('\n')) {
            Some(value_at) => {
                clean.push_str(&line[..value_at]);
                clean.push_str(HIDDEN);
                if line.ends_with('\n') {
                    clean.push('\n');
                }
            }
            None => clean.push_str(line),
        }
    }
    clean
}

/// Where the value starts in a line like `+  DB_PASSWORD=hunter2` or `"token": "x"`; nothing where it is no secret.
fn assignment(line: &str) -> Option<usize> {
    let separator = line.find(['=', ':'])?;
    let key = line[..separator].trim_matches(|c: char| c.is_whitespace() || matches!(c, '+' | '-' | '"' | '\''));
    if key.is_empty() || key.contains(char::is_whitespace) && !key.starts_with("export ") || !looks_secret(key) {
        return None;
    }
    let rest = &line[separator + 1..];
    let value = rest.trim_start();
    let plain = value.trim_end_matches([',', '"', '\'']).trim_start_matches(['"', '\'']);
    let harmless = plain.is_empty()
        || plain == HIDDEN
        || matches!(plain, "true" | "false" | "True" | "False" | "yes" | "no" | "null" | "None" | "|" | ">" | "{" | "[")
        || plain.parse::<f64>().is_ok()
        || plain.starts_with("{{")
        || plain.starts_with('/');
    (!harmless).then(|| separator + 1 + (rest.len() - value.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parameters() -> Map<String, Value> {
        match json!({"db": {"adminPassword": "hunter2!"}, "name": "kuma", "api_key": "ab"}) {
            Value::Object(members) => members,
            _ => unreachable!("it is an object"),
        }
    }

    #[test]
    fn known_values_are_hidden_everywhere_also_escaped() {
        let redactor = Redactor::new(vec!["a\"b\\c".to_owned()], &parameters());
        assert_eq!(redactor.text("login hunter2! ok, kuma"), "login [redacted] ok, kuma");
        assert_eq!(redactor.text(r#"{"x": "a\"b\\c"}"#), r#"{"x": "[redacted]"}"#);
    }

    #[test]
    fn values_of_secret_looking_keys_are_hidden_where_the_key_stands() {
        let redactor = Redactor::default();
        let diff = "+DB_PASSWORD=s3cret\n-  \"token\": \"abc\",\n keyboard: us\n+host_key_checking = x\n+password: true\n";
        assert_eq!(
            redactor.text(diff),
            "+DB_PASSWORD=[redacted]\n-  \"token\": [redacted]\n keyboard: us\n+host_key_checking = x\n+password: true\n"
        );
        let outputs = redactor.value(&json!({"url": "http://x", "apiKey": "abc", "items": [{"auth_token": "x"}]}));
        assert_eq!(outputs, json!({"url": "http://x", "apiKey": HIDDEN, "items": [{"auth_token": HIDDEN}]}));
    }
}

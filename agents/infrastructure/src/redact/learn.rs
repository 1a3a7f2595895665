//! What a result tells of secrets that nobody has named before: members of a loop's items that are called like one, whatever label the
//! author gave them, and hashes of files. Who knows the rest of a file finds a short secret in it by the file's hash.

use serde_json::{Map, Value};
use serde_norway::Value as Yaml;

use super::{Redactor, SHORTEST, looks_secret};

/// Digits of the hashes that modules report: MD5, SHA-1, SHA-224, SHA-256, SHA-384, SHA-512.
const DIGITS: [usize; 6] = [32, 40, 56, 64, 96, 128];
/// What stands under such a name and is no secret.
const WORDS: [&str; 8] = ["always", "on_create", "present", "absent", "latest", "true", "false", "none"];

impl Redactor {
    /// Learns from a result before anything of it is told.
    pub(crate) fn learn_from(&mut self, result: &Value) {
        let mut secrets = Vec::new();
        let items = result.get("results").and_then(Value::as_array).into_iter().flatten();
        for item in std::iter::once(result).chain(items).filter_map(|one| one.get("item")) {
            match item.as_str().and_then(item_of_text) {
                Some(read) => members(&read, &mut secrets),
                None => members(item, &mut secrets),
            }
        }
        if !secrets.is_empty() {
            self.in_use = true;
            self.learn(&secrets);
        }
        if self.in_use {
            let mut hashes = Vec::new();
            collect_hashes(result, &mut hashes);
            hashes.retain(|hash| !self.values.contains(hash));
            self.values.extend(hashes);
        }
    }
}

/// An item that is written as Python or JSON writes it.
pub(crate) fn item_of_text(text: &str) -> Option<Value> {
    let read = Some(text).filter(|text| text.starts_with(['{', '[']))?;
    serde_norway::from_str::<Yaml>(read).ok().and_then(|read| serde_json::to_value(read).ok())
}

/// Texts under names of secrets; a plain `key` is the name of something more often than not.
fn members(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if let Some((name, Value::String(text))) = pair(fields)
                && looks_secret(name)
            {
                add(text, into);
            }
            for (name, field) in fields {
                match field {
                    Value::String(text) if looks_secret(name) && name != "key" => add(text, into),
                    other => members(other, into),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| members(item, into)),
        _ => {}
    }
}

/// `key` and `value`, as `dict2items` gives them.
fn pair(fields: &Map<String, Value>) -> Option<(&str, &Value)> {
    Some((fields.get("key")?.as_str()?, fields.get("value")?))
}

fn add(text: &str, into: &mut Vec<String>) {
    if text.len() >= SHORTEST && !WORDS.contains(&text) {
        into.push(text.to_owned());
    }
}

/// Every text that is nothing but a hash, wherever it stands.
fn collect_hashes(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) if DIGITS.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit()) => into.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect_hashes(item, into)),
        Value::Object(fields) => fields.values().for_each(|field| collect_hashes(field, into)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const MD5: &str = "5f0aa5f8cc5ea0464685514071b630bd";

    #[test]
    fn what_an_item_holds_under_a_secrets_name_is_hidden_wherever_else_it_stands() {
        let mut redactor = Redactor::default();
        redactor.learn_from(&json!({"results": [
            {"item": {"name": "user1", "pw": "Tür-von-user1", "update_password": "always", "key": "net.ipv4.ip_forward"}},
            {"item": "{'name': 'user2', 'api_token': \"t0ken-of-user2\"}"},
            {"item": {"key": "db_password", "value": "of the d8base"}},
        ]}));
        assert_eq!(redactor.text("+Tür-von-user1\n+t0ken-of-user2\n+of the d8base\n"), "+[redacted]\n+[redacted]\n+[redacted]\n");
        let public = "user1 user2 always net.ipv4.ip_forward\n";
        assert_eq!(redactor.text(public), public);
    }

    #[test]
    fn a_hash_is_hidden_where_secrets_are_in_use_and_told_where_none_are() {
        let result = json!({"stat": {"checksum": MD5}});
        let mut without = Redactor::default();
        without.learn_from(&result);
        assert_eq!(without.text(MD5), MD5);
        let mut with = Redactor::default().with_placeholders(&["secret://door".to_owned()]);
        with.learn_from(&result);
        assert_eq!(with.text(&format!("checksum: {MD5}")), "checksum: [redacted]");
    }
}

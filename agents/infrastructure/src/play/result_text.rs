//! What a task's result says to people.

use serde_json::Value;

use crate::redact::{HIDDEN, item_of_text, looks_secret};

/// Whether a task was skipped only because its module can't say what it would do.
pub(super) fn lacks_check_support(result: &Value) -> bool {
    let says = |result: &Value| result.get("msg").and_then(Value::as_str).is_some_and(|text| text.contains("check mode"));
    says(result) || result.get("results").and_then(Value::as_array).into_iter().flatten().any(says)
}

/// Why a task was skipped, as far as Ansible says.
pub(super) fn why_skipped(result: &Value) -> String {
    match result.get("false_condition").map(as_text).filter(|condition| !condition.is_empty()) {
        Some(condition) => format!("`{condition}` is false"),
        None => {
            result.get("skip_reason").and_then(Value::as_str).map(|reason| reason.replace("Conditional", "conditional")).unwrap_or_default()
        }
    }
}

/// Whether an item of a loop changed something, whatever became of the others.
pub(super) fn items_changed(result: &Value) -> bool {
    let items = result.get("results").and_then(Value::as_array).into_iter().flatten();
    items
        .filter(|item| item.get("failed").and_then(Value::as_bool) != Some(true))
        .any(|item| item.get("changed").and_then(Value::as_bool) == Some(true))
}

/// What a result says to people. A censored one says only that.
pub(super) fn text_of(result: &Value) -> String {
    if let Some(censored) = result.get("censored") {
        return as_text(censored);
    }
    let mut parts: Vec<String> = Vec::new();
    for key in ["msg", "message", "reason", "module_stderr", "stderr", "stdout", "module_stdout", "skip_reason"] {
        if let Some(text) = result.get(key).map(as_text).filter(|text| !text.trim().is_empty())
            && !parts.contains(&text)
        {
            parts.push(text);
        }
    }
    for item in result.get("results").and_then(Value::as_array).into_iter().flatten() {
        let failed = item.get("failed").and_then(Value::as_bool).unwrap_or(false);
        if failed && item.get("censored").is_none() {
            // The author's label, where there is one, stands for what the item holds.
            let of = item.get("_ansible_item_label").or_else(|| item.get("item")).map(label).unwrap_or_default();
            parts.push(format!("{of}: {}", item.get("msg").map(as_text).unwrap_or_default()));
        }
    }
    parts.join("\n")
}

pub(super) fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| if value.is_null() { String::new() } else { value.to_string() }, str::to_owned)
}

/// An item of a loop without a label of the author's is shown as it is, but for members whose names say that they are secrets. Ansible
/// may give it as a text that is written as Python writes it, which reads as YAML.
fn label(item: &Value) -> String {
    match item {
        Value::String(text) => match item_of_text(text) {
            Some(read) if holds_secret(&read) => without_secrets(&read).to_string(),
            _ => text.clone(),
        },
        Value::Object(_) | Value::Array(_) => without_secrets(item).to_string(),
        other => as_text(other),
    }
}

/// A member of a dictionary that was made a list (`dict2items`): its `key` is a name, and says what its `value` is.
fn as_pair(value: &Value) -> Option<(&str, &Value)> {
    let members = value.as_object().filter(|members| members.len() == 2)?;
    Some((members.get("key")?.as_str()?, members.get("value")?))
}

fn holds_secret(value: &Value) -> bool {
    if let Some((name, member)) = as_pair(value) {
        return looks_secret(name) || holds_secret(member);
    }
    match value {
        Value::Object(members) => members.iter().any(|(name, member)| looks_secret(name) || holds_secret(member)),
        Value::Array(items) => items.iter().any(holds_secret),
        _ => false,
    }
}

fn without_secrets(value: &Value) -> Value {
    if let Some((name, member)) = as_pair(value) {
        let member = if looks_secret(name) { Value::from(HIDDEN) } else { without_secrets(member) };
        return serde_json::json!({"key": name, "value": member});
    }
    match value {
        Value::Object(members) => {
            let shown = |(name, member): (&String, &Value)| {
                (name.clone(), if looks_secret(name) { Value::from(HIDDEN) } else { without_secrets(member) })
            };
            Value::Object(members.iter().map(shown).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(without_secrets).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_item_without_a_label_is_shown_without_its_secrets_in_every_form() {
        let items = [
            json!({"name": "user2", "pw": "user2-secret", "more": [{"api_token": "t0ken-4711", "pin": 4}]}),
            json!("{'name': 'user2', 'pw': \"user2-secret\", 'more': [{'api_token': 't0ken-4711'}]}"),
        ];
        for item in items {
            let result = json!({"msg": "failed", "results": [{"failed": true, "msg": "no such folder", "item": item}]});
            let text = text_of(&result);
            assert!(text.contains("user2") && text.contains("no such folder"), "{text}");
            assert!(!text.contains("secret\"") && !text.contains("user2-secret") && !text.contains("4711"), "{text}");
        }
        let pairs = json!({"results": [
            {"failed": true, "msg": "no", "item": {"key": "db_password", "value": "hunter2-more"}},
            {"failed": true, "msg": "no", "item": {"key": "port", "value": 80}},
        ]});
        assert_eq!(text_of(&pairs), "{\"key\":\"db_password\",\"value\":\"[redacted]\"}: no\n{\"key\":\"port\",\"value\":80}: no");
        let labelled = json!({"results": [{"failed": true, "msg": "no", "item": {"pw": "x"}, "_ansible_item_label": "user2"}]});
        assert_eq!(text_of(&labelled), "user2: no");
    }
}

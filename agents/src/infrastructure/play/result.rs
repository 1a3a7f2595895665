//! What one result of a module says: whether it changed anything, why it was skipped, and its words for people.

use serde_json::Value;

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
            let of = item.get("_ansible_item_label").or_else(|| item.get("item")).map(as_text).unwrap_or_default();
            parts.push(format!("{of}: {}", item.get("msg").map(as_text).unwrap_or_default()));
        }
    }
    parts.join("\n")
}

pub(super) fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| if value.is_null() { String::new() } else { value.to_string() }, str::to_owned)
}

//! What a request has changed, as a sentence: it is said of what is on record, never assumed.

use serde_json::Value;

use super::text::{line, text};

/// Names at most so many changes.
const NAMED: usize = 10;

/// Whether it has changed anything so far, and what. Empty where an older orchestrator says nothing of it.
pub fn sentence(request: &Value) -> String {
    let Some(changed) = request["changed"].as_array() else { return String::new() };
    if changed.is_empty() {
        return "Nothing was changed.".to_owned();
    }
    let mut named: Vec<String> = changed.iter().map(told).collect();
    let more = named.len().saturating_sub(NAMED);
    named.truncate(NAMED);
    if more > 0 {
        named.push(format!("and {more} more"));
    }
    format!("This has been changed and stays so: {}.", named.join("; "))
}

/// What ran for real in a preview, which nobody has approved.
pub fn in_previews(request: &Value) -> Option<String> {
    let made = request["changed"].as_array()?.iter().filter(|changed| changed["purpose"] == "preview");
    let made: Vec<String> = made.map(told).collect();
    (!made.is_empty()).then(|| format!("Already done, in the preview and before any approval: {}", made.join("; ")))
}

fn told(changed: &Value) -> String {
    let names: Vec<String> = changed["changes"].as_array().into_iter().flatten().map(|name| format!("\"{}\"", text(name))).collect();
    let what = if names.is_empty() { text(&changed["title"]) } else { names.join(", ") };
    let when = match changed["purpose"].as_str() {
        Some("apply") | None => String::new(),
        Some(purpose) => format!(" (in its {})", line(purpose)),
    };
    format!("{what} on {}{when}", text(&changed["host"]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_was_changed_is_said_only_where_nothing_is_on_record() {
        assert_eq!(sentence(&json!({"changed": []})), "Nothing was changed.");
        assert_eq!(sentence(&json!({})), "");
        let request = json!({"changed": [{"host": "web2", "title": "Rotate", "purpose": "preview", "changes": ["Make a certificate"]}]});
        assert_eq!(sentence(&request), "This has been changed and stays so: \"Make a certificate\" on web2 (in its preview).");
        assert!(in_previews(&request).is_some_and(|said| said.starts_with("Already done, in the preview")));
        assert_eq!(in_previews(&json!({"changed": [{"host": "web2", "title": "Rotate", "purpose": "apply", "changes": []}]})), None);
    }
}

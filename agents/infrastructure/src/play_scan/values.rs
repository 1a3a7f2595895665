//! What the values of a play's keywords say.

use serde_norway::{Mapping, Value};

use super::{CONTAINERS, short};
use crate::check_mode::is_read_only;

/// The module of `action: copy src=x` and of `action: {module: copy}`.
pub(super) fn named_by_action(value: &Value) -> Option<&str> {
    value.as_str().and_then(|text| text.split_whitespace().next()).or_else(|| value.get("module")?.as_str())
}

/// Ansible's words for yes; a template is one only where it asks for the mode itself.
pub(crate) fn is_on(value: &Value) -> bool {
    let text = as_text(value).to_ascii_lowercase();
    matches!(text.as_str(), "true" | "yes" | "on" | "1" | "null" | "{{ ansible_check_mode }}")
}

/// Whether it is a single task of a module that changes nothing.
pub(super) fn only_reads(task: &Mapping) -> bool {
    let keys: Vec<&str> = task.keys().filter_map(Value::as_str).map(short).collect();
    !keys.iter().any(|key| CONTAINERS.contains(key)) && keys.into_iter().any(is_read_only)
}

/// Programs that the host's packages put there, and Ansible's words for finding one.
pub(super) fn is_of_system(value: &Value) -> bool {
    let text = as_text(value);
    text.starts_with("auto")
        || (["/usr/", "/bin/"].iter().any(|folder| text.starts_with(folder)) && !text.contains("..") && !text.contains("{{"))
}

pub(super) fn leads_here(value: &Value) -> bool {
    let text = as_text(value);
    text.rsplit('.').next() == Some("local") || text.contains("{{")
}

pub(super) fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Null => "null".to_owned(),
        Value::Tagged(tagged) => as_text(&tagged.value),
        Value::Sequence(_) | Value::Mapping(_) => "…".to_owned(),
    }
}

//! The form of action.yml: its own JSON Schema finds everything at once, each with its line and key.

use std::path::Path;
use std::sync::LazyLock;

use chiffon_protocol::ErrorCode;
use chiffon_protocol::kind::Kinds;
use chiffon_protocol::message::AgentType;
use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};
use serde_json::{Value, json};

use super::place::line_of;
use super::{Findings, Severity};

/// The schema as it is shipped, so that a check does not depend on what lies beside the action.
const SCHEMA: &str = include_str!("../../../../playbooks/action.schema.json");

/// Compiled once: an agent checks each of its actions.
static VALIDATOR: LazyLock<Option<Validator>> =
    LazyLock::new(|| serde_json::from_str(SCHEMA).ok().and_then(|schema: Value| jsonschema::validator_for(&schema).ok()));

/// Adds what is wrong with the form; what could be read, if it is a mapping at all.
pub(super) fn check(text: &str, path: &Path, findings: &mut Findings) -> Option<Value> {
    let mut error = |line: usize, text: String| {
        findings.add(Severity::Error, ErrorCode::ActionInvalid, format!("{}:{line}", path.display()), text);
    };
    let value = match serde_norway::from_str::<Value>(text) {
        Ok(value @ Value::Object(_)) => value,
        Ok(_) => {
            error(1, "action.yml must be a mapping of fields".to_owned());
            return None;
        }
        Err(found) => {
            error(found.location().map_or(1, |location| location.line()), format!("is no YAML: {found}"));
            return None;
        }
    };
    if let Some(kind) = unknown_kind(&value) {
        let known = Kinds::default().names();
        error(line_of(text, "/agent_type"), format!("`agent_type`: no kind of agents is called `{kind}`; there are {known}"));
    }
    let Some(validator) = VALIDATOR.as_ref() else { return Some(value) };
    for found in validator.iter_errors(&value) {
        let pointer = found.instance_path().to_string();
        match found.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                for key in unexpected {
                    error(line_of(text, &format!("{pointer}/{key}")), format!("`{}` is no field here", keys(&format!("{pointer}/{key}"))));
                }
            }
            ValidationErrorKind::Required { property } => {
                let missing = property.as_str().unwrap_or_default();
                error(line_of(text, &pointer), format!("`{}` is missing", keys(&format!("{pointer}/{missing}"))));
            }
            _ => error(line_of(text, &pointer), format!("`{}`: {}", keys(&pointer), said(&found))),
        }
    }
    Some(value)
}

/// A kind that could be one and is none. Whatever can't be one is the schema's.
fn unknown_kind(value: &Value) -> Option<AgentType> {
    let kind: AgentType = value["agent_type"].as_str()?.parse().ok()?;
    Kinds::default().get(&kind).is_none().then_some(kind)
}

/// What the rest of a check needs of an action whose form is wrong: its name, its target, whether it has a preview and only reads.
pub(super) fn as_far_as_it_can_be_read(value: &Value) -> Value {
    let mut spec = json!({
        "name": "unreadable", "title": "-", "description": "-", "examples": [], "agent_type": "infrastructure",
        "parameters": {"type": "object", "properties": {}}, "risk": "low", "check": "full", "timeout_seconds": 60,
    });
    let name = value["name"].as_str().map(|name| ("name", json!(name)));
    let target = value["target"]["parameter"].as_str().map(|parameter| ("target", json!({"parameter": parameter})));
    let check = value["check"].as_str().filter(|check| matches!(*check, "partial" | "none")).map(|check| ("check", json!(check)));
    let risk = (value["risk"] == "read_only").then(|| ("risk", json!("read_only")));
    for (field, known) in [name, target, check, risk].into_iter().flatten() {
        spec[field] = known;
    }
    spec
}

/// A pointer as people write it.
fn keys(pointer: &str) -> String {
    let keys = pointer.trim_start_matches('/').replace('/', ".").replace("~1", "/").replace("~0", "~");
    if keys.is_empty() { "action.yml".to_owned() } else { keys }
}

/// A rule over several fields is said by what it is for, not by its schema.
fn said(error: &ValidationError<'_>) -> String {
    match error.kind() {
        ValidationErrorKind::Not { .. } => {
            "has fields that exclude each other: `undo` and `irreversible`, or either of them, or `records`, with `risk: read_only`"
                .to_owned()
        }
        ValidationErrorKind::AnyOf { .. } if error.instance_path().to_string().is_empty() => {
            "an action of high risk needs `undo` or `irreversible`: how it is taken back, or why it can't be".to_owned()
        }
        _ => error.to_string(),
    }
}

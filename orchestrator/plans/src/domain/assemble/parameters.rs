//! Parameters and outputs against the JSON Schemas of their action. Unknown parameters are refused, and the nearest known is named.

use std::collections::BTreeSet;

use chiffon_process::nearest::nearest;
use chiffon_protocol::{ActionSpec, ErrorCode, Problem};
use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use serde_json::{Map, Value, json};

use super::secret;
use super::validators::validator;

/// The format whose values are names of the inventory; checked against the fleet, not by the validator.
pub const HOST_FORMAT: &str = "inventory-host";

/// What is wrong with a step's parameters. Those in `open` hold references whose values are not known yet: only their presence counts.
pub fn problems(step_id: &str, spec: &ActionSpec, parameters: &Map<String, Value>, open: &BTreeSet<String>) -> Vec<Problem> {
    // A rule that does not hold is told with the value, so a secret's value is not looked at further.
    let secrets = secret::problems(step_id, spec, parameters);
    if !secrets.is_empty() {
        return secrets;
    }
    let mut schema = spec.parameters.clone();
    schema.entry("additionalProperties").or_insert(Value::Bool(false));
    let validator = match validator(&Value::Object(schema)) {
        Ok(validator) => validator,
        Err(reason) => {
            let message =
                format!("the parameters' schema of the action `{}` is broken: {reason}; run `chiffon action check` on it", spec.name);
            return vec![Problem::new(ErrorCode::ActionInvalid, message)];
        }
    };
    let value = Value::Object(parameters.clone());
    let mut problems: Vec<Problem> = validator
        .iter_errors(&value)
        .filter(|error| !open.contains(top_level(error).as_str()))
        .flat_map(|error| found(step_id, spec, &error))
        .collect();
    problems.dedup();
    problems
}

/// The parameter that an error is about; empty for the whole.
fn top_level(error: &ValidationError<'_>) -> String {
    error.instance_path().as_str().split('/').nth(1).unwrap_or_default().replace("~1", "/").replace("~0", "~")
}

/// What one broken rule says: of parameters that there are not, each.
fn found(step_id: &str, spec: &ActionSpec, error: &ValidationError<'_>) -> Vec<Problem> {
    let place = error.instance_path().as_str().trim_start_matches('/').replace('/', ".");
    let tell = |parameter: String, rule: String| {
        let message = format!("step `{step_id}` ({}): `{parameter}`: {rule}", spec.name);
        let keyword = error.kind().keyword();
        let details = json!({"step_id": step_id, "action": spec.name, "parameter": parameter, "rule": keyword, "reason": rule});
        Problem::new(ErrorCode::InvalidParameters, message).with_details(details)
    };
    let known: Vec<&str> = spec.parameter_schemas().map(|(name, _)| name).collect();
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            let name = if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
            vec![tell(name, "it is required and missing".to_owned())]
        }
        ValidationErrorKind::AdditionalProperties { unexpected } if place.is_empty() => {
            let one = |name: &String| {
                let hint = nearest(name, known.iter().copied()).map_or_else(|| ".".to_owned(), |near| format!("; did you mean `{near}`?"));
                tell(name.clone(), format!("there is no such parameter{hint} The parameters are {}", known.join(", ")))
            };
            unexpected.iter().map(one).collect()
        }
        _ => vec![tell(place, error.to_string())],
    }
}

/// What is wrong with the outputs that a step gave back.
pub fn outputs_problem(step_id: &str, spec: &ActionSpec, outputs: &Map<String, Value>) -> Option<Problem> {
    let schema = json!({"type": "object", "properties": spec.outputs.properties, "required": spec.outputs.required});
    let validator = match validator(&schema) {
        Ok(validator) => validator,
        Err(reason) => {
            return Some(Problem::new(
                ErrorCode::ActionInvalid,
                format!("the outputs' schema of the action `{}` is broken: {reason}", spec.name),
            ));
        }
    };
    let value = Value::Object(outputs.clone());
    let error = validator.iter_errors(&value).next()?;
    let place = error.instance_path().as_str().trim_start_matches('/').replace('/', ".");
    Some(
        Problem::new(
            ErrorCode::OutputsInvalid,
            format!("the outputs of step `{step_id}` ({}) do not match its schema at `{place}`: {error}", spec.name),
        )
        .with_details(json!({"step_id": step_id, "output": place})),
    )
}

/// The parameters whose values are names of the inventory, with those names.
pub fn host_names(spec: &ActionSpec, parameters: &Map<String, Value>) -> Vec<(String, Vec<String>)> {
    let target = spec.target.as_ref().map(|target| target.parameter.as_str());
    spec.parameter_schemas()
        .filter(|(name, schema)| target == Some(*name) || is_host_schema(schema))
        .filter_map(|(name, _)| Some((name.to_owned(), names_in(parameters.get(name)?))))
        .collect()
}

/// Whether a schema's values, or its items, are names of the inventory.
pub fn is_host_schema(schema: &Value) -> bool {
    let format = |schema: &Value| schema.get("format").and_then(Value::as_str) == Some(HOST_FORMAT);
    format(schema) || schema.get("items").is_some_and(format)
}

fn names_in(value: &Value) -> Vec<String> {
    match value {
        Value::String(name) => vec![name.clone()],
        Value::Array(names) => names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

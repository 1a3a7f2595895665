//! References between steps (`${steps.<id>.outputs.<name>}`) and the templates of records: finding, resolving, rendering.
//!
//! A value that is nothing but a reference takes the output as it is; a reference inside a text takes its text.
//! Resolved parameters are validated again, because an output is only known when it is there (RELIABILITY 17).

use std::collections::{BTreeMap, BTreeSet};

use chiffon_protocol::{ActionSpec, ErrorCode, Problem};
use serde_json::{Map, Value};

use super::assemble::parameters;
use super::plan::Step;
use super::record_path;

const OPENING: &str = "${steps.";
/// Stands for the host, in a record's path or value.
pub(super) const HOST: &str = "${host}";
/// Stands for a parameter, there.
pub(super) const PARAMETER: &str = "${parameters.";

/// One reference to an output of an earlier step.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// The earlier step.
    pub step_id: String,
    /// The output's name.
    pub output: String,
}

impl std::fmt::Display for Reference {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "${{steps.{}.outputs.{}}}", self.step_id, self.output)
    }
}

impl Reference {
    /// Reads what stands between `${` and `}`.
    fn parse(inner: &str) -> Option<Self> {
        let mut parts = inner.split('.');
        let (steps, step_id, outputs, output) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let well_formed = steps == "steps" && outputs == "outputs" && !step_id.is_empty() && !output.is_empty() && parts.next().is_none();
        well_formed.then(|| Self { step_id: step_id.to_owned(), output: output.to_owned() })
    }

    /// The reference that a value consists of, when it is nothing else.
    pub fn whole(value: &Value) -> Option<Self> {
        let inner = value.as_str()?.strip_prefix("${")?.strip_suffix('}')?;
        if inner.contains("${") { None } else { Self::parse(inner) }
    }
}

/// All references in a value, at any depth. `Err` holds one that is malformed.
pub fn references(value: &Value) -> Result<BTreeSet<Reference>, String> {
    let mut found = BTreeSet::new();
    collect(value, &mut found)?;
    Ok(found)
}

fn collect(value: &Value, found: &mut BTreeSet<Reference>) -> Result<(), String> {
    match value {
        Value::String(text) => {
            for part in parts(text) {
                let Part::Reference(inner) = part else { continue };
                let inner = inner.ok_or_else(|| text.clone())?;
                found.insert(Reference::parse(&inner).ok_or_else(|| format!("${{{inner}}}"))?);
            }
            Ok(())
        }
        Value::Array(items) => items.iter().try_for_each(|item| collect(item, found)),
        Value::Object(members) => members.values().try_for_each(|member| collect(member, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

/// A text taken apart: what stands between references, and what each of them holds; `None` where one is not closed.
fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, opened)) = rest.split_once(OPENING) {
        parts.push(Part::Text(before));
        let Some((inner, after)) = opened.split_once('}') else {
            parts.push(Part::Reference(None));
            return parts;
        };
        parts.push(Part::Reference(Some(format!("steps.{inner}"))));
        rest = after;
    }
    parts.push(Part::Text(rest));
    parts
}

enum Part<'t> {
    Text(&'t str),
    /// What stands between `${` and `}`.
    Reference(Option<String>),
}

/// What earlier steps gave back, by step id.
pub type OutputsByStep = BTreeMap<String, Map<String, Value>>;

/// The step's parameters with every reference replaced by the value it stands for, validated again.
/// `spec` is the action's version that the plan pinned (`step.tool`).
pub fn resolve(step: &Step, spec: &ActionSpec, outputs: &OutputsByStep) -> Result<Map<String, Value>, Problem> {
    let mut resolved = Map::new();
    for (name, value) in &step.parameters {
        resolved.insert(name.clone(), substituted(value, outputs, true).map_err(|reason| unresolved(step, name, &reason))?);
    }
    let problems = parameters::problems(&step.step_id, spec, &resolved, &BTreeSet::new());
    problems.into_iter().next().map_or(Ok(resolved), Err)
}

fn unresolved(step: &Step, parameter: &str, reason: &str) -> Problem {
    let message = format!("step `{}`: `{parameter}` can't be filled in: {reason}", step.step_id);
    Problem::new(ErrorCode::OutputsInvalid, message)
}

/// The value with references replaced. Those to steps without outputs stay, unless `all` must be known.
pub(super) fn substituted(value: &Value, outputs: &OutputsByStep, all: bool) -> Result<Value, String> {
    match value {
        Value::String(text) => {
            if let Some(reference) = Reference::whole(value) {
                return Ok(lookup(&reference, outputs, all)?.cloned().unwrap_or_else(|| value.clone()));
            }
            substituted_text(text, outputs, all).map(Value::String)
        }
        Value::Array(items) => items.iter().map(|item| substituted(item, outputs, all)).collect::<Result<_, _>>().map(Value::Array),
        Value::Object(members) => members
            .iter()
            .map(|(key, member)| Ok((key.clone(), substituted(member, outputs, all)?)))
            .collect::<Result<Map<_, _>, String>>()
            .map(Value::Object),
        scalar => Ok(scalar.clone()),
    }
}

fn substituted_text(text: &str, outputs: &OutputsByStep, all: bool) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    for part in parts(text) {
        let inner = match part {
            Part::Text(text) => {
                out.push_str(text);
                continue;
            }
            Part::Reference(inner) => inner.ok_or_else(|| format!("`{text}` has a reference that is not closed"))?,
        };
        let reference = Reference::parse(&inner).ok_or_else(|| format!("`${{{inner}}}` is not a reference"))?;
        match lookup(&reference, outputs, all)? {
            Some(value) => out.push_str(
                &as_text(value).ok_or_else(|| format!("the output {reference} is a list or an object, which can't stand inside a text"))?,
            ),
            None => out.push_str(&reference.to_string()),
        }
    }
    Ok(out)
}

/// The output; `None` where its step has given none and not `all` must be known.
pub(super) fn lookup<'a>(reference: &Reference, outputs: &'a OutputsByStep, all: bool) -> Result<Option<&'a Value>, String> {
    match outputs.get(&reference.step_id) {
        None if all => Err(format!("step `{}` has not run", reference.step_id)),
        None => Ok(None),
        Some(given) => match given.get(&reference.output) {
            Some(value) => Ok(Some(value)),
            None => Err(format!("step `{}` gave no output `{}`", reference.step_id, reference.output)),
        },
    }
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The applied intent to record for a completed step: path to value. `resolved` are the parameters it ran with.
/// A path with `${host}` is rendered once for each of the step's hosts.
pub fn render_records(step: &Step, hosts: &[String], resolved: &Map<String, Value>) -> Result<BTreeMap<String, Value>, Problem> {
    let mut rendered = BTreeMap::new();
    for (path, template) in &step.records {
        let path = record_path::of_action(step.action(), path);
        let per_host = path.contains(HOST);
        let hosts: Vec<String> = if per_host { hosts.to_vec() } else { vec![step.hosts.join(", ")] };
        for host in hosts {
            let path = render_text(&path, resolved, &host, true).and_then(safe_path).and_then(record_path::check).map_err(|reason| {
                Problem::new(ErrorCode::ActionInvalid, format!("`records` of the action `{}`: {reason}", step.action()))
            })?;
            let value = render(template, resolved, &host).map_err(|reason| {
                Problem::new(ErrorCode::ActionInvalid, format!("`records` of the action `{}`: {reason}", step.action()))
            })?;
            rendered.insert(path, value);
        }
    }
    Ok(rendered)
}

fn render(template: &Value, parameters: &Map<String, Value>, host: &str) -> Result<Value, String> {
    match template {
        Value::String(text) if text == "${parameters}" => Ok(Value::Object(parameters.clone())),
        Value::String(text) => {
            let whole = text.strip_prefix("${parameters.").and_then(|rest| rest.strip_suffix('}')).filter(|name| !name.contains("${"));
            match whole {
                Some(name) => Ok(parameters.get(name).cloned().unwrap_or(Value::Null)),
                None => render_text(text, parameters, host, false).map(Value::String),
            }
        }
        Value::Array(items) => items.iter().map(|item| render(item, parameters, host)).collect::<Result<_, _>>().map(Value::Array),
        Value::Object(members) => members
            .iter()
            .map(|(key, member)| Ok((key.clone(), render(member, parameters, host)?)))
            .collect::<Result<Map<_, _>, String>>()
            .map(Value::Object),
        scalar => Ok(scalar.clone()),
    }
}

fn render_text(text: &str, parameters: &Map<String, Value>, host: &str, in_path: bool) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, opened)) = rest.split_once("${") {
        out.push_str(before);
        let (inner, after) = opened.split_once('}').ok_or_else(|| format!("`{text}` has a `${{` that is not closed"))?;
        let value = match inner {
            "host" => host.to_owned(),
            name => {
                let name = name
                    .strip_prefix("parameters.")
                    .ok_or_else(|| format!("`${{{name}}}` is neither `${{host}}` nor `${{parameters.…}}`"))?;
                let value = parameters.get(name).ok_or_else(|| format!("there is no parameter `{name}`"))?;
                as_text(value).ok_or_else(|| format!("the parameter `{name}` is a list or an object, which can't stand inside a text"))?
            }
        };
        if in_path && (value.is_empty() || value.contains(['/', '\\'])) {
            return Err(format!("`{value}` can't be a part of a path"));
        }
        out.push_str(&value);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// The folder of a host in the audit repository; `None` for a name that can't be a part of a path.
pub fn host_folder(host: &str) -> Option<String> {
    let path = render_text("hosts/${host}", &Map::new(), host, true);
    path.and_then(safe_path).ok()
}

fn safe_path(path: String) -> Result<String, String> {
    let safe = !path.contains(['\\', '\0'])
        && !path.chars().any(char::is_control)
        && path.split('/').all(|part| !part.is_empty() && part != "." && part != ".." && !part.eq_ignore_ascii_case(".git"));
    if safe { Ok(path) } else { Err(format!("`{path}` is not a path inside the repository")) }
}

//! The planner that reads no words: an action of the catalogue, named with its hosts and parameters, becomes a draft as it stands.
//!
//! It asks no model, costs nothing and guesses nothing. What does not fit is told at once, each mistake with its field.

use std::collections::BTreeMap;

use chiffon_plans::domain::assemble;
use chiffon_plans::domain::catalogue::{Catalogue, CatalogueAction};
use chiffon_plans::domain::fleet::Fleet;
use chiffon_plans::domain::plan::{Draft, DraftStep, PlannedBy};
use chiffon_process::nearest::nearest;
use chiffon_protocol::action::{SECRET_PREFIX, has_plain_secret};
use chiffon_protocol::{ActionSpec, ErrorCode, Problem, Shown};
use serde_json::{Map, Value, json};

use super::offline::chain::{also_a_group, free_id, title_of};
use super::offline::hosts::one_by_one;
use super::{Planned, PlanningInput};

/// The name that its plans carry.
pub const NAME: &str = "direct";

/// Characters of a value, and of all of a title.
const MOST_VALUE: usize = 60;
const MOST_TITLE: usize = 400;
/// Bytes of all parameters together: a plan is read by people.
const MOST_BYTES: usize = 256 * 1024;
/// Characters of what is said about one field.
const MOST_REASON: usize = 400;
/// Hosts and groups, and parameters, that are looked at: a group says many hosts in one word.
const MOST_HOSTS: usize = 500;
const MOST_PARAMETERS: usize = 500;
/// So many mistakes are told; the others show once these are mended.
const MOST_TOLD: usize = 50;

/// What is asked for without words.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'w> {
    /// The action's name.
    pub name: &'w str,
    /// Hosts and groups.
    pub hosts: &'w [String],
    /// Parameters by the action's schema, without what names the hosts.
    pub parameters: &'w Map<String, Value>,
}

/// Something that a wish has wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mistake {
    field: String,
    code: ErrorCode,
    message: String,
}

/// Plans the first round of a request that asks without words.
pub fn plan(wish: Wish<'_>, input: &PlanningInput) -> Planned {
    let planned_by = PlannedBy { provider: NAME.to_owned(), model: None };
    match draft(wish, &input.catalogue, &input.fleet) {
        Ok(draft) => Planned::Plan { draft, planned_by },
        Err(problem) => Planned::Impossible(problem),
    }
}

/// The draft, or one problem that tells every mistake by its field.
pub fn draft(wish: Wish<'_>, catalogue: &Catalogue, fleet: &Fleet) -> Result<Draft, Problem> {
    let Some(CatalogueAction { spec, .. }) = catalogue.get(wish.name) else {
        return Err(problem(wish, vec![unknown(wish.name, catalogue)]));
    };
    if let Some(mistake) = too_many(wish) {
        return Err(problem(wish, vec![mistake]));
    }
    let mut mistakes = own_mistakes(wish, spec);
    let steps = steps(wish, spec, fleet);
    let draft = Draft { summary: title(wish, spec), steps, notes: notes(wish, fleet) };
    let checked = with_secrets_named(&draft, spec);
    if let Err(problems) = assemble::check(&checked, catalogue, fleet) {
        // What stands for a secret in plain words is nobody's mistake.
        let is_own = |problem: &&Problem| !in_plain(wish, spec).any(|name| parameter_of(problem).split('.').next() == Some(name));
        mistakes.extend(problems.iter().filter(is_own).map(|problem| mistake(problem, wish, spec)));
    }
    if mistakes.is_empty() {
        return Ok(draft);
    }
    Err(problem(wish, mistakes))
}

/// What nobody would look through, and would take long to look at.
fn too_many(wish: Wish<'_>) -> Option<Mistake> {
    let (field, count, most, instead) = if wish.hosts.len() > MOST_HOSTS {
        ("action.hosts", wish.hosts.len(), MOST_HOSTS, "name a group")
    } else if wish.parameters.len() > MOST_PARAMETERS {
        ("action.parameters", wish.parameters.len(), MOST_PARAMETERS, "no action has so many")
    } else {
        return None;
    };
    let message = format!("{count} are named, and {most} are looked at: {instead}");
    Some(Mistake { field: field.to_owned(), code: ErrorCode::InvalidParameters, message })
}

/// What the request is called: "Restart a container on nas: container = kuma".
fn title(wish: Wish<'_>, spec: &ActionSpec) -> String {
    let what = title_of(spec, wish.hosts);
    let given: Vec<String> = wish.parameters.iter().map(|(name, value)| format!("{name} = {}", said(value))).collect();
    let title = if given.is_empty() { what } else { format!("{what}: {}", given.join(", ")) };
    Shown::line(&title).at_most(MOST_TITLE).to_string()
}

fn said(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Shown::line(&text).at_most(MOST_VALUE).to_string()
}

fn notes(wish: Wish<'_>, fleet: &Fleet) -> Vec<String> {
    wish.hosts.iter().filter_map(|name| also_a_group(name, wish.hosts, fleet)).collect()
}

/// The steps: one, or one for each host where the action takes one host at a time.
fn steps(wish: Wish<'_>, spec: &ActionSpec, fleet: &Fleet) -> Vec<DraftStep> {
    let target = spec.target.as_ref().map(|target| target.parameter.as_str());
    let schema = spec.parameter_schemas().find(|(name, _)| target == Some(*name)).map(|(_, schema)| schema);
    let takes_list = schema.is_some_and(|schema| schema.get("type").and_then(Value::as_str) == Some("array"));
    let each: Vec<Vec<String>> = match target {
        Some(_) if !takes_list && !wish.hosts.is_empty() => one_by_one(wish.hosts, fleet).into_iter().map(|host| vec![host]).collect(),
        _ => vec![wish.hosts.to_vec()],
    };
    let mut steps: Vec<DraftStep> = Vec::new();
    for hosts in each {
        let mut parameters = wish.parameters.clone();
        if let (Some(target), Some(first)) = (target, hosts.first()) {
            let value = if takes_list { json!(hosts) } else { json!(first) };
            parameters.entry(target).or_insert(value);
        }
        let named = if hosts.is_empty() { spec.hosts_in(&parameters) } else { hosts };
        let (step_id, title) = (free_id(&steps, &spec.name, &named), title_of(spec, &named));
        steps.push(DraftStep { step_id, title, action: spec.name.clone(), parameters, depends_on: Vec::new() });
    }
    steps
}

/// The secrets that are said in plain words.
fn in_plain<'w>(wish: Wish<'w>, spec: &'w ActionSpec) -> impl Iterator<Item = &'w str> {
    spec.secret_parameters().filter(move |name| wish.parameters.get(*name).is_some_and(has_plain_secret))
}

/// The parameter that a problem is about, with its path inside; empty for none.
fn parameter_of(problem: &Problem) -> &str {
    problem.details.get("parameter").and_then(Value::as_str).unwrap_or_default()
}

/// The same with a reference wherever a secret stands in plain words, so that the rest is looked at without it.
fn with_secrets_named(draft: &Draft, spec: &ActionSpec) -> Draft {
    let mut draft = draft.clone();
    for step in &mut draft.steps {
        for name in spec.secret_parameters() {
            if let Some(value) = step.parameters.get_mut(name).filter(|value| has_plain_secret(value)) {
                *value = json!(format!("{SECRET_PREFIX}NAME"));
            }
        }
    }
    draft
}

/// What no schema says.
fn own_mistakes(wish: Wish<'_>, spec: &ActionSpec) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    let mut refuse = |field: String, code, message: String| mistakes.push(Mistake { field, code, message });
    match &spec.target {
        None if !wish.hosts.is_empty() => {
            let message = "this action takes no hosts; leave them out".to_owned();
            refuse("action.hosts".to_owned(), ErrorCode::InvalidParameters, message);
        }
        Some(target) if !wish.hosts.is_empty() && wish.parameters.contains_key(&target.parameter) => {
            let message = "it names the hosts, and `hosts` does, too; say them in one place".to_owned();
            refuse(format!("action.parameters.{}", target.parameter), ErrorCode::InvalidParameters, message);
        }
        _ => {}
    }
    for (name, value) in wish.parameters {
        let field = || format!("action.parameters.{name}");
        if in_plain(wish, spec).any(|secret| secret == name) {
            let message = format!(
                "it is a secret, and plans are shown and kept: put its value into `secrets.toml` in the agent's folder, and say \
                 `{SECRET_PREFIX}NAME` here"
            );
            refuse(field(), ErrorCode::SecretInPlain, message);
        } else if has_nul(value) || name.contains('\0') {
            refuse(field(), ErrorCode::InvalidParameters, "it holds the character NUL, which means nothing and can't be kept".to_owned());
        }
    }
    let bytes = Value::Object(wish.parameters.clone()).to_string().len();
    if bytes > MOST_BYTES {
        let message = format!("they are {bytes} bytes long; {MOST_BYTES} are allowed, for a plan is read by people");
        refuse("action.parameters".to_owned(), ErrorCode::TextTooLong, message);
    }
    mistakes
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(members) => members.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// An action that is not in the catalogue: not offered, or spelled otherwise.
fn unknown(name: &str, catalogue: &Catalogue) -> Mistake {
    let field = "action.name".to_owned();
    if let Some(left_out) = catalogue.not_offered().iter().find(|action| action.name == name) {
        let problem = left_out.problem();
        return Mistake { field, code: problem.code, message: problem.message };
    }
    let near = nearest(name, catalogue.iter().map(|action| action.spec.name.as_str()));
    let hint = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None if catalogue.is_empty() => "no agent offers any action; start one, and look at `chiffon agents`".to_owned(),
        None => "`chiffon actions` lists what there is".to_owned(),
    };
    let message = format!("there is no action `{}`; {hint}", Shown::line(name).at_most(MOST_VALUE));
    Mistake { field, code: ErrorCode::UnknownAction, message }
}

/// What the check of a step says, at the field that whoever asks has filled in.
fn mistake(problem: &Problem, wish: Wish<'_>, spec: &ActionSpec) -> Mistake {
    let text = |name: &str| problem.details.get(name).and_then(Value::as_str);
    let reason = text("reason").unwrap_or(&problem.message);
    let message = Shown::line(reason).at_most(MOST_REASON).to_string();
    let (parameter, host) = (parameter_of(problem), text("host"));
    let target = spec.target.as_ref().map(|target| target.parameter.as_str());
    let (first, rest) = parameter.split_once('.').map_or((parameter, None), |(first, rest)| (first, Some(rest)));
    let is_hosts = target == Some(first) && !wish.parameters.contains_key(first);
    let place = host.and_then(|host| wish.hosts.iter().position(|name| name == host));
    let field = match (is_hosts, place, rest) {
        (true, Some(place), _) => format!("action.hosts.{place}"),
        (true, None, Some(rest)) => format!("action.hosts.{rest}"),
        (true, None, None) => "action.hosts".to_owned(),
        (false, ..) if parameter.is_empty() && problem.code == ErrorCode::InvalidPlan => "action.hosts".to_owned(),
        (false, ..) if parameter.is_empty() => "action.parameters".to_owned(),
        (false, ..) => format!("action.parameters.{parameter}"),
    };
    let message =
        if is_hosts && text("rule") == Some("required") { "it needs a host or a group; name at least one".to_owned() } else { message };
    Mistake { field, code: problem.code, message }
}

/// One problem that tells all of them. A step for each host finds the same mistake for each host; it is told once.
fn problem(wish: Wish<'_>, mistakes: Vec<Mistake>) -> Problem {
    let mut fields: BTreeMap<(String, String), ErrorCode> = BTreeMap::new();
    for Mistake { field, code, message } in mistakes {
        fields.entry((field, message)).or_insert(code);
    }
    let first = || fields.iter().take(MOST_TOLD);
    let told = first().map(|((field, message), _)| format!("`{}`: {message}", field.trim_start_matches("action.")));
    let mut told = told.collect::<Vec<String>>().join("; ");
    if fields.len() > MOST_TOLD {
        told = format!("{told}; and {} more", fields.len() - MOST_TOLD);
    }
    let problems: Vec<Value> = first().map(|((field, message), code)| json!({"field": field, "code": code, "message": message})).collect();
    let name = Shown::line(wish.name).at_most(MOST_VALUE).to_string();
    Problem::new(ErrorCode::ActionCallInvalid, format!("`{name}` can't be asked for like this: {told}"))
        .with_details(json!({"action": name, "problems": problems}))
}

#[cfg(test)]
#[path = "direct_tests.rs"]
mod tests;

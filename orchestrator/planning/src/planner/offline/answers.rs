//! What is said to people: questions, what can't be done and what could be asked instead.

use chiffon_plans::domain::fleet::Fleet;
use chiffon_protocol::{ErrorCode, Problem};
use serde_json::json;

use super::example;
use super::index::{Entry, Index};
use super::judge::Candidate;
use super::parameter::Kind;

/// Asks for what an action can't do without.
pub fn ask_for(entry: &Entry, missing: &[String], fleet: &Fleet) -> String {
    let name = missing.first().map_or("", String::as_str);
    let title = &entry.spec.title;
    let Some(parameter) = entry.parameter(name) else { return format!("Which `{name}` is meant for \"{title}\"?") };
    let choices = match parameter.kind {
        Kind::Host => fleet.hosts().iter().cloned().collect(),
        Kind::Choice => parameter.enumerated(),
        _ => Vec::new(),
    };
    let described = parameter.schema.get("description").and_then(serde_json::Value::as_str);
    let mut question = format!("Which `{name}` is meant for \"{title}\"?");
    if let Some(described) = described {
        question.extend([" (", described, ")"]);
    }
    if !choices.is_empty() {
        question.extend([" There are: ", &choices.join(", "), "."]);
    }
    if missing.len() > 1 {
        let more: Vec<String> = missing[1..].iter().map(|name| format!("`{name}`")).collect();
        question.extend([" It also needs ", &more.join(", "), "."]);
    }
    question
}

/// Asks what a verb means that nobody knows.
pub fn ask_verb(verb: &str, entry: &Entry, fleet: &Fleet) -> String {
    let example = as_in(entry, fleet);
    format!("I don't know what \"{verb}\" asks for. If \"{}\" is meant, please say it with its words{example}.", entry.spec.title)
}

/// Asks which host or group is meant by a name that fits several.
pub fn ask_which_host(said: &str, choices: &[String]) -> String {
    format!("Which `host` is meant by \"{said}\"? There are: {}.", choices.join(", "))
}

/// Asks for one of several parameters.
pub fn ask_either(entry: &Entry, either: &[String]) -> String {
    let names: Vec<String> = either.iter().map(|name| format!("`{name}`")).collect();
    format!("\"{}\" needs one of {}; which value is meant?", entry.spec.title, names.join(", "))
}

/// Asks which of several actions is meant.
pub fn ask_which(rivals: &[&Candidate<'_>], fleet: &Fleet) -> String {
    let each = rivals.iter().take(4).map(|candidate| {
        let entry = candidate.entry;
        format!("{} ({}{})", entry.spec.title, entry.spec.name, as_in(entry, fleet))
    });
    format!(
        "Which of these is meant: {}? Say \"the first one\", or say it with the words of one of them.",
        each.collect::<Vec<_>>().join("; ")
    )
}

fn as_in(entry: &Entry, fleet: &Fleet) -> String {
    example::here(entry, fleet).map(|example| format!(", as in \"{example}\"")).unwrap_or_default()
}

/// Says that no action fits, with the nearest things that could be asked.
pub fn cannot(text: &str, candidates: &[Candidate<'_>], index: &Index, fleet: &Fleet) -> Problem {
    let near = candidates.iter().map(|candidate| candidate.entry).chain(index.iter());
    let mut examples: Vec<String> = Vec::new();
    for entry in near {
        if examples.len() == 3 {
            break;
        }
        examples.extend(example::here(entry, fleet).filter(|example| !examples.contains(example)));
    }
    let shown: String = text.chars().take(120).collect();
    let hint = if examples.is_empty() {
        "`chiffon actions` lists what there is".to_owned()
    } else {
        format!("you could ask: \"{}\"", examples.join("\", \""))
    };
    Problem::new(ErrorCode::CannotPlan, format!("no action of the catalogue does what \"{shown}\" asks for; {hint}"))
        .with_details(json!({"examples": examples}))
}

/// Says that a host is in no inventory.
pub fn unknown_host(name: &str, fleet: &Fleet) -> Problem {
    let known: Vec<&str> = fleet.hosts().iter().map(String::as_str).collect();
    let list = if known.is_empty() {
        "no connected agent has any host in its inventory".to_owned()
    } else {
        format!("the hosts are {}", known.join(", "))
    };
    Problem::new(
        ErrorCode::HostNotInInventory,
        format!("no inventory has a host or group `{name}` ({list}); name one of them, or add it to an agent's inventory"),
    )
    .with_details(json!({"host": name, "known": known}))
}

/// Several problems as the first, with all of them in the details.
pub fn first(problems: Vec<Problem>) -> Problem {
    let all = json!(problems.iter().map(|problem| json!({"code": problem.code, "message": problem.message})).collect::<Vec<_>>());
    let mut problems = problems.into_iter();
    let Some(first) = problems.next() else { return Problem::new(ErrorCode::InvalidPlan, "the plan is refused") };
    if problems.len() == 0 { first } else { first.with_details(json!({"problems": all})) }
}

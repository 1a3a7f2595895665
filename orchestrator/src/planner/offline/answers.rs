//! What is said to people: questions, what can't be done and what could be asked instead; and reading their answers.

use chiffon_protocol::{ErrorCode, Problem};
use serde_json::json;

use super::index::{Entry, Index};
use super::judge::Candidate;
use super::parameter::Kind;
use super::{hosts, tokens};
use crate::domain::catalogue::Fleet;
use crate::planner::PlanningInput;

/// The first request with everything answered since, as one text. An answer to a question about one parameter
/// becomes "parameter answer", so that a bare "8080" is understood.
pub fn as_one_request(index: &Index, input: &PlanningInput) -> String {
    let mut text = String::new();
    let mut asked: Option<&str> = None;
    let turns = input.conversation.iter().filter(|turn| !turn.text.trim().is_empty());
    for turn in turns {
        if !turn.from_user {
            asked = Some(&turn.text);
            continue;
        }
        let question = asked.take();
        let parameter = question.and_then(|question| asked_parameter(index, question));
        let chosen = question.and_then(|question| offered(question, &turn.text));
        let answer = chosen.as_deref().unwrap_or_else(|| turn.text.trim());
        let only_hosts = hosts::is_only_hosts(&tokens::tokenize(answer), &input.fleet);
        if !text.is_empty() {
            text.push(' ');
        }
        match parameter {
            Some(name) if !only_hosts => text.extend([name, " ", answer]),
            _ if only_hosts && !text.is_empty() => text.extend(["on ", answer.trim_start_matches("on ")]),
            _ => text.push_str(answer),
        }
    }
    if text.is_empty() { input.text.clone() } else { text }
}

/// The parameter that a question names first.
fn asked_parameter<'a>(index: &Index, question: &'a str) -> Option<&'a str> {
    let name = question.split('`').nth(1)?;
    index.iter().any(|entry| entry.parameter(name).is_some()).then_some(name)
}

/// Asks for what an action can't do without.
pub fn ask_for(entry: &Entry, missing: &[String], fleet: &Fleet) -> String {
    let name = missing.first().map_or("", String::as_str);
    let title = &entry.spec.title;
    let Some(parameter) = entry.parameter(name) else { return format!("Which `{name}` is meant for \"{title}\"?") };
    let choices = match parameter.kind {
        Kind::Host => fleet.hosts().into_iter().collect(),
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
pub fn ask_verb(verb: &str, entry: &Entry) -> String {
    let example = entry.spec.examples.first().map(|example| format!(", as in \"{example}\"")).unwrap_or_default();
    format!("I don't know what \"{verb}\" asks for. If \"{}\" is meant, please say it with its words{example}.", entry.spec.title)
}

/// Asks which host or group is meant by a name that fits several.
pub fn ask_which_host(said: &str, choices: &[String]) -> String {
    format!("Which `host` is meant by \"{said}\"? There are: {}.", choices.join(", "))
}

/// The one of the offered choices that an ordinal in an answer means: "the second one".
fn offered(question: &str, answer: &str) -> Option<String> {
    let (_, list) = question.split_once("There are: ")?;
    let list = list.split_once(". ").map_or(list, |(list, _)| list);
    let choices: Vec<&str> = list.trim_end_matches('.').split(", ").collect();
    let ordinals = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"];
    let words = tokens::tokenize(answer);
    let number = words.iter().find_map(|word| match word.lower.as_str() {
        "last" => choices.len().checked_sub(1),
        "former" => Some(0),
        "latter" => (choices.len() == 2).then_some(1),
        word => ordinals.iter().position(|ordinal| *ordinal == word),
    })?;
    choices.get(number).map(|choice| (*choice).to_owned())
}

/// Asks for one of several parameters.
pub fn ask_either(entry: &Entry, either: &[String]) -> String {
    let names: Vec<String> = either.iter().map(|name| format!("`{name}`")).collect();
    format!("\"{}\" needs one of {}; which value is meant?", entry.spec.title, names.join(", "))
}

/// Asks which of several actions is meant.
pub fn ask_which(rivals: &[&Candidate<'_>]) -> String {
    let each = rivals.iter().take(4).map(|candidate| {
        let example = candidate.entry.spec.examples.first().map(|example| format!(", as in \"{example}\"")).unwrap_or_default();
        format!("{} ({}{example})", candidate.entry.spec.title, candidate.entry.spec.name)
    });
    format!("Which of these is meant: {}? Please say it with the words of one of them.", each.collect::<Vec<_>>().join("; "))
}

/// Says that no action fits, with the nearest things that could be asked.
pub fn cannot(text: &str, candidates: &[Candidate<'_>], index: &Index) -> Problem {
    let near = candidates.iter().map(|candidate| candidate.entry).chain(index.iter());
    let mut examples: Vec<&str> = Vec::new();
    for example in near.filter_map(|entry| entry.spec.examples.first()) {
        if examples.len() < 3 && !examples.contains(&example.as_str()) {
            examples.push(example);
        }
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
    let known: Vec<String> = fleet.hosts().into_iter().collect();
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

//! Single values of a plan that words take out or put others in place of: "without htop", "btop instead of htop",
//! "replace htop with btop".

use chiffon_plans::domain::plan::{DraftStep, PlanDocument, Step};
use serde_json::Value;

use super::index::{Entry, Index};
use super::judge::{Sentence, takes_away};
use super::parameter::Parameter;
use super::scope::Scope;
use super::tokens::Token;
use super::{left_out, words};

/// Changes the values that the words name; which words that took, or what has to be asked first.
pub fn apply(steps: &mut [DraftStep], index: &Index, sentence: &Sentence, previous: &PlanDocument) -> Result<Vec<bool>, String> {
    let mut taken = vec![false; sentence.tokens.len()];
    for step in steps {
        let Some(entry) = index.get(&step.action) else { continue };
        let parameters = entry.parameters.iter().filter(|parameter| entry.target() != Some(&parameter.name));
        for parameter in parameters {
            let Some(value) = step.parameters.get_mut(&parameter.name) else { continue };
            if let Some(left) = found_without(entry, parameter, previous.step(&step.step_id), sentence, &mut taken) {
                *value = left;
                continue;
            }
            change(entry, parameter, value, sentence, &mut taken)?;
        }
    }
    Ok(taken)
}

/// Of what was found for the plan and stands in it by now, the list without what is left out by its name.
fn found_without(entry: &Entry, parameter: &Parameter, step: Option<&Step>, sentence: &Sentence, taken: &mut [bool]) -> Option<Value> {
    let step = step.filter(|step| step.frozen_references.contains_key(&parameter.name))?;
    let found = step.parameters.get(&parameter.name).filter(|value| value.is_array())?;
    let mut left = found.clone();
    for (at, token) in sentence.tokens.iter().enumerate() {
        let stood = left.clone();
        let out = is_left_out(entry, &sentence.tokens, at) || left_out::is_left_out(&sentence.tokens, at);
        if out && !sentence.is_host(at) {
            replace(&mut left, token, None);
        }
        taken[at] |= left != stood;
    }
    (left != *found && parameter.fits(&left)).then_some(left)
}

fn change(entry: &Entry, parameter: &Parameter, value: &mut Value, sentence: &Sentence, taken: &mut [bool]) -> Result<(), String> {
    let before = value.clone();
    for (at, token) in sentence.tokens.iter().enumerate() {
        if sentence.is_host(at) {
            continue;
        }
        let new = instead_of(&sentence.tokens, at).map(|place| (place, &sentence.tokens[place]));
        let stood = value.clone();
        if let Some((place, new)) = new.filter(|(_, new)| parameter.fits_item(&Value::from(new.raw.as_str()))) {
            replace(value, token, Some(&new.raw));
            taken[place] |= *value != stood;
        } else if is_left_out(entry, &sentence.tokens, at) && value.is_array() {
            replace(value, token, None);
        }
        taken[at] |= *value != stood;
    }
    if *value != before && !parameter.fits(value) {
        let name = &parameter.name;
        *value = before;
        return Err(format!(
            "`{name}` of \"{}\" would be left without a value. Say what it should be instead, or drop the step.",
            entry.spec.title
        ));
    }
    Ok(())
}

/// Puts another word in the place of what a word names, or takes it out of its list.
fn replace(value: &mut Value, token: &Token, new: Option<&str>) {
    match (value, new) {
        (Value::Array(items), None) => items.retain(|item| !is_named(item, token)),
        (Value::Array(items), Some(new)) => {
            items.iter_mut().filter(|item| item.is_string() && is_named(item, token)).for_each(|item| *item = Value::from(new));
        }
        (value @ Value::String(_), Some(new)) if is_named(value, token) => *value = Value::from(new),
        _ => {}
    }
}

/// Whether a word is this value, or the name or the address of this thing.
fn is_named(value: &Value, token: &Token) -> bool {
    let is = |text: &str| text.eq_ignore_ascii_case(&token.raw);
    match value {
        Value::String(text) => is(text),
        Value::Object(_) => ["name", "url"].iter().any(|key| value[key].as_str().is_some_and(is)),
        _ => false,
    }
}

/// Where the word stands that takes the place of the one at `at`: "X instead of Y", "replace Y with X".
fn instead_of(tokens: &[Token], at: usize) -> Option<usize> {
    let word = |at: usize| tokens.get(at).filter(|token| !token.quoted).map_or("", |token| token.lower.as_str());
    if at >= 3 && word(at - 1) == "of" && word(at - 2) == "instead" {
        return Some(at - 3);
    }
    let swaps = at >= 1 && matches!(word(at - 1), "replace" | "swap" | "exchange" | "change");
    (swaps && matches!(word(at + 1), "with" | "by" | "for" | "to") && at + 2 < tokens.len()).then_some(at + 2)
}

fn is_left_out(entry: &Entry, tokens: &[Token], at: usize) -> bool {
    let article = |token: &&Token| matches!(token.lower.as_str(), "the" | "a" | "our" | "my") || words::is_generic(token);
    let goes_on = |token: &Token| !token.quoted && matches!(token.lower.as_str(), "and" | "or" | "nor" | "&");
    // "without htop and curl": a list is left out whole.
    let joined = at.checked_sub(2).filter(|_| goes_on(&tokens[at - 1]));
    let listed = joined.or_else(|| at.checked_sub(1).filter(|before| tokens[*before].comma));
    if listed.is_some_and(|before| is_left_out(entry, tokens, before)) {
        return true;
    }
    let said = tokens[..at].iter().rev().find(|token| !article(token)).is_some_and(words::leaves_out);
    tokens[at].scope != Scope::Open || (said && !takes_away(entry))
}

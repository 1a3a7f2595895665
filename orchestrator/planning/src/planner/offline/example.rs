//! An example of an action as it could be said here: with a host that there is.

use std::collections::BTreeMap;

use chiffon_plans::domain::fleet::Fleet;

use super::index::Entry;
use super::tokens::{Token, tokenize};
use super::{slots, verbs, words};
use crate::planner::offline::hosts;

/// The first example that names a host of the inventory, else the first one with a host of the inventory in the place of its own.
/// `None` where the action needs a host and there is none, or where no example names one in a place that can be told.
pub fn here(entry: &Entry, fleet: &Fleet) -> Option<String> {
    let examples = &entry.spec.examples;
    let names_one = |example: &&String| {
        let tokens = tokenize(example);
        if let Some(at) = host_at(entry, &tokens) {
            return fleet.resolve(&tokens[at].raw).is_some();
        }
        let (_, is_verb) = verbs::wishes(&tokens);
        !slots::fill(entry, &tokens, &is_verb, &hosts::mentions(&tokens, fleet), fleet).hosts.is_empty()
    };
    if entry.target().is_none() {
        return examples.first().cloned();
    }
    examples.iter().find(names_one).cloned().or_else(|| {
        let host = fleet.hosts().first()?;
        examples.iter().find_map(|example| with_host(entry, example, host))
    })
}

/// The example with another host in the place of its own.
fn with_host(entry: &Entry, example: &str, host: &str) -> Option<String> {
    let tokens = tokenize(example);
    let own = &tokens[host_at(entry, &tokens)?];
    let words = example.split(' ').map(|word| {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        if bare == own.raw { word.replacen(bare, host, 1) } else { word.to_owned() }
    });
    Some(words.collect::<Vec<_>>().join(" "))
}

/// The stems of the words of an example that stand where a host would, as far as its grammar tells.
pub fn places(example: &str) -> Vec<String> {
    let tokens = tokenize(example);
    let (_, is_verb) = verbs::wishes(&tokens);
    (1..tokens.len()).filter(|at| is_place(&tokens, &is_verb, *at)).map(|at| tokens[at].stem.clone()).collect()
}

/// "on nas", "of the nas", or the object of a verb that begins: "reboot nas".
fn is_place(tokens: &[Token], is_verb: &[bool], at: usize) -> bool {
    let token = &tokens[at];
    let article = |token: &Token| matches!(token.lower.as_str(), "the" | "my" | "our" | "a");
    let Some(before) = (0..at).rev().find(|before| !article(&tokens[*before])) else { return false };
    let word = tokens[before].lower.as_str();
    let place = (before == 0 && is_verb[0]) || matches!(word, "on" | "to" | "from" | "at" | "of" | "in" | "for" | "onto" | "around");
    place && !token.quoted && !is_verb[at] && !words::is_silent(token) && !words::is_generic(token)
}

/// Where the host of an example stands: the last word that, taken as a host, is where the action acts.
fn host_at(entry: &Entry, tokens: &[Token]) -> Option<usize> {
    let (_, is_verb) = verbs::wishes(tokens);
    (1..tokens.len()).rev().find(|at| {
        let token = &tokens[*at];
        let only = alone(token);
        let fills = || slots::fill(entry, tokens, &is_verb, &hosts::mentions(tokens, &only), &only);
        is_place(tokens, &is_verb, *at) && !entry.core.contains(&token.stem) && fills().hosts == [token.raw.clone()]
    })
}

/// A fleet of one host that is called so.
fn alone(token: &Token) -> Fleet {
    Fleet::new(BTreeMap::from([("all".to_owned(), std::iter::once(token.raw.clone()).collect())]))
}

//! An example of an action as it could be said here: with a host that there is.

use std::collections::BTreeMap;

use super::index::Entry;
use super::tokens::tokenize;
use super::{slots, verbs};
use crate::domain::catalogue::Fleet;
use crate::planner::offline::hosts;

/// The first example that names a host of the inventory, else the first one with a host of the inventory in the place of its own.
/// `None` where the action needs a host and there is none, or where no example names one in a place that can be told.
pub fn here(entry: &Entry, fleet: &Fleet) -> Option<String> {
    let examples = &entry.spec.examples;
    let names_one = |example: &&String| {
        let tokens = tokenize(example);
        let (_, verbs) = verbs::wishes(&tokens);
        !slots::fill(entry, &tokens, &verbs, &hosts::mentions(&tokens, fleet), fleet).hosts.is_empty()
    };
    if entry.target().is_none() {
        return examples.first().cloned();
    }
    examples.iter().find(names_one).cloned().or_else(|| {
        let host = fleet.hosts().into_iter().next()?;
        examples.iter().find_map(|example| with_host(entry, example, &host))
    })
}

/// The example with another host: the word is one that, taken as a host, is where the action acts.
fn with_host(entry: &Entry, example: &str, host: &str) -> Option<String> {
    let tokens = tokenize(example);
    let (_, is_verb) = verbs::wishes(&tokens);
    let own = tokens.iter().enumerate().rev().find(|(at, token)| {
        let place = at.checked_sub(1).is_some_and(|before| {
            matches!(tokens[before].lower.as_str(), "on" | "to" | "from" | "at" | "of" | "in" | "for" | "is" | "onto" | "around")
        });
        let only = Fleet { groups: BTreeMap::from([("all".to_owned(), std::iter::once(token.raw.clone()).collect())]) };
        let fills = || slots::fill(entry, &tokens, &is_verb, &hosts::mentions(&tokens, &only), &only);
        place && !token.quoted && !is_verb[*at] && !entry.core.contains(&token.stem) && fills().hosts == [token.raw.clone()]
    })?;
    let words = example.split(' ').map(|word| {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        if bare == own.1.raw { word.replacen(bare, host, 1) } else { word.to_owned() }
    });
    Some(words.collect::<Vec<_>>().join(" "))
}

//! Hosts and groups of the inventory in a sentence.

use std::collections::BTreeMap;

use super::parameter::Parameter;
use super::tokens::Token;
use super::words;
use crate::domain::catalogue::Fleet;

/// More hosts than this stay a group in one step.
const MOST_SINGLE_STEPS: usize = 16;

/// A host or group that a sentence names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// The first word.
    pub at: usize,
    /// How many words.
    pub taken: usize,
    /// The inventory's name.
    pub name: String,
    /// "not on nas", "except nas".
    pub negated: bool,
}

/// All mentions, in order.
pub fn mentions(tokens: &[Token], fleet: &Fleet) -> Vec<Mention> {
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for name in fleet.groups.keys().cloned().chain(fleet.hosts()) {
        if let Some((short, _)) = name.split_once('.') {
            names.entry(short.to_lowercase()).or_insert_with(|| name.clone());
        }
        names.insert(name.to_lowercase(), name);
    }
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let everywhere = everywhere(tokens, at).filter(|_| fleet.groups.contains_key("all"));
        // "all" alone is a word, not the group.
        let known = names.get(&token.lower).filter(|name| *name != "all" && *name != "ungrouped");
        let (taken, name) = match (everywhere, known) {
            (Some(taken), _) => (taken, "all".to_owned()),
            (None, Some(name)) => (1, name.clone()),
            (None, None) => continue,
        };
        found.push(Mention { at, taken, name, negated: negated(tokens, at) });
    }
    found
}

/// The host of the first address that is one of the inventory.
pub fn in_address(tokens: &[Token], fleet: &Fleet) -> Option<String> {
    let hosts = fleet.hosts();
    tokens.iter().find_map(|token| {
        let rest = token.lower.split_once("://")?.1;
        let host = rest.split(['/', ':', '?']).next()?;
        hosts.iter().find(|known| known.to_lowercase() == host).cloned()
    })
}

fn everywhere(tokens: &[Token], at: usize) -> Option<usize> {
    let host_word = |token: &Token| matches!(token.stem.as_str(), "host" | "server" | "machin" | "box" | "system" | "computer" | "nod");
    match tokens[at].lower.as_str() {
        "everywhere" => Some(1),
        "all" | "every" | "each" => (1..=3)
            .find(|ahead| tokens.get(at + ahead).is_some_and(host_word))
            .filter(|ahead| (1..*ahead).all(|between| matches!(tokens[at + between].lower.as_str(), "the" | "my" | "our" | "of")))
            .map(|ahead| ahead + 1),
        _ => None,
    }
}

fn negated(tokens: &[Token], at: usize) -> bool {
    (0..at)
        .rev()
        .take(2)
        .take_while(|before| !tokens[*before].comma)
        .any(|before| matches!(tokens[before].lower.as_str(), "not" | "except" | "without" | "excluding" | "but"))
}

/// Whether a mention is meant for another host parameter than the target: by its name before, or by "from" and "to".
pub fn points_to(tokens: &[Token], at: usize, parameter: &Parameter) -> bool {
    let by_name = (1..=2).any(|back| at >= back && parameter.named_at(tokens, at - back).is_some());
    let role = match at.checked_sub(1).map(|before| tokens[before].lower.as_str()) {
        Some("from") => &["source", "src", "from", "origin"][..],
        Some("to" | "into" | "onto") => &["destination", "dest", "to", "receiver"][..],
        _ => &[],
    };
    by_name || parameter.name.split('_').any(|word| role.contains(&word))
}

/// The hosts, with groups taken apart where the sentence excludes some of their members.
pub fn without_excluded(hosts: Vec<String>, tokens: &[Token], fleet: &Fleet) -> Vec<String> {
    let excluded: Vec<String> = mentions(tokens, fleet).into_iter().filter(|mention| mention.negated).map(|mention| mention.name).collect();
    if excluded.is_empty() {
        return hosts;
    }
    let single = hosts.iter().flat_map(|name| fleet.resolve(name).unwrap_or_default());
    let mut left: Vec<String> = Vec::new();
    for host in single {
        if !excluded.contains(&host) && !left.contains(&host) {
            left.push(host);
        }
    }
    left
}

/// One name for each step of an action that takes one host: groups taken apart, unless they are large.
pub fn one_by_one(hosts: &[String], fleet: &Fleet) -> Vec<String> {
    let mut single: Vec<String> = Vec::new();
    for name in hosts {
        let members = fleet.resolve(name).unwrap_or_default();
        let names =
            if members.is_empty() || members.len() > MOST_SINGLE_STEPS { vec![name.clone()] } else { members.into_iter().collect() };
        for name in names {
            if !single.contains(&name) {
                single.push(name);
            }
        }
    }
    single
}

/// Whether a sentence says only which host: an answer such as "on web1, please".
pub fn is_only_hosts(tokens: &[Token], fleet: &Fleet) -> bool {
    let mentions = mentions(tokens, fleet);
    !mentions.is_empty()
        && tokens.iter().enumerate().all(|(at, token)| {
            words::is_silent(token)
                || words::is_generic(token)
                || mentions.iter().any(|mention| (mention.at..mention.at + mention.taken).contains(&at))
        })
}

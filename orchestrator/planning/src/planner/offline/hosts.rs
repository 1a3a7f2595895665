//! Hosts and groups of the inventory in a sentence.

pub mod ranges;
pub mod things;

use std::collections::BTreeSet;

use chiffon_plans::domain::fleet::Fleet;

use super::parameter::Parameter;
use super::scope::Scope;
use super::tokens::Token;
use super::words;

/// More hosts than this stay a group in one step.
const MOST_SINGLE_STEPS: usize = 16;

/// A host or group that a sentence names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// The first word.
    pub at: usize,
    /// How many words.
    pub taken: usize,
    /// The inventory's name; the first of several where the words fit several.
    pub name: String,
    /// "not on nas", "except nas".
    pub negated: bool,
    /// All that the words fit, where that is more than one.
    pub choices: Vec<String>,
}

/// All mentions, in order. Exact names come first, then names in another case, then names without their domain.
pub fn mentions(tokens: &[Token], fleet: &Fleet) -> Vec<Mention> {
    let mut found: Vec<Mention> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let everywhere = everywhere(tokens, at, fleet).filter(|_| fleet.groups().contains_key("all"));
        let (taken, mut fitting) = match everywhere {
            Some(taken) => (taken, vec!["all".to_owned()]),
            None => (1, fleet.called(&token.raw)),
        };
        if fitting.is_empty() {
            let range = range(token, fleet).into_iter().flatten();
            found.extend(range.map(|name| Mention { at, taken: 1, name, negated: negated(tokens, at), choices: Vec::new() }));
            continue;
        }
        let name = fitting[0].clone();
        if fitting.len() == 1 {
            fitting.clear();
        }
        found.push(Mention { at, taken, name, negated: negated(tokens, at), choices: fitting });
    }
    let found = qualified(found, tokens, fleet).into_iter().flat_map(|mention| match a_group_is_meant(tokens, &mention, fleet) {
        Some(members) => members,
        None => vec![mention],
    });
    let mut found = ranges::expanded(found.collect(), tokens, fleet);
    for mention in found.iter_mut().filter(|mention| mention.choices.is_empty() && !mention.negated) {
        if picks(tokens, mention.at) {
            let members = fleet.groups().get(&mention.name).filter(|members| members.len() > 1);
            mention.choices.extend(members.into_iter().flatten().cloned());
        }
    }
    found
}

/// "the first pi", "one of the pis": not all of a group, and nobody says which.
fn picks(tokens: &[Token], at: usize) -> bool {
    let between = |token: &&Token| matches!(token.lower.as_str(), "the" | "of" | "my" | "our");
    let picking =
        ["first", "second", "third", "last", "next", "other", "one", "two", "three", "any", "some", "either", "half", "most", "few"];
    let before = tokens[..at].iter().rev().find(|token| !between(token));
    before.is_some_and(|token| !token.quoted && picking.contains(&token.lower.as_str()))
}

/// The hosts of a range that is written as one word.
fn range(token: &Token, fleet: &Fleet) -> Option<Vec<String>> {
    let one = |word: &str| fleet.called(word).pop().filter(|name| fleet.called(word) == [name.clone()]);
    ranges::ends(&token.raw).find_map(|(first, last)| ranges::between(&one(first)?, &one(last)?, fleet))
}

/// The members of a group that has the name of a host, too, where the words around it say that the group is meant: "the group web",
/// "all of web", "the web machines".
fn a_group_is_meant(tokens: &[Token], mention: &Mention, fleet: &Fleet) -> Option<Vec<Mention>> {
    let Mention { at, taken: 1, name, .. } = mention else { return None };
    let at = *at;
    let is_both = |members: &&BTreeSet<String>| members.len() > 1 && mention.choices.is_empty() && fleet.hosts().contains(name);
    let members = fleet.groups().get(name).filter(is_both)?;
    let word = |place: Option<usize>| place.and_then(|place| tokens.get(place)).map_or("", |token| token.lower.as_str());
    let (before, twice_before, after) = (word(at.checked_sub(1)), word(at.checked_sub(2)), word(Some(at + 1)));
    let several = ["machines", "hosts", "servers", "boxes", "nodes", "systems", "computers", "vms", "members", "ones"];
    let (start, end) = match () {
        () if before == "group" => (at - 1, at + 1),
        () if after == "group" || several.contains(&after) => (at, at + 2),
        () if matches!(before, "all" | "every" | "each" | "both") || (twice_before == "all" && matches!(before, "of" | "the")) => {
            (at, at + 1)
        }
        () => return None,
    };
    let member = |name: &String| Mention { at: start, taken: end - start, name: name.clone(), ..mention.clone() };
    Some(members.iter().map(member).collect())
}

/// "beta web", "the web machine of beta": a group beside one of its hosts says which one is meant.
fn qualified(mut found: Vec<Mention>, tokens: &[Token], fleet: &Fleet) -> Vec<Mention> {
    let exact: Vec<String> = found.iter().filter(|mention| mention.choices.is_empty()).map(|mention| mention.name.clone()).collect();
    for mention in &mut found {
        // The long name, said elsewhere in the same words, answers which one is meant.
        let mut said = mention.choices.iter().filter(|choice| exact.contains(choice));
        if let (Some(only), None) = (said.next().cloned(), said.next()) {
            mention.name = only;
            mention.choices.clear();
        }
    }
    let mut at = 0;
    while at + 1 < found.len() {
        let (one, other) = (&found[at], &found[at + 1]);
        let beside = one.negated == other.negated && is_beside(one, other, tokens);
        let picked = if beside {
            group_and_host(one, other, fleet)
                .map(|name| (at, name))
                .or_else(|| group_and_host(other, one, fleet).map(|name| (at + 1, name)))
        } else {
            None
        };
        match picked {
            Some((group, name)) => {
                let host = if group == at { at + 1 } else { at };
                found[host].name = name;
                found[host].choices.clear();
                let (start, end) = (found[at].at, found[at + 1].at + found[at + 1].taken);
                found[host].at = start;
                found[host].taken = end - start;
                found.remove(group);
            }
            None => at += 1,
        }
    }
    found
}

/// Whether only words of grammar and of kinds stand between two mentions, and nothing that lists.
fn is_beside(one: &Mention, other: &Mention, tokens: &[Token]) -> bool {
    let between = tokens.get(one.at + one.taken..other.at).unwrap_or_default();
    let lists = |token: &Token| {
        matches!(token.lower.as_str(), "and" | "or" | "then" | "to" | "from" | "through" | "plus" | "not" | "except" | "but")
    };
    let comma = tokens.get(one.at + one.taken - 1).is_some_and(|last| last.comma || last.stop);
    !comma
        && between.len() <= 3
        && between.iter().all(|token| !token.comma && !lists(token) && (words::is_silent(token) || words::is_generic(token)))
}

/// The host of the second mention that is in the group of the first, where that is just one.
fn group_and_host(group: &Mention, host: &Mention, fleet: &Fleet) -> Option<String> {
    let members = fleet.groups().get(&group.name).filter(|_| group.choices.is_empty() && group.name != "all")?;
    let meant = if host.choices.is_empty() { std::slice::from_ref(&host.name) } else { &host.choices[..] };
    let mut inside = meant.iter().filter(|name| members.contains(*name) && **name != group.name);
    inside.next().filter(|_| inside.next().is_none()).cloned()
}

/// The host of the first address that is one of the inventory.
pub fn in_address(tokens: &[Token], fleet: &Fleet) -> Option<String> {
    let hosts = fleet.hosts();
    tokens.iter().find_map(|token| {
        let rest = token.lower.split_once("://")?.1;
        let authority = rest.split(['/', '?', '#']).next()?;
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host).split(':').next()?;
        hosts.iter().find(|known| known.to_lowercase() == host).cloned()
    })
}

fn everywhere(tokens: &[Token], at: usize, fleet: &Fleet) -> Option<usize> {
    let host_word = |token: &Token| matches!(token.stem.as_str(), "host" | "server" | "machin" | "box" | "system" | "computer" | "nod");
    match tokens[at].lower.as_str() {
        "everywhere" => Some(1),
        "everything" | "all" | "everyone" if excepts_a_host(tokens, at + 1, fleet) => Some(1),
        "all"
            if at + 1 == tokens.len()
                && at.checked_sub(1).is_some_and(|before| matches!(tokens[before].lower.as_str(), "on" | "at" | "for")) =>
        {
            Some(1)
        }
        "all" | "every" | "each" => (1..=3)
            .find(|ahead| tokens.get(at + ahead).is_some_and(host_word))
            .filter(|ahead| (1..*ahead).all(|between| matches!(tokens[at + between].lower.as_str(), "the" | "my" | "our" | "of")))
            .map(|ahead| ahead + 1),
        _ => None,
    }
}

/// "everything but gate": what follows is left out, and a name of the inventory is among it.
fn excepts_a_host(tokens: &[Token], from: usize, fleet: &Fleet) -> bool {
    tokens.iter().skip(from).take_while(|token| token.scope == Scope::Excluded).any(|token| !fleet.called(&token.raw).is_empty())
}

fn negated(tokens: &[Token], at: usize) -> bool {
    tokens[at].scope != Scope::Open
        || (0..at)
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
pub fn without_excluded(hosts: Vec<String>, mentions: &[Mention], fleet: &Fleet) -> Vec<String> {
    let named = mentions.iter().filter(|mention| mention.negated).map(|mention| &mention.name);
    let excluded: BTreeSet<String> = named.flat_map(|name| fleet.resolve(name).unwrap_or_default()).collect();
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

/// Words that say nothing where a host is the answer: "I meant web", "web, sorry".
const EXCUSES: &[&str] = &["meant", "mean", "sorry", "oops", "actually", "course", "yes"];

/// An answer that says only which host, without what says nothing.
pub fn without_excuse(answer: &str) -> String {
    let says = |word: &&str| !EXCUSES.contains(&word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase().as_str());
    answer.split_whitespace().filter(says).collect::<Vec<_>>().join(" ")
}

/// Whether a sentence says only which host: an answer such as "on web1, please".
pub fn is_only_hosts(tokens: &[Token], fleet: &Fleet) -> bool {
    let mentions = mentions(tokens, fleet);
    !mentions.is_empty()
        && tokens.iter().enumerate().all(|(at, token)| {
            words::is_silent(token)
                || words::is_generic(token)
                || (!token.quoted && EXCUSES.contains(&token.lower.as_str()))
                || mentions.iter().any(|mention| (mention.at..mention.at + mention.taken).contains(&at))
        })
}

//! What a request does not want, found before anything is planned: what is negated, kept or left out, and whether the whole is
//! doubted, refused or only told. Such words are constraints; they are never a step, a switch or a value.

mod cues;
mod mood;

pub use mood::{Mood, hour, is_time, mood, times};

use self::cues::{ENDING, EXCLUSIONS, KEEPING, NEGATIONS, NOTHING, STAYING};
use super::tokens::Token;
use super::verbs::{self, Wish};
use super::words;

/// How a word is meant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Scope {
    /// As it stands.
    #[default]
    Open,
    /// "don't …", "not …", "without doing …".
    Negated,
    /// "keep …", "leave … alone".
    Kept,
    /// "everything but …", "except …".
    Excluded,
}

/// Marks what is not wanted. `is_verb` says whether an action of the catalogue calls itself so.
pub fn mark(tokens: &mut [Token], is_verb: impl Fn(&str) -> bool) {
    let mut at = 0;
    while at < tokens.len() {
        let (scope, taken) = cue(tokens, at, &is_verb);
        if scope == Scope::Open || tokens[at].scope != Scope::Open {
            at += 1;
            continue;
        }
        let end = if scope == Scope::Excluded { end_of_list(tokens, at + taken) } else { end_of_clause(tokens, at + taken) };
        for token in tokens.iter_mut().take(end).skip(at) {
            token.scope = scope;
        }
        at = end.max(at + 1);
    }
    staying(tokens);
    to_nothing(tokens);
}

/// "purge nothing": the verb is not wanted.
fn to_nothing(tokens: &mut [Token]) {
    for at in 1..tokens.len() {
        let is_it = NOTHING.contains(&tokens[at].lower.as_str()) && !tokens[at].quoted;
        if let Some(verb) = (at.saturating_sub(2)..at).rev().find(|before| is_it && begins_verb(tokens, *before)) {
            for token in &mut tokens[verb..=at] {
                token.scope = Scope::Negated;
            }
        }
    }
}

fn cue(tokens: &[Token], at: usize, is_verb: &impl Fn(&str) -> bool) -> (Scope, usize) {
    let token = &tokens[at];
    if token.quoted {
        return (Scope::Open, 0);
    }
    if let Some(taken) = longest(EXCLUSIONS, tokens, at) {
        return (Scope::Excluded, taken);
    }
    if token.lower == "but" && excludes(tokens, at) {
        return (Scope::Excluded, 1);
    }
    if let Some(taken) = longest(NEGATIONS, tokens, at) {
        return (Scope::Negated, taken);
    }
    let gerund = |token: &Token| token.lower.ends_with("ing") && !verbs::wishes_of_stem(&token.stem).is_empty();
    if token.lower == "without" && tokens.get(at + 1).is_some_and(gerund) {
        return (Scope::Negated, 1);
    }
    if let Some(taken) = longest(ENDING, tokens, at)
        && tokens.get(at + taken).is_some_and(|next| gerund(next) || takes_away(next))
    {
        return (Scope::Negated, taken);
    }
    if KEEPING.contains(&token.stem.as_str()) && !is_verb(&token.stem) {
        let end = end_of_clause(tokens, at + 1);
        let clause = tokens.get(at..end).unwrap_or_default();
        let counted = clause.iter().any(|token| token.raw.chars().any(|c| c.is_ascii_digit()));
        let out = token.stem == "leav" && clause.iter().any(|token| token.lower == "out");
        let steps = clause.iter().any(|token| token.stem == "step");
        if !counted && !steps && (end > at + 1) && !out {
            return (Scope::Kept, 1);
        }
    }
    (Scope::Open, 0)
}

/// "everything but …", "all hosts but …", "all but …".
fn excludes(tokens: &[Token], at: usize) -> bool {
    let whole = |token: &Token| {
        matches!(token.lower.as_str(), "all" | "every" | "everything" | "everywhere" | "everyone" | "any" | "anything" | "each" | "whole")
    };
    let next_is_order = tokens.get(at + 1).is_some_and(|next| next.lower == "not" || begins_verb(tokens, at + 1));
    !next_is_order && (0..at).rev().take(3).take_while(|before| !tokens[*before].comma).any(|before| whole(&tokens[before]))
}

/// Whether a word orders something to be taken away: "cancel: remove …".
fn takes_away(token: &Token) -> bool {
    verbs::wishes_of_stem(&token.stem).iter().any(|wish| matches!(wish, Wish::Remove | Wish::Clean))
}

fn begins_verb(tokens: &[Token], at: usize) -> bool {
    !verbs::wishes_at(tokens, at).0.is_empty()
}

/// The end of a negation: where another thing begins that is wanted.
fn end_of_clause(tokens: &[Token], from: usize) -> usize {
    let mut at = from;
    while at < tokens.len() {
        let token = &tokens[at];
        let new = at > from
            && matches!(token.lower.as_str(), "but" | "just" | "only" | "then" | "so" | "instead" | "please" | "use")
            && !token.quoted;
        if new || (at > from && matches!(token.lower.as_str(), "and" | "&") && goes_on(tokens, at + 1)) {
            return at;
        }
        at += 1;
        if token.stop
            || (token.comma
                && !in_list_of_verbs(tokens, at)
                && !tokens.get(at).is_some_and(|next| matches!(next.lower.as_str(), "or" | "nor")))
        {
            return at;
        }
    }
    at
}

/// Whether "and …" begins something that is wanted. What takes things away is not freed from a negation by an "and".
fn goes_on(tokens: &[Token], at: usize) -> bool {
    let wishes = verbs::wishes_at(tokens, at).0;
    let grave = wishes.iter().any(|wish| matches!(wish, Wish::Remove | Wish::Clean | Wish::Stop | Wish::Restore));
    let cue = longest(NEGATIONS, tokens, at).is_some() || tokens.get(at).is_some_and(|token| KEEPING.contains(&token.stem.as_str()));
    (!wishes.is_empty() && !grave) || cue
}

/// "don't stop, restart or remove it": verbs up to an "or".
fn in_list_of_verbs(tokens: &[Token], from: usize) -> bool {
    if !begins_verb(tokens, from) {
        return false;
    }
    let ends = |token: &&Token| !token.stop && !matches!(token.lower.as_str(), "but" | "then" | "and");
    tokens.iter().skip(from).take_while(ends).any(|token| matches!(token.lower.as_str(), "or" | "nor"))
}

/// The end of what is left out: a list of names, however long.
fn end_of_list(tokens: &[Token], from: usize) -> usize {
    let mut at = from;
    while at < tokens.len() {
        let token = &tokens[at];
        let ends = matches!(
            token.lower.as_str(),
            "in" | "with" | "after" | "at" | "for" | "then" | "from" | "on" | "to" | "but" | "until" | "before"
        );
        // "those in north", "whatever is on web1": nothing was named yet, so the list only begins.
        let named = tokens[from..at].iter().any(|token| !words::is_silent(token) && !words::is_generic(token) && !stands_for_names(token));
        let ends = ends && named && !counts_on(tokens, at);
        let order = begins_verb(tokens, at) && at > from;
        if at > from && !token.quoted && (ends || order) {
            // "…, and then": the joining word belongs to what follows.
            return if order && at > from + 1 && matches!(tokens[at - 1].lower.as_str(), "and" | "or") { at - 1 } else { at };
        }
        at += 1;
        if token.stop {
            break;
        }
    }
    at
}

fn stands_for_names(token: &Token) -> bool {
    matches!(
        token.lower.as_str(),
        "those"
            | "these"
            | "that"
            | "one"
            | "ones"
            | "anything"
            | "everything"
            | "whatever"
            | "whichever"
            | "which"
            | "all"
            | "any"
            | "what"
            | "things"
    )
}

/// "pi01 to pi03": a word between two names that differ in their last number or letter only.
fn counts_on(tokens: &[Token], at: usize) -> bool {
    let stem = |token: Option<&Token>| {
        let short = token?.lower.split('.').next()?;
        let uncounted = short.trim_end_matches(|c: char| c.is_ascii_digit());
        let stem = if uncounted.len() < short.len() { uncounted } else { short.strip_suffix(|c: char| c.is_ascii_lowercase())? };
        Some(stem.to_owned())
    };
    let before = at.checked_sub(1).and_then(|before| stem(tokens.get(before)));
    matches!(tokens[at].lower.as_str(), "to" | "until" | "till" | "through") && before.is_some() && before == stem(tokens.get(at + 1))
}

/// "…, the data must survive": back to where that began.
fn staying(tokens: &mut [Token]) {
    for at in 0..tokens.len() {
        if !STAYING.contains(&tokens[at].lower.as_str()) || tokens[at].quoted || tokens[at].scope != Scope::Open {
            continue;
        }
        let begins = |before: &usize| {
            let token = &tokens[*before];
            token.comma || token.stop || matches!(token.lower.as_str(), "and" | "but" | "so" | "with" | "while" | "that" | "sure" | "whose")
        };
        let start = (0..at).rev().find(begins).map_or(0, |before| before + 1);
        for token in &mut tokens[start..=at] {
            token.scope = Scope::Kept;
        }
    }
}

fn phrase_at(phrase: &str, tokens: &[Token], at: usize) -> Option<usize> {
    let mut count = 0;
    for word in phrase.split(' ') {
        let token = tokens.get(at + count).filter(|token| !token.quoted)?;
        let curly = || token.lower.contains('’') && token.lower.replace('’', "'") == word;
        if token.lower != word && !curly() {
            return None;
        }
        count += 1;
    }
    Some(count)
}

fn longest(phrases: &[&str], tokens: &[Token], at: usize) -> Option<usize> {
    phrases.iter().filter_map(|phrase| phrase_at(phrase, tokens, at)).max()
}

/// Whether a word only says that something is not wanted or kept: "keep", "don't".
pub fn is_a_cue(token: &Token) -> bool {
    KEEPING.contains(&token.stem.as_str()) || [NEGATIONS, EXCLUSIONS, STAYING].iter().any(|cues| cues.contains(&token.lower.as_str()))
}

/// Whether an order is left: something that is neither negated nor a word of grammar.
pub fn leaves_an_order(tokens: &[Token]) -> bool {
    tokens.iter().any(|token| token.scope == Scope::Open && !words::is_silent(token))
}

/// What is not wanted, in the person's own words.
pub fn constraints(tokens: &[Token]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut before = Scope::Open;
    for token in tokens {
        match (before, token.scope) {
            (_, Scope::Open) => {}
            (before, scope) if before == scope => {
                if let Some(last) = found.last_mut() {
                    last.push(' ');
                    last.push_str(&token.raw);
                }
            }
            _ => found.push(token.raw.clone()),
        }
        before = token.scope;
    }
    found
}

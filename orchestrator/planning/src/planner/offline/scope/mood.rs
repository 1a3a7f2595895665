//! How a request is meant as a whole: as an order, in doubt, for later, not at all.

use super::cues::{DOUBTS, PAST, PUT_OFF, PUT_OFF_BEHIND, REFUSALS};
use super::{begins_verb, longest};
use crate::planner::offline::tokens::Token;
use crate::planner::offline::verbs;

/// How the whole is meant, where it is not an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mood {
    /// "no way", "I told you not to".
    Refused(String),
    /// "should we …", "maybe …", "if …", "they said …".
    Doubted(String),
    /// "tomorrow", "but not now".
    PutOff(String),
}

/// How the whole is meant, where it is not simply an order.
pub fn mood(tokens: &[Token]) -> Option<Mood> {
    let found = |phrases: &[&str]| {
        (0..tokens.len()).find_map(|at| {
            let taken = longest(phrases, tokens, at)?;
            let said: Vec<&str> = tokens.iter().skip(at).take(taken).map(|token| token.raw.as_str()).collect();
            Some(said.join(" "))
        })
    };
    if let Some(said) = found(REFUSALS) {
        return Some(Mood::Refused(said));
    }
    if let Some(said) = found(PUT_OFF).or_else(|| put_off_behind(tokens)) {
        return Some(Mood::PutOff(said));
    }
    found(DOUBTS).or_else(|| correction(tokens)).or_else(|| condition(tokens)).or_else(|| told(tokens)).map(Mood::Doubted)
}

/// "deploy it tonight": the time stands behind a verb, with no comma between them.
fn put_off_behind(tokens: &[Token]) -> Option<String> {
    let verb_before = |at: usize| {
        let clause = (0..at).rev().take_while(|before| !tokens[*before].comma && !tokens[*before].stop);
        clause.into_iter().any(|before| begins_verb(tokens, before))
    };
    (0..tokens.len()).find_map(|at| {
        let taken = time(tokens, at).filter(|_| verb_before(at))?;
        Some(tokens[at..at + taken].iter().map(|token| token.raw.as_str()).collect::<Vec<_>>().join(" "))
    })
}

/// How many words say a time here.
fn time(tokens: &[Token], at: usize) -> Option<usize> {
    // "3.11 or later" is a version.
    if at > 0 && tokens[at - 1].lower == "or" {
        return None;
    }
    longest(PUT_OFF, tokens, at).or_else(|| longest(PUT_OFF_BEHIND, tokens, at)).or_else(|| hour(tokens, at)).or_else(|| delay(tokens, at))
}

/// Whether a word belongs to those that say when something should be.
pub fn is_time(tokens: &[Token], at: usize) -> bool {
    (at.saturating_sub(2)..=at).any(|from| time(tokens, from).is_some_and(|taken| from + taken > at))
}

/// Which words say when something should be.
pub fn times(tokens: &[Token]) -> Vec<bool> {
    (0..tokens.len()).map(|at| is_time(tokens, at)).collect()
}

/// "at 5", "around 17:00", "by 6 pm": how many words say an hour of the day here.
pub fn hour(tokens: &[Token], at: usize) -> Option<usize> {
    let half = |word: &str| matches!(word, "am" | "pm" | "a.m" | "p.m" | "o'clock");
    let before = tokens.get(at).filter(|token| !token.quoted)?;
    if !matches!(before.lower.as_str(), "at" | "around" | "about" | "by" | "before" | "after" | "until" | "till") {
        return None;
    }
    let said = tokens.get(at + 1).filter(|token| !token.quoted)?.lower.as_str();
    let digits = said.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '.');
    let (hours, minutes) = digits.split_once(':').unwrap_or((digits, "0"));
    let is_hour = hours.parse::<u8>().is_ok_and(|hours| hours <= 24) && minutes.parse::<u8>().is_ok_and(|minutes| minutes < 60);
    let suffix = said.strip_prefix(digits).unwrap_or_default();
    let counted = tokens.get(at + 2).filter(|_| !tokens[at + 1].comma && !tokens[at + 1].stop).map(|token| token.lower.as_str());
    let spoken = counted.is_some_and(half);
    // "by 5 percent", "after 3 tries": a number of something else.
    let alone = spoken || counted.is_none_or(|word| matches!(word, "and" | "on" | "to" | "in" | "then" | "today" | "please"));
    (is_hour && (half(suffix) || (suffix.is_empty() && alone))).then_some(if spoken { 3 } else { 2 })
}

/// "in 5 minutes", "after 2 hours": how many words say a time from now here.
fn delay(tokens: &[Token], at: usize) -> Option<usize> {
    let word = |at: usize| tokens.get(at).filter(|token| !token.quoted).map_or("", |token| token.lower.as_str());
    let counted = word(at + 1).parse::<u32>().is_ok() && matches!(word(at), "in" | "after");
    let unit = word(at + 2).trim_end_matches('s');
    (counted && matches!(unit, "second" | "minute" | "min" | "hour" | "day" | "week" | "month")).then_some(3)
}

/// "…, no, only on web1": what was said before is taken back, and by how much nobody can tell.
fn correction(tokens: &[Token]) -> Option<String> {
    let takes_back = |at: usize| {
        let ended = |at: usize| tokens[at].comma || tokens[at].stop;
        matches!(tokens[at].lower.as_str(), "no" | "nope" | "wait" | "sorry") && !tokens[at].quoted && ended(at) && ended(at - 1)
    };
    (1..tokens.len()).find(|at| takes_back(*at) && at + 1 < tokens.len()).map(|at| format!("{},", tokens[at].raw))
}

/// "if it is broken": nothing here can look first.
fn condition(tokens: &[Token]) -> Option<String> {
    let polite = |at: usize| {
        tokens
            .get(at + 1)
            .is_some_and(|next| matches!(next.lower.as_str(), "possible" | "you" | "not" | "needed" | "necessary" | "required"))
    };
    (0..tokens.len()).find(|at| !tokens[*at].quoted && tokens[*at].lower == "if" && !polite(*at)).map(|at| tokens[at].raw.clone())
}

/// "we removed it yesterday": told, not asked for.
fn told(tokens: &[Token]) -> Option<String> {
    let who = |token: &Token| matches!(token.lower.as_str(), "i" | "we" | "he" | "she" | "they" | "you" | "someone" | "somebody" | "it");
    let past = |token: &Token| token.lower.ends_with("ed") && !verbs::wishes_of_stem(&token.stem).is_empty();
    let first = tokens.first()?;
    if past(first) && tokens.iter().any(|token| !token.quoted && PAST.contains(&token.lower.as_str())) {
        return Some(first.raw.clone());
    }
    if !who(first) {
        return None;
    }
    let verb = tokens.iter().skip(1).find(|token| !matches!(token.lower.as_str(), "have" | "had" | "has" | "already" | "just" | "all"))?;
    past(verb).then(|| format!("{} {}", first.raw, verb.raw))
}

//! Which action a sentence asks for, and how sure that is. What removes things is never guessed.

use std::collections::BTreeSet;

use chiffon_plans::domain::fleet::Fleet;
use chiffon_protocol::action::Risk;

use super::index::{Entry, Index};
use super::parameter::{Kind, Parameter};
use super::scope::{self, Scope};
use super::slots::{self, Slots};
use super::tokens::{Token, stem, stems};
use super::verbs::{self, Wish};
use super::{hosts, words};

/// Candidates that are filled and weighed.
const WEIGHED: usize = 8;
/// Another candidate this near makes it a question.
const TOO_NEAR: f64 = 0.95;

/// A sentence, read once for all candidates.
#[derive(Debug)]
pub struct Sentence {
    /// Its words; mistyped words of the catalogue have the stem they were meant to have.
    pub tokens: Vec<Token>,
    /// Which of them are verbs.
    pub verbs: Vec<bool>,
    wishes: Vec<Vec<Wish>>,
    hosts: Vec<bool>,
    mentions: Vec<hosts::Mention>,
    /// Which words say when.
    times: Vec<bool>,
    words: BTreeSet<String>,
}

impl Sentence {
    /// Reads words.
    pub fn new(mut tokens: Vec<Token>, index: &Index, fleet: &Fleet) -> Self {
        let known_hosts = fleet.hosts();
        for token in tokens.iter_mut().filter(|token| !token.quoted && !token.looks_like_a_value()) {
            let known = words::is_silent(token)
                || words::is_generic(token)
                || !verbs::wishes_of_stem(&token.stem).is_empty()
                || known_hosts.contains(&token.lower);
            if !known && let Some(meant) = index.known_word(&token.stem) {
                token.stem = meant;
            }
        }
        let (wishes, verbs) = verbs::wishes(&tokens);
        let mut host_words = vec![false; tokens.len()];
        let mentions = hosts::mentions(&tokens, fleet);
        for mention in &mentions {
            host_words[mention.at..mention.at + mention.taken].fill(true);
        }
        let words = tokens
            .iter()
            .filter(|token| token.scope == Scope::Open && !token.looks_like_a_value())
            .flat_map(|token| stems(&token.lower))
            .collect();
        let times = scope::times(&tokens);
        Self { tokens, verbs, wishes, hosts: host_words, mentions, times, words }
    }

    /// What its first verb wants; question words count only where there is no other verb.
    fn first_wish(&self) -> &[Wish] {
        // "stop and remove …": what is done last is what is wanted.
        let led = self.wishes.get(verbs::leading(&self.tokens).1..).unwrap_or_default();
        let questions_last = led.iter().find(|wishes| wishes[..] != [Wish::Show]).or_else(|| led.first());
        match led.first() {
            Some(first) if first[..] == [Wish::Show] && !self.opens_with_question() => first,
            _ => questions_last.map_or(&[], Vec::as_slice),
        }
    }

    fn opens_with_question(&self) -> bool {
        let Some(verb) = self.verbs.iter().position(|is_verb| *is_verb) else { return false };
        matches!(self.tokens[verb].lower.as_str(), "is" | "are")
            && self.tokens.iter().any(|token| matches!(token.lower.as_str(), "possible" | "able"))
    }

    /// Whether a word belongs to a name of the inventory.
    pub fn is_host(&self, at: usize) -> bool {
        self.hosts.get(at).copied().unwrap_or(false)
    }

    /// Whether a word is a name of the inventory that says where this action should act, and not what it is about.
    pub fn is_place(&self, at: usize, entry: &Entry) -> bool {
        let is_thing = |mention: &hosts::Mention| {
            (mention.at..mention.at + mention.taken).contains(&at) && hosts::things::is_thing(&self.tokens, &self.mentions, mention, entry)
        };
        self.is_host(at) && !self.mentions.iter().any(is_thing)
    }

    /// The names of the inventory in it.
    pub fn mentions(&self) -> &[hosts::Mention] {
        &self.mentions
    }

    fn has_stem(&self, word: &str) -> bool {
        self.tokens.iter().any(|token| token.is_spoken() && token.stem == word)
    }

    /// Whether its verb says only that something should be there.
    fn only_puts(&self) -> bool {
        self.tokens
            .iter()
            .any(|token| token.is_spoken() && matches!(token.lower.as_str(), "put" | "add" | "get" | "need" | "needs" | "want"))
    }

    /// Its first word that says something, where no verb of it is known and nothing in this action explains it: perhaps a verb
    /// that turns everything around.
    fn unknown_verb(&self, entry: &Entry, slots: &Slots) -> Option<&str> {
        let grammar = |at: usize| {
            self.tokens[at].scope != Scope::Open
                || words::is_silent(&self.tokens[at])
                || words::is_generic(&self.tokens[at])
                || self.hosts[at]
        };
        let first = (0..self.tokens.len()).find(|at| !grammar(*at))?;
        let token = &self.tokens[first];
        let known = slots.used[first] || entry.vocabulary.contains(&token.stem) || token.looks_like_a_value();
        (self.wishes.is_empty() && !known).then_some(token.raw.as_str())
    }

    fn search_words(&self) -> Vec<String> {
        let spoken =
            self.tokens.iter().zip(&self.hosts).filter(|(token, is_host)| token.is_spoken() && !**is_host && !words::is_silent(token));
        spoken
            .flat_map(|(token, _)| {
                let mut words = vec![token.stem.clone()];
                if token.lower.contains(['-', '_', '/']) {
                    words.extend(stems(&token.lower));
                }
                words
            })
            .collect()
    }
}

/// An action weighed against a sentence.
#[derive(Debug)]
pub struct Candidate<'a> {
    /// The action.
    pub entry: &'a Entry,
    /// Its parameters.
    pub slots: Slots,
    /// How well it explains the sentence.
    pub score: f64,
    /// Whether that is enough to propose it.
    pub accepted: bool,
    /// A first word that could be a verb and is not known.
    pub unknown_verb: Option<String>,
    /// Where the words stand that it does not explain.
    pub unexplained: Vec<usize>,
}

/// The actions of which a sentence is an example, said exactly.
pub fn said_exactly<'a>(index: &'a Index, sentence: &Sentence) -> Vec<&'a Entry> {
    index.iter().filter(|entry| entry.is_said_by(&sentence.tokens, |at| sentence.is_host(at))).collect()
}

/// The best candidates, best first. Where the sentence is an example of some action, said exactly, there are no others.
pub fn candidates<'a>(index: &'a Index, sentence: &Sentence, fleet: &Fleet) -> Vec<Candidate<'a>> {
    let exact = said_exactly(index, sentence);
    if !exact.is_empty() {
        let weighed = exact.into_iter().map(|entry| Candidate { accepted: true, unknown_verb: None, ..weigh(entry, 1.0, sentence, fleet) });
        let mut weighed: Vec<Candidate<'a>> = weighed.collect();
        weighed.sort_by(|one, other| other.score.total_cmp(&one.score).then_with(|| one.entry.spec.name.cmp(&other.entry.spec.name)));
        return weighed;
    }
    let found = index.search(&sentence.search_words(), WEIGHED);
    let mut weighed: Vec<Candidate<'a>> = found.into_iter().map(|(entry, score)| weigh(entry, score, sentence, fleet)).collect();
    if !weighed.iter().any(|candidate| candidate.accepted) {
        let wish = sentence.first_wish();
        let known: Vec<&str> = weighed.iter().map(|candidate| candidate.entry.spec.name.as_str()).collect();
        let willing =
            index.iter().filter(|entry| wish.iter().any(|wish| entry.wishes.contains(wish)) && !known.contains(&entry.spec.name.as_str()));
        let more: Vec<Candidate<'a>> = willing.take(4 * WEIGHED).map(|entry| weigh(entry, 0.5, sentence, fleet)).collect();
        weighed.extend(more.into_iter().filter(|candidate| candidate.accepted));
    }
    weighed.sort_by(|one, other| {
        other
            .accepted
            .cmp(&one.accepted)
            .then(other.score.total_cmp(&one.score))
            .then_with(|| one.entry.spec.name.cmp(&other.entry.spec.name))
    });
    weighed
}

/// The candidates that are as good as the best: more than one is a question.
pub fn rivals<'a, 'b>(candidates: &'b [Candidate<'a>]) -> Vec<&'b Candidate<'a>> {
    let Some(best) = candidates.first().filter(|candidate| candidate.accepted) else { return Vec::new() };
    let is_complete = |candidate: &Candidate<'_>| candidate.slots.missing.is_empty() && candidate.slots.either.is_empty();
    let complete = is_complete(best);
    candidates
        .iter()
        .filter(|candidate| candidate.accepted && candidate.score >= best.score * TOO_NEAR)
        .filter(|candidate| is_complete(candidate) == complete && candidate.unexplained.len() <= best.unexplained.len())
        .collect()
}

fn weigh<'a>(entry: &'a Entry, found: f64, sentence: &Sentence, fleet: &Fleet) -> Candidate<'a> {
    let slots = slots::fill(entry, &sentence.tokens, &sentence.verbs, &sentence.mentions, fleet);
    let weight = Evidence::of(entry, sentence, &slots);
    let allowed = wish_allows(entry, sentence);
    let agreement = if shares_wish(entry, sentence) || weight.own_verb { 1.2 } else { 0.8 };
    let count = |number: usize| i32::try_from(number).unwrap_or(9);
    let given = entry.parameters.iter().filter(|parameter| parameter.required && slots.values.contains_key(&parameter.name)).count();
    let score = found
        * agreement
        * (0.3 + 0.7 * weight.coverage)
        * (1.0 + 0.5 * entry.likeness(&sentence.words))
        * 0.85_f64.powi(count(slots.missing.len()))
        * 1.1_f64.powi(count(given));
    let accepted = allowed && weight.is_enough(entry, sentence, &slots);
    let unknown_verb = sentence.unknown_verb(entry, &slots).map(str::to_owned);
    Candidate { entry, slots, score, accepted, unknown_verb, unexplained: weight.unexplained }
}

struct Evidence {
    coverage: f64,
    core: bool,
    hinted: usize,
    own_verb: bool,
    says_something: bool,
    unexplained: Vec<usize>,
}

impl Evidence {
    fn of(entry: &Entry, sentence: &Sentence, slots: &Slots) -> Self {
        let (mut explained, mut all) = (0_u32, 0_u32);
        let (mut core, mut hinted, mut unexplained) = (false, 0, Vec::new());
        for (at, token) in sentence.tokens.iter().enumerate() {
            if token.scope != Scope::Open {
                continue;
            }
            let is_host = sentence.is_place(at, entry);
            let spoken = !token.quoted && !is_host;
            core |= spoken && (entry.core.contains(&token.stem) || stems(&token.lower).iter().any(|part| entry.core.contains(part)));
            // The name of what can be left out says how something should be done, not what.
            let names_parameter =
                entry.parameters.iter().any(|parameter| !parameter.required && parameter.named_at(&sentence.tokens, at).is_some());
            hinted += usize::from(spoken && !names_parameter && entry.hinted.contains(&token.stem));
            let grammar = words::is_silent(token) || words::is_generic(token) || sentence.verbs[at];
            if is_host || (grammar && !slots.used[at]) {
                continue;
            }
            // "blub=3" is one thing said, when is not what, and "something" is what will be asked for.
            let takes_things = || entry.parameters.iter().any(|parameter| parameter.required && parameter.kind == Kind::Text);
            let to_ask = matches!(token.lower.as_str(), "something" | "anything") && takes_things();
            all += u32::from(slots.used[at] || !(token.assigned || sentence.times[at] || to_ask));
            if slots.used[at]
                || (spoken
                    && (entry.vocabulary.contains(&token.stem) || stems(&token.lower).iter().all(|part| entry.vocabulary.contains(part))))
            {
                explained += 1;
            } else if !to_ask {
                unexplained.push(at);
            }
        }
        let own_verb =
            sentence.tokens.iter().any(|token| token.is_spoken() && entry.own_verbs.contains(&token.stem) && !words::is_silent(token));
        let coverage = if all == 0 { 1.0 } else { f64::from(explained) / f64::from(all) };
        Self { coverage, core, hinted, own_verb, says_something: all > 0, unexplained }
    }

    /// A verb alone says enough where the action has no object of its own, or where the values give themselves away by their form.
    /// What removes things must be named, too.
    fn is_enough(&self, entry: &Entry, sentence: &Sentence, slots: &Slots) -> bool {
        let (whole, shares_wish) = (self.coverage > 0.99, shares_wish(entry, sentence));
        let chosen = shares_wish
            && entry
                .parameters
                .iter()
                .any(|parameter| parameter.required && parameter.kind == Kind::Choice && slots.values.contains_key(&parameter.name));
        let named = self.core || chosen;
        if takes_away(entry) && !(named || (entry.core.is_empty() && self.own_verb)) {
            return false;
        }
        let something_said = slots.used.iter().any(|used| *used) || self.core || self.own_verb;
        // "add it": a verb without an object, of an action that has one.
        if !self.says_something && !named && !entry.core.is_empty() && entry.spec.risk != Risk::ReadOnly {
            return false;
        }
        // "htop": a word alone does not say what should be done with it.
        if slots.by_elimination && !(named || self.own_verb || shares_wish || sentence.only_puts()) {
            return false;
        }
        let by_elimination = entry.core.is_empty() && (self.own_verb || sentence.only_puts());
        let known = |parameter: &Parameter| (parameter.required || parameter.has_form()) && slots.values.contains_key(&parameter.name);
        let by_form = || entry.parameters.iter().any(known);
        let by_wish = shares_wish && (entry.spec.risk == Risk::ReadOnly || entry.core.is_empty() || by_form());
        let by_verb = if slots.by_elimination { by_elimination } else { self.own_verb || by_wish };
        (named && self.coverage >= 0.5)
            || (self.hinted >= 2 && self.coverage >= 0.7)
            || (whole && something_said && (self.hinted >= 1 || by_verb))
    }
}

fn shares_wish(entry: &Entry, sentence: &Sentence) -> bool {
    sentence.wishes.iter().flatten().any(|wish| entry.wishes.contains(wish))
}

/// Whether what the sentence wants and what the action does go together at all.
fn wish_allows(entry: &Entry, sentence: &Sentence) -> bool {
    let first = sentence.first_wish();
    let grave = [Wish::Remove, Wish::Clean, Wish::Stop, Wish::Restore];
    let own_verb = entry.own_verbs.iter().any(|verb| sentence.has_stem(verb));
    let shared = |wishes: &[Wish]| first.iter().any(|wish| wishes.contains(wish) && entry.wishes.contains(wish));
    if takes_away(entry) {
        let asked = shared(&grave) || (own_verb && entry.own_verbs.iter().any(|verb| opens(sentence, verb)));
        return asked;
    }
    if first.iter().any(|wish| grave.contains(wish)) {
        return shared(&grave);
    }
    let against = [Wish::Remove, Wish::Clean, Wish::Stop, Wish::Restore];
    let begins = first.iter().any(|wish| matches!(wish, Wish::Create | Wish::Start | Wish::Save));
    if begins && !entry.wishes.is_empty() && entry.wishes.iter().all(|wish| against.contains(wish)) {
        return false;
    }
    if first == [Wish::Show] {
        return entry.wishes.contains(&Wish::Show) || entry.spec.risk == Risk::ReadOnly;
    }
    true
}

/// Whether a sentence names an action: what it is about, or, where it is about nothing in particular, by its verb.
pub fn names(entry: &Entry, sentence: &Sentence) -> bool {
    // A host's name says where, not what: an example may name one, too.
    let is_host = |word: &str| sentence.mentions().iter().any(|mention| mention.name.eq_ignore_ascii_case(word));
    let spoken = || sentence.tokens.iter().filter(|token| token.is_spoken() && !is_host(&token.lower));
    let own_verb = spoken().any(|token| entry.own_verbs.contains(&token.stem) && !words::is_silent(token));
    let about = |word: &str| entry.core.contains(word) || entry.hinted.contains(word);
    own_verb || spoken().any(|token| about(&token.stem) || stems(&token.lower).iter().any(|part| about(part)))
}

/// Whether a sentence orders something to be taken away, in a way that this action does.
pub fn asks_to_take_away(entry: &Entry, sentence: &Sentence) -> bool {
    let grave = [Wish::Remove, Wish::Clean, Wish::Stop, Wish::Restore];
    sentence.wishes.iter().flatten().any(|wish| grave.contains(wish) && entry.wishes.contains(wish))
        || entry.own_verbs.iter().any(|verb| sentence.has_stem(verb) && opens(sentence, verb))
}

/// Whether an action is there to take something away.
pub fn takes_away(entry: &Entry) -> bool {
    let removes = entry.wishes.iter().any(|wish| matches!(wish, Wish::Remove | Wish::Clean));
    entry.spec.risk == Risk::Destructive || (removes && !entry.wishes.contains(&Wish::Create))
}

/// Whether the sentence's first word that says something is this verb.
fn opens(sentence: &Sentence, verb: &str) -> bool {
    sentence
        .tokens
        .iter()
        .find(|token| token.is_spoken() && !words::is_silent(token))
        .is_some_and(|token| token.stem == verb || stem(&token.lower) == verb)
}

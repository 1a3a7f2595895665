//! Filling the parameters of one action from the words of one sentence, by their schemas and the inventory.
//!
//! A value is taken only where a word names it, its form gives it away, or the action can't do without it.

mod free_text;
mod leftovers;
mod switches;
mod whereabouts;

use std::collections::BTreeSet;

use chiffon_plans::domain::fleet::Fleet;
use serde_json::{Map, Value};

use super::hosts::Mention;
use super::index::Entry;
use super::parameter::{Kind, Parameter};
use super::scope::Scope;
use super::tokens::Token;
use super::words::{self, BETWEEN};

/// What a sentence says about an action's parameters.
#[derive(Debug, Clone, Default)]
pub struct Slots {
    /// Values found, without the target.
    pub values: Map<String, Value>,
    /// Hosts and groups that the sentence names for the target.
    pub hosts: Vec<String>,
    /// A word that stands where a host would, but is none.
    pub unknown_host: Option<String>,
    /// A name that fits several of the inventory, with those.
    pub ambiguous: Option<(String, Vec<String>)>,
    /// Words that were turned into values or that name parameters.
    pub used: Vec<bool>,
    /// Parameters that take outputs of other steps, and that the sentence mentions.
    pub wanted: BTreeSet<String>,
    /// Parameters that the sentence does not want: "without …".
    pub refused: BTreeSet<String>,
    /// Whether it says "them" or "those": perhaps what an earlier step gives.
    pub pronoun: bool,
    /// Whether a value was found only because nothing else explained the word.
    pub by_elimination: bool,
    /// Parameters of which one is needed, when none is there.
    pub either: Vec<String>,
    /// Required parameters without a value, the target included.
    pub missing: Vec<String>,
    /// A parameter that is named and got no value, though the words try to give it one.
    pub valueless: Option<String>,
}

/// What is being read.
#[derive(Debug)]
pub struct Filler<'a> {
    entry: &'a Entry,
    tokens: &'a [Token],
    verbs: &'a [bool],
    /// Whether it changes a plan that is there.
    revises: bool,
    slots: Slots,
}

/// Reads a request's sentence.
pub fn fill(entry: &Entry, tokens: &[Token], verbs: &[bool], mentions: &[Mention], fleet: &Fleet) -> Slots {
    let mut filler = Filler::new(entry, tokens, verbs);
    filler.hosts(mentions, fleet);
    filler.sibling_host(fleet);
    filler.named_and_shaped();
    filler.unknown_host(&["on", "at"]);
    filler.leftovers();
    if filler.slots.hosts.is_empty() {
        filler.unknown_host(&["to", "from", "in", "onto", "for", "of"]);
    }
    filler.finish()
}

/// Reads a change in words: only what it names, nothing by elimination.
pub fn named(entry: &Entry, tokens: &[Token], verbs: &[bool]) -> Slots {
    let mut filler = Filler::new(entry, tokens, verbs);
    filler.named_and_shaped();
    filler.finish()
}

/// [`named`], where names of the inventory are never values: they say where, and nothing else.
pub fn changed(entry: &Entry, tokens: &[Token], verbs: &[bool], mentions: &[Mention]) -> Slots {
    let mut filler = Filler::new(entry, tokens, verbs);
    filler.revises = true;
    for mention in mentions {
        filler.slots.used[mention.at..mention.at + mention.taken].fill(true);
    }
    filler.named_and_shaped();
    filler.finish()
}

impl<'a> Filler<'a> {
    fn new(entry: &'a Entry, tokens: &'a [Token], verbs: &'a [bool]) -> Self {
        Self { entry, tokens, verbs, revises: false, slots: Slots { used: vec![false; tokens.len()], ..Slots::default() } }
    }

    fn named_and_shaped(&mut self) {
        let entry = self.entry;
        let fillable = || entry.parameters.iter().filter(|parameter| parameter.kind != Kind::Host);
        for parameter in fillable() {
            self.refusal(parameter);
        }
        for parameter in fillable().filter(|parameter| parameter.kind == Kind::Other) {
            self.addresses(parameter);
        }
        for parameter in fillable() {
            self.by_name(parameter);
        }
        for parameter in fillable().filter(|parameter| parameter.kind == Kind::Choice) {
            self.choices(parameter);
        }
        for parameter in fillable().filter(|parameter| parameter.kind == Kind::Text && parameter.is_distinctive() && !parameter.list) {
            self.by_shape(parameter);
        }
        self.lone_number();
    }

    /// Whether a word is neither explained yet nor kept out of the order.
    fn is_free(&self, at: usize) -> bool {
        !self.slots.used[at] && self.tokens[at].scope == Scope::Open
    }

    /// Whether a word is the value of another name: "blub=3" gives nothing to a port.
    fn is_anothers(&self, at: usize, parameter: &Parameter) -> bool {
        let named = |before: usize| (0..=before).any(|from| parameter.named_at(self.tokens, from).is_some_and(|taken| from + taken == at));
        self.tokens[at].assigned && !at.checked_sub(1).is_some_and(named)
    }

    fn is_open(&self, parameter: &Parameter) -> bool {
        !self.slots.values.contains_key(&parameter.name) && !self.slots.refused.contains(&parameter.name)
    }

    fn addresses(&mut self, parameter: &Parameter) {
        let mut found = Vec::new();
        for (at, token) in self.tokens.iter().enumerate() {
            let wanted = self.is_free(at) && !self.is_left_out(at) && !self.is_anothers(at, parameter);
            if let Some(value) = parameter.value_of(token).filter(|_| wanted) {
                found.push(value);
                self.slots.used[at] = true;
            }
        }
        let value = if parameter.list { Value::Array(found) } else { found.into_iter().next().unwrap_or(Value::Array(Vec::new())) };
        if value.as_array().is_none_or(|items| !items.is_empty()) {
            self.slots.values.insert(parameter.name.clone(), value);
        }
    }

    /// "without http://photos.lan", "drop http://photos.lan".
    fn is_left_out(&self, at: usize) -> bool {
        at.checked_sub(1).is_some_and(|before| words::leaves_out(&self.tokens[before]))
    }

    /// "port 3002", "3 replicas", "with compression", "packages htop and jq".
    fn by_name(&mut self, parameter: &Parameter) {
        for at in 0..self.tokens.len() {
            let Some(taken) = parameter.named_at(self.tokens, at) else { continue };
            if !self.is_free(at) || !self.is_open(parameter) {
                continue;
            }
            let is_verb = self.verbs[at] && at == 0;
            if parameter.accepts.is_some() && !is_verb {
                self.slots.wanted.insert(parameter.name.clone());
                self.slots.used[at..at + taken].fill(true);
            }
            if parameter.kind == Kind::Boolean {
                self.switch(parameter, at, taken);
            } else if let Some(value) = self
                .value_after(parameter, at + taken, parameter.is_named_in_full(self.tokens, at) == Some(taken))
                .or_else(|| self.value_before(parameter, at))
            {
                self.slots.used[at..at + taken].fill(true);
                self.slots.values.insert(parameter.name.clone(), value);
            }
        }
    }

    fn value_after(&mut self, parameter: &Parameter, from: usize, in_full: bool) -> Option<Value> {
        if in_full && parameter.takes_any_text() {
            return self.spoken_text(parameter, from);
        }
        let mut at = from;
        while at < self.tokens.len() && at < from + 3 && BETWEEN.contains(&self.tokens[at].lower.as_str()) && !self.tokens[at].quoted {
            at += 1;
        }
        if parameter.list && parameter.kind != Kind::Other {
            return self.list_from(parameter, at);
        }
        let token = self.tokens.get(at)?;
        self.take(parameter, at, token)
    }

    fn value_before(&mut self, parameter: &Parameter, at: usize) -> Option<Value> {
        let before = at.checked_sub(1)?;
        let numeric = matches!(parameter.kind, Kind::Integer | Kind::Number);
        if parameter.list || !(numeric || (parameter.kind == Kind::Choice)) {
            return None;
        }
        let token = &self.tokens[before];
        self.take(parameter, before, token)
    }

    fn take(&mut self, parameter: &Parameter, at: usize, token: &Token) -> Option<Value> {
        if !self.is_free(at) || self.is_anothers(at, parameter) || (parameter.kind == Kind::Text && !self.could_be_text(at)) {
            return None;
        }
        let value = parameter.value_of(token)?;
        if parameter.kind == Kind::Text && !parameter.fits_item(&value) {
            return None;
        }
        self.slots.used[at] = true;
        Some(value)
    }

    /// Whether a word could be a text value: it is not a word of the sentence's grammar.
    fn could_be_text(&self, at: usize) -> bool {
        let token = &self.tokens[at];
        token.quoted
            || (!words::is_silent(token)
                && !words::is_generic(token)
                && !words::is_never_a_value(token)
                && !self.verbs[at]
                && !self.entry.parameters.iter().any(|parameter| parameter.named_at(self.tokens, at).is_some()))
    }

    /// A list that begins at a word: "htop, curl and jq".
    fn list_from(&mut self, parameter: &Parameter, from: usize) -> Option<Value> {
        let mut found = Vec::new();
        let mut at = from;
        while at < self.tokens.len() {
            let token = &self.tokens[at];
            if !found.is_empty() && !self.slots.used[at] && matches!(token.lower.as_str(), "and" | "plus" | "+" | "&" | "or") {
                at += 1;
                continue;
            }
            let free = self.is_free(at)
                && (at == from || !token.assigned)
                && (parameter.kind != Kind::Text || (self.could_be_text(at) && !self.is_core(at)));
            let Some(value) = free.then(|| parameter.value_of(token)).flatten().filter(|value| parameter.fits_item(value)) else { break };
            found.push(value);
            self.slots.used[at] = true;
            at += 1;
        }
        (!found.is_empty()).then_some(Value::Array(found))
    }

    fn is_core(&self, at: usize) -> bool {
        !self.tokens[at].quoted && self.entry.core.contains(&self.tokens[at].stem)
    }

    fn choices(&mut self, parameter: &Parameter) {
        if !self.is_open(parameter) {
            return;
        }
        let found: Vec<(usize, Value)> = (0..self.tokens.len())
            .filter(|at| self.is_free(*at) && (!self.verbs[*at] || *at > 0) && !self.is_anothers(*at, parameter))
            .filter_map(|at| Some((at, parameter.value_of(&self.tokens[at])?)))
            .collect();
        let Some((first, value)) = found.first().cloned() else { return };
        if parameter.list {
            for (at, _) in &found {
                self.slots.used[*at] = true;
            }
            self.slots.values.insert(parameter.name.clone(), found.into_iter().map(|(_, value)| value).collect());
        } else {
            self.slots.used[first] = true;
            self.slots.values.insert(parameter.name.clone(), value);
        }
    }

    /// An address, a date, a version: a word whose form no ordinary word has.
    fn by_shape(&mut self, parameter: &Parameter) {
        if !self.is_open(parameter) {
            return;
        }
        let formatted = parameter.element().get("format").is_some();
        let fitting = |filler: &Self, at: &usize| {
            let token = &filler.tokens[*at];
            if !formatted && (token.is_quantity() || filler.is_a_time(*at)) {
                return false;
            }
            filler.is_free(*at)
                && !filler.is_anothers(*at, parameter)
                && token.looks_like_a_value()
                && parameter.fits(&Value::from(token.raw.as_str()))
        };
        // In a plan that is there, nothing is missing: only a form that says what it is takes another's place.
        if !(formatted || (parameter.required && !self.revises)) {
            return;
        }
        // Where two parameters take the same form, the one with the stricter form chooses first.
        let rival = self.entry.parameters.iter().any(|other| {
            other.name != parameter.name
                && other.required
                && other.kind == Kind::Text
                && other.element().get("format").is_some()
                && !formatted
                && self.is_open(other)
        });
        let found: Vec<usize> = (0..self.tokens.len()).filter(|at| fitting(self, at)).collect();
        if let Some(at) = found.first().copied().filter(|_| !rival) {
            self.slots.used[at] = true;
            self.slots.values.insert(parameter.name.clone(), Value::from(self.tokens[at].raw.as_str()));
        }
    }

    fn finish(mut self) -> Slots {
        let target = self.entry.target();
        self.slots.missing = self
            .entry
            .parameters
            .iter()
            .filter(|parameter| parameter.required && !self.slots.values.contains_key(&parameter.name))
            .filter(|parameter| if target == Some(&parameter.name) { self.slots.hosts.is_empty() } else { parameter.accepts.is_none() })
            .map(|parameter| parameter.name.clone())
            .collect();
        self.slots.pronoun = self.tokens.iter().any(|token| matches!(token.lower.as_str(), "them" | "those" | "these"));
        self.slots.either = self.needed_alternatives();
        self.slots.valueless = self.valueless();
        self.slots
    }
}

//! Filling by elimination: what an action can't do without, from the words that nothing else explains, and the word that stands
//! where a host would.

use std::collections::BTreeSet;

use chiffon_plans::domain::fleet::Fleet;
use serde_json::Value;

use super::super::parameter::{Kind, Parameter};
use super::super::{scope, words};
use super::Filler;

impl Filler<'_> {
    /// What the action can't do without, from the words that nothing else explains.
    pub(super) fn leftovers(&mut self) {
        let entry = self.entry;
        let needs_host = entry.target().is_some() && self.slots.hosts.is_empty();
        // What is wanted stands behind the verb: "hey folks, install htop".
        let begin = self.verbs.iter().position(|is_verb| *is_verb).unwrap_or(0);
        for parameter in entry.parameters.iter().filter(|parameter| parameter.required && parameter.kind == Kind::Text) {
            if !self.is_open(parameter) {
                continue;
            }
            let strict = !parameter.list && parameter.element().get("format").is_some();
            let candidates = (0..self.tokens.len()).filter(|at| {
                (*at >= begin || self.tokens[*at].quoted)
                    && self.is_free(*at)
                    && self.could_be_text(*at)
                    && !self.tokens[*at].is_quantity()
                    && !self.tokens[*at].assigned
                    && !self.is_core(*at)
                    && !strict
            });
            let best = candidates
                .filter(|at| parameter.fits_item(&Value::from(self.tokens[*at].raw.as_str())))
                .max_by_key(|at| (self.likelihood(*at, needs_host), std::cmp::Reverse(*at)));
            let Some(at) = best.filter(|at| self.likelihood(*at, needs_host) > 0) else { continue };
            let value = if parameter.list {
                self.list_from(parameter, at)
            } else {
                self.slots.used[at] = true;
                Some(Value::from(self.tokens[at].raw.as_str()))
            };
            if let Some(value) = value {
                self.slots.by_elimination = true;
                self.slots.values.insert(parameter.name.clone(), value);
            }
        }
    }

    /// How much a word looks like the value that the sentence is about; 0 is not at all.
    fn likelihood(&self, at: usize, needs_host: bool) -> u8 {
        let token = &self.tokens[at];
        let before = at.checked_sub(1).map_or("", |before| self.tokens[before].lower.as_str());
        let twice_before = at.checked_sub(2).map_or("", |before| self.tokens[before].lower.as_str());
        match before {
            _ if token.quoted => 4,
            // "make it blue" says how something should be, and names nothing; "call it blue" does.
            "it" | "this" | "that" | "them" if !matches!(twice_before, "call" | "name") => 0,
            "called" | "named" | "call" | "for" => 3,
            "to" | "from" | "in" | "on" | "at" if needs_host => 0,
            _ if !self.entry.vocabulary.contains(&token.stem) || self.entry.hinted.contains(&token.stem) => 2,
            _ => 1,
        }
    }

    pub(super) fn unknown_host(&mut self, prepositions: &[&str]) {
        let required = self.entry.target().is_some_and(|target| self.entry.spec.required_parameters().contains(&target));
        if !required || self.slots.unknown_host.is_some() {
            return;
        }
        for at in 1..self.tokens.len() {
            let mut before = at - 1;
            while before > 0
                && (matches!(self.tokens[before].lower.as_str(), "the" | "my" | "our" | "a") || words::is_generic(&self.tokens[before]))
            {
                before -= 1;
            }
            let token = &self.tokens[at];
            let stands_there = prepositions.contains(&self.tokens[before].lower.as_str());
            let unexplained =
                self.is_free(at) && self.could_be_text(at) && !self.is_a_time(at) && !self.entry.vocabulary.contains(&token.stem);
            if stands_there && unexplained && self.ends_its_phrase(at) {
                self.slots.unknown_host = Some(token.raw.clone());
                self.slots.used[at] = true;
                return;
            }
        }
    }

    /// "nas and nas2", where there is no nas2: a name that goes on with a list of hosts and is counted like one of them, or is one in
    /// the action's examples.
    pub(super) fn sibling_host(&mut self, fleet: &Fleet) {
        let uncounted = |name: &str| name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-' || c == '_').to_lowercase();
        let known: BTreeSet<String> = fleet.hosts().iter().map(|name| uncounted(name)).collect();
        let joins = |at: usize| matches!(self.word_before(at), "and" | "or" | "plus" | "+" | "&");
        let listed = |at: usize| {
            let joined = at.checked_sub(2).filter(|_| joins(at));
            joined.or_else(|| at.checked_sub(1).filter(|before| self.tokens[*before].comma)).is_some_and(|before| self.is_a_host(before))
        };
        let found = (1..self.tokens.len()).find(|at| {
            let name = &self.tokens[*at].lower;
            let counted = name.ends_with(|c: char| c.is_ascii_digit()) && known.contains(&uncounted(name));
            let like_a_host = counted || self.entry.example_hosts.contains(&self.tokens[*at].stem);
            self.is_free(*at) && like_a_host && !self.is_core(*at) && listed(*at)
        });
        if let Some(at) = found {
            self.slots.unknown_host = Some(self.tokens[at].raw.clone());
            self.slots.used[at] = true;
        }
    }

    fn is_a_host(&self, at: usize) -> bool {
        self.slots.used[at] && !self.tokens[at].quoted && self.slots.hosts.iter().any(|host| *host == self.tokens[at].lower)
    }

    /// The parameters of a `oneOf` or `anyOf` that asks for one of several, when none is there; those with a form first.
    pub(super) fn needed_alternatives(&self) -> Vec<String> {
        let alternatives = ["oneOf", "anyOf"].into_iter().filter_map(|key| self.entry.spec.parameters.get(key)?.as_array());
        let mut needed = Vec::new();
        for alternatives in alternatives {
            let names: Vec<&str> = alternatives.iter().filter_map(|alternative| alternative.get("required")?.get(0)?.as_str()).collect();
            if names.len() == alternatives.len() && !names.iter().any(|name| self.slots.values.contains_key(*name)) {
                needed.extend(names.into_iter().map(str::to_owned));
            }
        }
        needed.sort_by_key(|name| self.entry.parameter(name).is_none_or(|parameter| !parameter.is_distinctive()));
        needed
    }

    /// "4 GB of memory" is no port.
    fn counts_something_else(&self, parameter: &Parameter, at: usize) -> bool {
        let next = self.tokens.get(at + 1).filter(|_| !self.tokens[at].comma && !self.tokens[at].stop);
        next.is_some_and(|next| {
            let joins = ["through", "over", "between", "until", "within", "per", "behind", "across", "during", "inside"];
            let grammar = words::is_silent(next) || joins.contains(&next.lower.as_str()) || self.verbs[at + 1] || self.slots.used[at + 1];
            next.lower == "of" || (!grammar && !parameter.is_counted_by(next))
        })
    }

    /// "at 5", "on friday": when is no port and no name.
    pub(super) fn is_a_time(&self, at: usize) -> bool {
        scope::is_time(self.tokens, at)
    }

    /// "at 5", "by 6 pm".
    fn is_an_hour(&self, at: usize) -> bool {
        at.checked_sub(1).is_some_and(|before| scope::hour(self.tokens, before).is_some())
    }

    /// Whether a word ends what it belongs to: "on alpha" and "on alpha and beta", not "on the default port".
    fn ends_its_phrase(&self, at: usize) -> bool {
        let Some(next) = self.tokens.get(at + 1).filter(|_| !self.tokens[at].comma && !self.tokens[at].stop) else { return true };
        words::is_silent(next) || words::is_generic(next) || self.verbs[at + 1] || next.quoted || self.is_a_time(at + 1)
    }

    /// The only number of the sentence, for the only number of the action.
    pub(super) fn lone_number(&mut self) {
        let numbers: Vec<&Parameter> = self
            .entry
            .parameters
            .iter()
            .filter(|parameter| matches!(parameter.kind, Kind::Integer | Kind::Number) && !parameter.list)
            .collect();
        let [only] = numbers[..] else { return };
        let found: Vec<(usize, Value)> = (0..self.tokens.len())
            .filter(|at| {
                self.is_free(*at) && !self.counts_something_else(only, *at) && !self.is_anothers(*at, only) && !self.is_an_hour(*at)
            })
            .filter_map(|at| only.value_of(&self.tokens[at]).map(|value| (at, value)))
            .collect();
        if let ([(at, value)], true) = (&found[..], self.is_open(only)) {
            self.slots.used[*at] = true;
            self.slots.values.insert(only.name.clone(), value.clone());
        }
    }
}

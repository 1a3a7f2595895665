//! What is switched on, off or left out: "with its data", "without the portals", "don't start it". What widens harm is set only by
//! words that ask for it.

use serde_json::Value;

use super::super::judge::takes_away;
use super::super::parameter::{Kind, Parameter};
use super::super::scope::Scope;
use super::super::tokens::Token;
use super::super::verbs::{self, Wish};
use super::Filler;

/// Switches that are verbs, as stems.
const HARSH_VERBS: &[&str] = &["forc", "force", "purg", "wip", "overwrit", "eras", "destroy", "delet", "remov"];

/// Whether a word in a switch's name says that it keeps something.
fn is_keeping(word: &str) -> bool {
    matches!(word, "keep" | "kept" | "preserve" | "retain" | "protect" | "leave")
}

impl Filler<'_> {
    /// "without the portals", "no monitors".
    pub(super) fn refusal(&mut self, parameter: &Parameter) {
        // "remove the portals" takes them out of a plan, unless its step removes things.
        let drops = self.revises && !takes_away(self.entry);
        for at in 0..self.tokens.len() {
            let Some(taken) = parameter.named_at(self.tokens, at).filter(|_| !self.slots.used[at]) else { continue };
            let before = (0..at).rev().take(3).map(|index| &self.tokens[index]).find(|token| {
                !matches!(
                    token.lower.as_str(),
                    "the" | "our" | "my" | "any" | "its" | "existing" | "current" | "all" | "of" | "these" | "those"
                )
            });
            let refused = before.is_some_and(|token| {
                matches!(token.lower.as_str(), "without" | "no" | "minus" | "skip" | "omit" | "excluding" | "except" | "disable")
                    || (drops && matches!(token.lower.as_str(), "remove" | "drop" | "delete" | "clear" | "forget"))
            }) || (at >= 2
                && self.tokens[..at].iter().rev().take(4).any(|token| token.lower == "leave")
                && self.tokens.iter().any(|token| token.lower == "out"));
            let scope = self.tokens[at].scope;
            if !refused && scope == Scope::Open {
                continue;
            }
            if scope != Scope::Open && parameter.kind == Kind::Boolean && parameter.name.split(['_', '-']).any(is_keeping) {
                self.slots.used[at..at + taken].fill(true);
                self.slots.values.insert(parameter.name.clone(), Value::Bool(scope == Scope::Kept));
                continue;
            }
            self.slots.used[at..at + taken].fill(true);
            let never =
                parameter.enumerated().into_iter().find(|word| matches!(word.as_str(), "never" | "no" | "none" | "off" | "disabled"));
            if parameter.kind == Kind::Boolean {
                self.slots.values.insert(parameter.name.clone(), Value::Bool(false));
            } else if let Some(never) = never.filter(|_| parameter.kind == Kind::Choice && !parameter.list) {
                self.slots.values.insert(parameter.name.clone(), Value::from(never));
            } else {
                self.slots.refused.insert(parameter.name.clone());
            }
        }
    }

    pub(super) fn switch(&mut self, parameter: &Parameter, at: usize, taken: usize) {
        let said = (at + taken..self.tokens.len())
            .take(2)
            .filter(|next| self.is_free(*next) && !self.is_anothers(*next, parameter))
            .find_map(|next| parameter.value_of(&self.tokens[next]).map(|value| (next, value)));
        let asked = (0..at)
            .rev()
            .take(2)
            .any(|before| matches!(self.tokens[before].lower.as_str(), "with" | "enable" | "enabled" | "and" | "be" | "make"));
        let own = self.tokens[at..at + taken]
            .iter()
            .any(|token| self.entry.core.contains(&token.stem) || self.entry.own_verbs.contains(&token.stem));
        let value = match said {
            Some((next, value)) => {
                self.slots.used[next] = true;
                value
            }
            None if self.entry.widens(parameter) => {
                if !self.asks_for(at, taken) {
                    return;
                }
                Value::Bool(true)
            }
            None if asked || !own => Value::Bool(true),
            None => return,
        };
        self.slots.used[at..at + taken].fill(true);
        self.slots.values.insert(parameter.name.clone(), value);
    }

    /// Whether the words before or after a switch ask for it: "with its data", "and the volumes", "purge the data", "the data too".
    fn asks_for(&self, at: usize, taken: usize) -> bool {
        let asking = |token: &Token| {
            token.is_spoken()
                && (matches!(token.lower.as_str(), "with" | "including" | "include" | "plus" | "and" | "also" | "enable" | "by")
                    || verbs::wishes_of_stem(&token.stem).iter().any(|wish| matches!(wish, Wish::Remove | Wish::Clean)))
        };
        let between = |token: &Token| {
            matches!(token.lower.as_str(), "the" | "its" | "all" | "of" | "my" | "our" | "their" | "any" | "every" | "his" | "whole")
        };
        let before = self.tokens[..at].iter().rev().take(5).find(|token| !between(token)).is_some_and(asking);
        let too = self.tokens.iter().skip(at + taken).take(1).any(|token| matches!(token.lower.as_str(), "too" | "also"));
        let as_well = self.tokens.iter().skip(at + taken).take(2).map(|token| token.lower.as_str()).eq(["as", "well"]);
        // A switch that is named by its verb, such as `force` or `purge`, is asked for where nothing makes a noun of it.
        let verb = &self.tokens[at];
        let noun = at.checked_sub(1).is_some_and(|before| matches!(self.tokens[before].lower.as_str(), "the" | "a" | "an" | "of"));
        let is_verb = !noun && HARSH_VERBS.contains(&verb.stem.as_str());
        before || too || as_well || is_verb
    }
}

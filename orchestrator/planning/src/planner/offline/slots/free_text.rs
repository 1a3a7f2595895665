//! Text of several words behind the name of the parameter that takes it: "with extra hello there on web", "set the message to hi".

use serde_json::Value;

use super::super::parameter::{Kind, Parameter};
use super::super::tokens::Token;
use super::super::words::{self, BETWEEN};
use super::Filler;

/// Words that give a value rather than say where: "to", "=".
const ASSIGNING: &[&str] = &["to", "=", "->", "is", "be", "as"];
/// What stands for something that was said elsewhere, and is no text by itself.
const PRONOUNS: &[&str] = &["it", "this", "that", "these", "those", "them"];
const ARTICLES: &[&str] = &["the", "a", "an", "my", "our", "its", "their"];
/// After one of these, another thing of the action may begin.
const JOINING: &[&str] = &[
    "on", "to", "at", "in", "for", "from", "of", "with", "by", "onto", "into", "using", "via", "without", "and", "&", "+", "plus", "then",
    "but", "after", "before",
];
/// Words at a text's end that are said to the planner.
const POLITE: &[&str] = &["please", "now", "too", "also", "thanks", "instead", "again", "then", "and", "with", "thank", "you"];

fn is_between(token: &Token) -> bool {
    let word = token.lower.as_str();
    !token.quoted && BETWEEN.contains(&word) && !ARTICLES.contains(&word)
}

impl Filler<'_> {
    /// The words from a parameter's name on, up to where a place, another parameter or another wish begins.
    pub(super) fn spoken_text(&mut self, parameter: &Parameter, from: usize) -> Option<Value> {
        let start = (from..self.tokens.len()).find(|at| *at >= from + 3 || !is_between(&self.tokens[*at]))?;
        let given = self.tokens[from..start].iter().any(|token| ASSIGNING.contains(&token.lower.as_str()));
        if !self.is_free(start) || !self.begins_text(start, given) {
            return None;
        }
        let whole = self.tokens[start].quoted && !self.tokens[start].assigned;
        let end = if whole { start + 1 } else { self.end_of_text(start) };
        if self.tokens[start..end].iter().all(|token| ARTICLES.contains(&token.lower.as_str())) {
            return None;
        }
        let text = self.tokens[start..end].iter().map(|token| token.raw.as_str()).collect::<Vec<_>>().join(" ");
        let value = Value::from(text);
        parameter.fits(&value).then(|| {
            self.slots.used[start..end].fill(true);
            value
        })
    }

    fn begins_text(&self, at: usize, given: bool) -> bool {
        let token = &self.tokens[at];
        let symbol = !token.raw.is_ascii() && !token.raw.chars().any(char::is_alphanumeric);
        let word = token.lower.as_str();
        // What is only grammar in an order may well be what stands on a banner: "hi", "one".
        let grammar = JOINING.contains(&word) || POLITE.contains(&word);
        let spoken = !PRONOUNS.contains(&word) && !self.names_a_parameter(at) && (given || !grammar);
        self.could_be_text(at) || symbol || (spoken && (given || words::is_silent(token)))
    }

    fn end_of_text(&self, start: usize) -> usize {
        let mut end = start + 1;
        while end < self.tokens.len() && self.goes_on(end) {
            end += 1;
        }
        while end > start + 1 && POLITE.contains(&self.tokens[end - 1].lower.as_str()) {
            end -= 1;
        }
        // "the orders for us": words of grammar alone say nothing more of a value, unless they are all there is.
        let grammar = self.tokens[start + 1..end].iter().all(words::is_silent);
        let joined = self.tokens.get(start + 1).is_some_and(|next| JOINING.contains(&next.lower.as_str()));
        if grammar && joined { start + 1 } else { end }
    }

    fn goes_on(&self, at: usize) -> bool {
        let (before, token) = (&self.tokens[at - 1], &self.tokens[at]);
        let assigned = self.tokens.get(at + 1).is_some_and(|next| next.assigned);
        !before.comma && !before.stop && !token.quoted && !assigned && self.is_free(at) && !self.begins_something(at)
    }

    /// "on web", "and port 3002", "for the banner", "then restart": a place, a parameter, what the action is about, another wish.
    fn begins_something(&self, at: usize) -> bool {
        if self.names_a_parameter(at) {
            return true;
        }
        if !JOINING.contains(&self.tokens[at].lower.as_str()) {
            return false;
        }
        let Some(next) = (at + 1..self.tokens.len()).find(|next| !ARTICLES.contains(&self.tokens[*next].lower.as_str())) else {
            return true;
        };
        !self.is_free(next) || self.is_core(next) || self.names_a_parameter(next) || self.verbs[next]
    }

    fn names_a_parameter(&self, at: usize) -> bool {
        self.entry.parameters.iter().any(|parameter| parameter.is_named_in_full(self.tokens, at).is_some())
    }

    /// A parameter that the words name, and give no value that it can have: "with extra the", "on port no".
    pub(super) fn valueless(&self) -> Option<String> {
        let open = |parameter: &&Parameter| {
            (self.revises || !parameter.required)
                && parameter.accepts.is_none()
                && !matches!(parameter.kind, Kind::Boolean | Kind::Host | Kind::Other)
                && self.is_open(parameter)
        };
        let named = |parameter: &&Parameter| (0..self.tokens.len()).any(|at| self.is_named_for_a_value(parameter, at));
        self.entry.parameters.iter().filter(open).find(named).map(|parameter| parameter.name.clone())
    }

    /// "with extra …", "on port …", "set the port …"; not "on the default port", nor where the action itself is called so.
    fn is_named_for_a_value(&self, parameter: &Parameter, at: usize) -> bool {
        let Some(taken) = parameter.is_named_in_full(self.tokens, at) else { return false };
        let before = self.tokens[..at].iter().rev().find(|token| !ARTICLES.contains(&token.lower.as_str()));
        let gives =
            before.is_some_and(|token| matches!(token.lower.as_str(), "with" | "using" | "on" | "at" | "set" | "and" | "change" | "use"));
        gives && (at..at + taken).all(|place| self.is_free(place) && !self.is_core(place) && !self.verbs[place])
    }
}

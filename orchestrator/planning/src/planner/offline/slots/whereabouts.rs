//! Which hosts a sentence names for an action, and for which of its parameters.

use chiffon_plans::domain::fleet::Fleet;
use serde_json::Value;

use super::Filler;
use crate::planner::offline::hosts::{self, Mention};
use crate::planner::offline::parameter::Kind;

impl<'a> Filler<'a> {
    pub(super) fn hosts(&mut self, mentions: &[Mention], fleet: &Fleet) {
        let target = self.entry.target();
        let mut from: Option<String> = None;
        let places = mentions.iter().filter(|mention| !hosts::things::is_thing(self.tokens, mentions, mention, self.entry));
        for Mention { at, taken, name, negated, choices } in places.cloned() {
            if !choices.is_empty() && self.slots.ambiguous.is_none() {
                let said = self.tokens[at].raw.clone();
                self.slots.ambiguous = Some((said, choices));
            }
            self.slots.used[at..at + taken].fill(true);
            if negated {
                self.slots.hosts.retain(|host| *host != name);
                continue;
            }
            let other = self.entry.parameters.iter().find(|parameter| {
                parameter.kind == Kind::Host && target != Some(&parameter.name) && hosts::points_to(self.tokens, at, parameter)
            });
            if let Some(parameter) = other {
                let value = if parameter.list { Value::from(vec![name]) } else { Value::from(name) };
                self.slots.values.insert(parameter.name.clone(), value);
                continue;
            }
            // A direction that the action does not have: a range, or a mistake.
            match (self.word_before(at), from.take()) {
                ("from", _) => from = Some(name.clone()),
                ("to", Some(first)) if self.slots.ambiguous.is_none() && first != name => {
                    let choices = hosts::ranges::between_or_both(&first, &name, fleet);
                    self.slots.ambiguous = Some((format!("from {first} to {name}"), choices));
                }
                _ => {}
            }
            if !self.slots.hosts.contains(&name) {
                self.slots.hosts.push(name);
            }
        }
        if self.slots.hosts.is_empty() {
            self.slots.hosts.extend(hosts::in_address(self.tokens, fleet));
        }
        self.slots.hosts = hosts::without_excluded(std::mem::take(&mut self.slots.hosts), mentions, fleet);
    }

    pub(super) fn word_before(&self, at: usize) -> &'a str {
        at.checked_sub(1).and_then(|before| self.tokens.get(before)).map_or("", |token| token.lower.as_str())
    }
}

//! Which provider is asked first: as listed, or, for routine requests under the cost strategy, the cheapest. A request that could do
//! harm is never routine, however short it is.

use std::sync::Arc;

use chiffon_models::planner::provider::config::{ProviderConfig, Strategy};
use chiffon_protocol::action::Risk;

use super::PlanningInput;
use super::offline::{Index, words_of};

/// Requests up to this score are routine.
const ROUTINE: u32 = 6;
/// Of the actions nearest to the words, this many count.
const NEAREST: usize = 3;

/// Words that ask for harm in any catalogue.
const HARM: &[&str] = &[
    "delete",
    "destroy",
    "downgrade",
    "drop",
    "erase",
    "evict",
    "format",
    "kill",
    "nuke",
    "overwrite",
    "prune",
    "purge",
    "reboot",
    "reformat",
    "remove",
    "replace",
    "reset",
    "restore",
    "revoke",
    "shred",
    "shut",
    "shutdown",
    "stop",
    "terminate",
    "truncate",
    "uninstall",
    "unmount",
    "wipe",
    "zap",
    "disable",
    "force",
    "rid",
    "clean",
    "clear",
    "cancel",
    "irreversibly",
    "permanently",
    "everything",
    "data",
];

/// Whether the words, or the actions that they are nearest to, could do harm.
pub fn is_risky(input: &PlanningInput, index: &Arc<Index>) -> bool {
    let said = input.conversation.iter().filter(|turn| turn.from_user).map(|turn| turn.text.as_str());
    let texts: Vec<&str> = std::iter::once(input.text.as_str()).chain(said).collect();
    let words = |text: &str| text.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase).collect::<Vec<_>>();
    let asks_for_harm = |word: &String| HARM.iter().any(|harm| word == harm || inflected(word, harm));
    texts.iter().any(|text| words(text).iter().any(asks_for_harm))
        || input.previous.as_ref().is_some_and(|plan| plan.risk() >= Risk::High)
        || texts.iter().any(|text| nears_harm(index, text))
}

fn nears_harm(index: &Index, text: &str) -> bool {
    let found = index.search(&words_of(text), NEAREST);
    let best = found.first().map_or(0.0, |(_, score)| *score);
    found.iter().any(|(entry, score)| *score >= best / 2.0 && entry.spec.risk >= Risk::High)
}

/// "deletes", "removing", "wiped", "dropped".
fn inflected(word: &str, base: &str) -> bool {
    let stem = base.strip_suffix('e').unwrap_or(base);
    word.strip_prefix(stem).is_some_and(|ending| {
        let ending = ending.trim_start_matches(|c| stem.ends_with(c));
        matches!(ending, "e" | "s" | "es" | "d" | "ed" | "ing")
    })
}

/// How much thought a request seems to need: long, many-part and much-revised ones need more.
pub fn complexity(input: &PlanningInput) -> u32 {
    let text = input.conversation.iter().rev().find(|turn| turn.from_user).map_or(input.text.as_str(), |turn| turn.text.as_str());
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    let joining = ["and", "then", "but", "unless", "if", "except", "after", "before", "only", "instead", "when"];
    let joined = words.iter().filter(|word| joining.contains(&word.trim_matches(|c: char| !c.is_alphanumeric()))).count();
    let turns = input.conversation.iter().filter(|turn| turn.from_user).count().saturating_sub(1);
    let steps = input.previous.as_ref().map_or(0, |plan| plan.steps.len());
    u32::try_from(words.len() / 8 + 2 * joined + 2 * turns + steps).unwrap_or(u32::MAX)
}

/// The indexes of the providers in the order in which they are asked.
pub fn order(strategy: Strategy, providers: &[&ProviderConfig], input: &PlanningInput, index: &Arc<Index>) -> Vec<usize> {
    let mut order: Vec<usize> = (0..providers.len()).collect();
    if strategy == Strategy::Cost && complexity(input) <= ROUTINE && !is_risky(input, index) {
        let price = |index: &usize| providers[*index].cost(4_000_000, 1_000_000);
        order.sort_by_key(price);
    }
    order
}

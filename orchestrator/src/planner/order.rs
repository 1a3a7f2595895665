//! Which provider is asked first: as listed, or, for routine requests under the cost strategy, the cheapest.

use super::PlanningInput;
use super::provider::config::{ProviderConfig, Strategy};

/// Requests up to this score are routine.
const ROUTINE: u32 = 6;

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
pub fn order(strategy: Strategy, providers: &[&ProviderConfig], input: &PlanningInput) -> Vec<usize> {
    let mut order: Vec<usize> = (0..providers.len()).collect();
    if strategy == Strategy::Cost && complexity(input) <= ROUTINE {
        let price = |index: &usize| providers[*index].cost_usd(4.0, 1.0);
        order.sort_by(|one, other| price(one).total_cmp(&price(other)));
    }
    order
}

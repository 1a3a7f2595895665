//! A word of the inventory that is no place in its sentence but the thing that it speaks of: "deploy kuma to nas", where a machine
//! is called kuma, too.

use super::Mention;
use crate::planner::offline::index::Entry;
use crate::planner::offline::parameter::Kind;
use crate::planner::offline::scope::Scope;
use crate::planner::offline::tokens::{Token, stem};
use crate::planner::offline::words;

const WHOLE: &[&str] = &["everywhere", "everything", "everyone", "all"];

/// Whether a mention names what an action is about, or a value that it asks for, rather than where it should act. What stands behind
/// a word of place, or in a list that does, is always a place.
pub fn is_thing(tokens: &[Token], mentions: &[Mention], mention: &Mention, entry: &Entry) -> bool {
    let Some(token) = tokens.get(mention.at).filter(|_| mention.taken == 1 && !mention.negated) else { return false };
    let own = entry.core.contains(&stem(&token.lower));
    if own && stands_before_a_place(tokens, mentions, mention.at) {
        return true;
    }
    if WHOLE.contains(&token.lower.as_str()) || is_introduced(tokens, mentions, mention.at) {
        return false;
    }
    let elsewhere = || mentions.iter().any(|other| other.at != mention.at && is_introduced(tokens, mentions, other.at));
    let takes_text = || entry.parameters.iter().any(|parameter| parameter.required && parameter.kind == Kind::Text);
    own || (takes_text() && elsewhere())
}

/// "to kuma on web1".
fn stands_before_a_place(tokens: &[Token], mentions: &[Mention], at: usize) -> bool {
    let between = tokens.get(at + 1).is_some_and(|next| matches!(next.lower.as_str(), "on" | "at" | "in"));
    between && !tokens[at].comma && mentions.iter().any(|other| other.at == at + 2)
}

/// Whether a word of place stands before it, or before the list that it goes on.
fn is_introduced(tokens: &[Token], mentions: &[Mention], at: usize) -> bool {
    let article = |token: &Token| matches!(token.lower.as_str(), "the" | "my" | "our" | "your" | "group") || words::is_generic(token);
    let mut at = at;
    while let Some(before) = at.checked_sub(1) {
        let token = &tokens[before];
        if token.scope != Scope::Open {
            return true;
        }
        let previous = mentions.iter().rev().find(|mention| mention.at + mention.taken <= at);
        if let Some(previous) = previous.filter(|previous| previous.at + previous.taken == at && token.comma) {
            at = previous.at;
            continue;
        }
        match token.lower.as_str() {
            "on" | "at" | "to" | "from" | "in" | "onto" | "into" | "of" | "for" | "with" | "both" | "between" | "through" | "until"
            | "till" | "host" | "hosts" | "machine" | "machines" | "server" | "servers" | "not" | "except" | "but" => return true,
            "and" | "or" | "&" | "plus" | "then" => {
                let Some(previous) = previous.filter(|previous| previous.at + previous.taken == before) else { return false };
                at = previous.at;
            }
            _ if article(token) => at = before,
            _ => return false,
        }
    }
    false
}

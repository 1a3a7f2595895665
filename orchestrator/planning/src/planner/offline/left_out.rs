//! What a change of a plan leaves out by a name that nothing in the plan has: "use port 3002 and leave out the wiki",
//! "don't monitor jellyfin"; and what of a change found no place: "use port 3003 and the name kuma2". Both are asked about, since the
//! rest of such a change would be half of what was meant.

use chiffon_plans::domain::plan::DraftStep;

use super::index::Index;
use super::judge::Sentence;
use super::scope::Scope;
use super::tokens::Token;
use super::{slots, words};

/// The question about the first word that is left out and that nothing in the plan explains.
pub fn question(steps: &[DraftStep], index: &Index, sentence: &Sentence) -> Option<String> {
    let at = unexplained(steps, index, sentence, false).find(|at| is_left_out(&sentence.tokens, *at))?;
    Some(format!(
        "Nothing in the plan is called \"{}\", so it can't be left out alone, and nothing was changed. What the plan finds while it runs \
         can be left out only as a whole, such as \"without the portals\"; or name each that you want.",
        sentence.tokens[at].raw
    ))
}

/// The question about a change of which a part found no place: "use port 3003 and the name kuma2". `taken` are words that did.
pub fn half(steps: &[DraftStep], index: &Index, sentence: &Sentence, taken: &[bool]) -> Option<String> {
    // The word with which a clause begins says what is to be done: "play factorio instead".
    let begins = |at: usize| at == 0 || matches!(sentence.tokens[at - 1].lower.as_str(), "and" | "then" | "please");
    let at = unexplained(steps, index, sentence, true).find(|at| !begins(*at) && !taken.get(*at).is_some_and(|taken| *taken))?;
    Some(format!(
        "What is \"{}\" for? Nothing in the plan takes it, and half of the change would not be what you meant, so nothing was changed. \
         Say it with the parameter's name, or say the rest without it.",
        sentence.tokens[at].raw
    ))
}

/// Words that could be names (or, `with_values`, values) and that neither a host, a verb, a value nor the vocabulary of the plan's actions explains.
fn unexplained<'s>(steps: &[DraftStep], index: &Index, sentence: &'s Sentence, with_values: bool) -> impl Iterator<Item = usize> + 's {
    let mut explained: Vec<bool> = (0..sentence.tokens.len()).map(|at| sentence.is_host(at) || sentence.verbs[at]).collect();
    for entry in steps.iter().filter_map(|step| index.get(&step.action)) {
        let found = slots::changed(entry, &sentence.tokens, &sentence.verbs, sentence.mentions());
        for (at, token) in sentence.tokens.iter().enumerate() {
            explained[at] |= found.used[at] || entry.vocabulary.contains(&token.stem);
        }
    }
    (0..explained.len()).filter(move |at| {
        let token = &sentence.tokens[*at];
        !explained[*at] && (is_name(token) || (with_values && token.looks_like_a_value() && !words::is_silent(token)))
    })
}

fn is_name(token: &Token) -> bool {
    let grammar = words::is_silent(token) || words::is_generic(token) || words::is_never_a_value(token) || words::leaves_out(token);
    !grammar && token.raw.chars().any(char::is_alphabetic) && !matches!(token.lower.as_str(), "leave" | "out" | "don't" | "dont" | "don’t")
}

/// Whether a word is negated or excluded, or stands behind "without" or "leave out".
pub fn is_left_out(tokens: &[Token], at: usize) -> bool {
    if matches!(tokens[at].scope, Scope::Negated | Scope::Excluded) {
        return true;
    }
    let word = |at: usize| tokens[at].lower.as_str();
    let article = |before: &usize| matches!(word(*before), "the" | "a" | "our" | "my") || words::is_generic(&tokens[*before]);
    let behind = (0..at).rev().find(|before| !article(before));
    let leave_it_out = |before: usize| word(before) == "leave" && tokens.get(at + 1).is_some_and(|next| next.lower == "out");
    behind.is_some_and(|before| {
        words::leaves_out(&tokens[before]) || (word(before) == "out" && before > 0 && word(before - 1) == "leave") || leave_it_out(before)
    })
}

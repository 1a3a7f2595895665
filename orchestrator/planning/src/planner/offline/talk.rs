//! Words about a proposed plan that change nothing of it: questions, thanks, "yes", "never mind". They are answered, and the plan stands.

use chiffon_plans::domain::plan::PlanDocument;

use super::scope::{self, Mood};
use super::tokens::{Token, tokenize};
use super::words;

const YES: &[&str] = &[
    "yes",
    "y",
    "yep",
    "yeah",
    "ok",
    "okay",
    "go",
    "ahead",
    "do",
    "it",
    "approve",
    "approved",
    "lgtm",
    "sure",
    "looks",
    "good",
    "fine",
    "confirmed",
    "confirm",
    "sounds",
    "great",
    "perfect",
    "ship",
    "please",
    "run",
    "execute",
    "proceed",
    "now",
    "that",
    "this",
    "the",
    "plan",
    "i",
    "agree",
    "agreed",
    "correct",
    "right",
];
/// At least one of these makes of such words a yes.
const CONSENT: &[&str] = &[
    "yes",
    "y",
    "yep",
    "yeah",
    "ok",
    "okay",
    "go",
    "do",
    "approve",
    "approved",
    "lgtm",
    "sure",
    "good",
    "fine",
    "confirmed",
    "confirm",
    "great",
    "perfect",
    "ship",
    "proceed",
    "execute",
    "agree",
    "agreed",
    "correct",
];
const BACK: &[&str] = &[
    "undo that",
    "undo it",
    "undo",
    "never mind",
    "nevermind",
    "forget it",
    "forget that",
    "cancel that",
    "go back",
    "revert that",
    "scratch that",
    "take that back",
    "no",
    "nope",
    "no thanks",
    "cancel",
    "cancel it",
    "abort",
    "stop",
    "reject",
    "reject it",
    "don't",
];
const CHAT: &[&str] = &["thanks", "thank", "hello", "hi", "hey", "hmm", "nice", "cool", "wow", "lol"];

/// The answer to words that evidently change nothing; `None` where they may.
pub fn answer(text: &str, plan: &PlanDocument) -> Option<String> {
    let tokens = tokenize(text);
    let lower: Vec<&str> = tokens.iter().map(|token| token.lower.as_str()).collect();
    let joined = lower.join(" ");
    if BACK.iter().any(|phrase| joined == *phrase || joined.trim_end_matches(" please") == *phrase) {
        return Some(format!("The plan is as it was. {} To drop it, reject it or cancel the request.", stands(plan)));
    }
    if !lower.is_empty() && lower.iter().all(|word| YES.contains(word)) && lower.iter().any(|word| CONSENT.contains(word)) {
        return Some(format!("Words don't approve a plan: an approver does, by the plan's hash (`chiffon approve`). {}", stands(plan)));
    }
    if lower.first().is_some_and(|first| CHAT.contains(first)) && lower.len() <= 4 {
        return Some(stands(plan));
    }
    is_question(text, &tokens).then(|| format!("{} {}", explained(plan), stands(plan)))
}

/// The answer to words that were read as a change, and change nothing.
pub fn unchanged(reason: &str, plan: &PlanDocument) -> String {
    format!("{reason} {}", stands(plan))
}

/// "why?", "what does the second step do?"; not "what about web1?", nor an order said kindly.
fn is_question(text: &str, tokens: &[Token]) -> bool {
    let Some(first) = tokens.first() else { return false };
    let about = tokens.get(1).is_some_and(|next| next.lower == "about");
    let word = matches!(
        first.lower.as_str(),
        "why"
            | "what"
            | "what's"
            | "how"
            | "when"
            | "who"
            | "which"
            | "where"
            | "is"
            | "are"
            | "does"
            | "do"
            | "did"
            | "will"
            | "would"
            | "has"
    );
    if words::is_polite(tokens) || about || (first.lower == "do" && !text.trim_end().ends_with('?')) {
        return false;
    }
    word || (text.trim_end().ends_with('?') && matches!(scope::mood(tokens), Some(Mood::Doubted(_))))
}

fn explained(plan: &PlanDocument) -> String {
    let steps: Vec<String> = plan
        .steps
        .iter()
        .enumerate()
        .map(|(number, step)| {
            let after = if step.depends_on.is_empty() { String::new() } else { format!(", after {}", step.depends_on.join(", ")) };
            format!("{}. {} (action `{}`, risk {}{after})", number + 1, step.title, step.action(), step.risk.as_str())
        })
        .collect();
    let reasons = if plan.policy.reasons.is_empty() {
        String::new()
    } else {
        format!(" It needs approval because: {}.", plan.policy.reasons.join("; "))
    };
    format!("Your words were read as: {}.{reasons}", steps.join("; "))
}

fn stands(plan: &PlanDocument) -> String {
    format!("Plan {} {STANDS}", plan.revision)
}

const STANDS: &str = "stands as it was shown.";

/// Whether an answer was that the words before it changed nothing.
pub fn says_that_nothing_changed(answer: &str) -> bool {
    answer.contains(STANDS)
}

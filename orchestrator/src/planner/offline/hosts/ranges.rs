//! Ranges of hosts in words: "pi01 through pi03", "rack-a to rack-c".

use super::super::tokens::Token;
use super::Mention;
use crate::domain::catalogue::Fleet;

/// The mentions, with the hosts between the two ends of each range. Ends that make no range of the inventory become choices,
/// so that it is asked which are meant.
pub fn expanded(found: Vec<Mention>, tokens: &[Token], fleet: &Fleet) -> Vec<Mention> {
    let mut all: Vec<Mention> = Vec::with_capacity(found.len());
    for mention in found {
        let Some(first) = all.last().filter(|first| joins(first, &mention, tokens)).cloned() else {
            all.push(mention);
            continue;
        };
        match between(&first.name, &mention.name, fleet) {
            Some(names) => {
                let inner = names.into_iter().filter(|name| *name != first.name && *name != mention.name);
                let places = inner.map(|name| Mention { name, at: first.at + first.taken, taken: 1, ..mention.clone() });
                all.extend(places);
                all.push(mention);
            }
            None if says_to(&first, tokens) => all.push(mention),
            None => {
                let choices = vec![first.name.clone(), mention.name.clone()];
                all.push(Mention { choices, ..mention });
            }
        }
    }
    all
}

/// Whether a word of ranges stands between the two, and nothing else. "from nas to web1" has a direction and is none.
fn joins(first: &Mention, last: &Mention, tokens: &[Token]) -> bool {
    let end = first.at + first.taken;
    let word =
        tokens.get(end).is_some_and(|token| matches!(token.lower.as_str(), "to" | "through" | "thru" | "till" | "until" | "-" | "–"));
    let directed = first.at.checked_sub(1).and_then(|before| tokens.get(before)).is_some_and(|before| before.lower == "from");
    last.at == end + 1 && word && !directed && first.negated == last.negated
}

fn says_to(first: &Mention, tokens: &[Token]) -> bool {
    tokens.get(first.at + first.taken).is_some_and(|token| token.lower == "to")
}

/// The hosts from one to another: names that differ in one number or one last letter. `None` where they are no such names.
fn between(first: &str, last: &str, fleet: &Fleet) -> Option<Vec<String>> {
    let (one, other) = (Counted::of(first)?, Counted::of(last)?);
    if one.before != other.before || one.after != other.after || one.number > other.number {
        return None;
    }
    let mut inside: Vec<(u64, String)> = fleet
        .hosts()
        .into_iter()
        .filter_map(|name| {
            let counted = Counted::of(&name)?;
            let fits = counted.before == one.before && counted.after == one.after;
            (fits && (one.number..=other.number).contains(&counted.number)).then_some((counted.number, name.clone()))
        })
        .collect();
    inside.sort();
    (inside.len() >= 2).then(|| inside.into_iter().map(|(_, name)| name).collect())
}

/// A name with what is counted in it: the last number, or the last letter, of its first part.
struct Counted {
    before: String,
    number: u64,
    after: String,
}

impl Counted {
    fn of(name: &str) -> Option<Self> {
        let (short, domain) = name.split_once('.').unwrap_or((name, ""));
        let without = short.trim_end_matches(|c: char| c.is_ascii_digit());
        let digits = short.strip_prefix(without).unwrap_or_default();
        if let Ok(number) = digits.parse() {
            return Some(Self { before: without.to_owned(), number, after: domain.to_owned() });
        }
        let mut chars = short.chars();
        let letter = chars.next_back().filter(char::is_ascii_lowercase)?;
        let before = chars.as_str();
        // "rack-a" and "a", but not the last letter of a word.
        let apart = before.is_empty() || before.ends_with(['-', '_']);
        apart.then(|| Self { before: before.to_owned(), number: u64::from(u32::from(letter)), after: domain.to_owned() })
    }
}

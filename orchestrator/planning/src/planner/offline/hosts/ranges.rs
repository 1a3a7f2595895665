//! Several hosts in words: "pi01 through pi03", "rack-a to rack-c", "pi01..pi03", "pi02 and up", "pi01 or pi02".

use chiffon_plans::domain::fleet::Fleet;

use super::super::tokens::Token;
use super::Mention;

/// The mentions, with the hosts between the two ends of each range. Ends that make no range of the inventory become choices,
/// so that it is asked which are meant.
pub fn expanded(found: Vec<Mention>, tokens: &[Token], fleet: &Fleet) -> Vec<Mention> {
    let mut all: Vec<Mention> = Vec::with_capacity(found.len());
    for mention in found {
        let joint = all.last().map_or(Joint::None, |first| joint(first, &mention, tokens));
        let first = all.last().cloned().filter(|_| joint != Joint::None);
        let Some(first) = first else {
            all.push(open_ended(mention, tokens, fleet));
            continue;
        };
        if joint == Joint::Either {
            let choices = vec![first.name.clone(), mention.name.clone()];
            all.push(Mention { choices, ..mention });
            continue;
        }
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

/// How two names stand beside each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Joint {
    /// With anything but what the others have between them.
    None,
    /// The ends of a range.
    Range,
    /// One of them.
    Either,
}

/// What only words of ranges, or of a choice, between the two say. "from nas to web1" has a direction and is neither,
/// unless it is left out.
fn joint(first: &Mention, last: &Mention, tokens: &[Token]) -> Joint {
    let words: Vec<&str> =
        tokens.get(first.at + first.taken..last.at).unwrap_or_default().iter().map(|token| token.lower.as_str()).collect();
    let directed = first.at.checked_sub(1).and_then(|before| tokens.get(before)).is_some_and(|before| before.lower == "from");
    if first.negated != last.negated {
        return Joint::None;
    }
    match words[..] {
        ["to" | "through" | "thru" | "till" | "until" | "-" | "…"] | ["up" | "down" | "on" | "right", "to" | "until" | "through"] => {
            if directed && !first.negated {
                Joint::None
            } else {
                Joint::Range
            }
        }
        ["or"] | ["or", "maybe" | "perhaps" | "else" | "on"] if !first.negated => Joint::Either,
        _ => Joint::None,
    }
}

/// "pi02 and up": whoever says so means more than one, and it is asked which.
fn open_ended(mention: Mention, tokens: &[Token], fleet: &Fleet) -> Mention {
    let word = |ahead: usize| tokens.get(mention.at + mention.taken + ahead).map_or("", |token| token.lower.as_str());
    let further = |word: &str| {
        matches!(
            word,
            "up" | "upwards"
                | "above"
                | "onward"
                | "onwards"
                | "later"
                | "higher"
                | "following"
                | "beyond"
                | "down"
                | "below"
                | "lower"
                | "earlier"
        )
    };
    let is_open = matches!(word(0), "onward" | "onwards" | "upwards") || (matches!(word(0), "and" | "or") && further(word(1)));
    let Some(counted) = Counted::of(&mention.name).filter(|_| is_open && mention.choices.is_empty()) else { return mention };
    let alike = |name: &String| Counted::of(name).is_some_and(|other| other.before == counted.before && other.after == counted.after);
    let choices: Vec<String> = fleet.hosts().iter().filter(|name| alike(name)).cloned().collect();
    if choices.len() < 2 { mention } else { Mention { choices, ..mention } }
}

/// The two ends of a range that is written as one word: "pi01..pi03", "pi01-pi03".
pub fn ends(word: &str) -> impl Iterator<Item = (&str, &str)> {
    ["...", "..", "…", "–", "—", "-"]
        .into_iter()
        .flat_map(move |dash| word.match_indices(dash).filter_map(move |(at, _)| Some((word.get(..at)?, word.get(at + dash.len()..)?))))
}

/// The hosts between two, or these two where there are none.
pub fn between_or_both(first: &str, last: &str, fleet: &Fleet) -> Vec<String> {
    between(first, last, fleet).unwrap_or_else(|| vec![first.to_owned(), last.to_owned()])
}

fn says_to(first: &Mention, tokens: &[Token]) -> bool {
    tokens.get(first.at + first.taken).is_some_and(|token| token.lower == "to")
}

/// The hosts from one to another: names that differ in one number or one last letter. `None` where they are no such names.
pub fn between(first: &str, last: &str, fleet: &Fleet) -> Option<Vec<String>> {
    let (one, other) = (Counted::of(first)?, Counted::of(last)?);
    if one.before != other.before || one.after != other.after || one.number > other.number {
        return None;
    }
    let mut inside: Vec<(u64, String)> = fleet
        .hosts()
        .iter()
        .filter_map(|name| {
            let counted = Counted::of(name)?;
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

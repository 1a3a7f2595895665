//! What stands between a reading and a plan: words that a plan would lose, and wishes that are no orders, are asked about.

use chiffon_protocol::action::Risk;

use super::judge::{Candidate, Sentence, takes_away};
use super::scope::{self, Mood, Scope};
use super::tokens::Token;
use super::verbs::{self, Wish};
use super::words;

/// The question that this reading needs before it may be proposed.
pub fn check(candidate: &Candidate<'_>, sentence: &Sentence, mood: Option<&Mood>, asks: bool) -> Result<(), String> {
    let title = &candidate.entry.spec.title;
    let changes = candidate.entry.spec.risk != Risk::ReadOnly;
    let acts = changes || acts(sentence);
    if let Some(Mood::PutOff(said)) = mood.filter(|mood| acts && !takes_up(candidate, sentence, mood)) {
        return Err(format!(
            "\"{said}\" puts it off, and nothing can be planned for later, so nothing is planned. Ask for it when it is to be done."
        ));
    }
    if let (Some(Mood::Doubted(said)), true) = (mood, acts) {
        return Err(format!(
            "\"{said}\" does not say that it should be done, so nothing is planned. If \"{title}\" is wanted, say it as an order."
        ));
    }
    let takes = takes_away(candidate.entry);
    if asks && takes {
        return Err(format!("That is a question, and nothing is planned. If \"{title}\" is wanted, say it as an order."));
    }
    if let Some(said) = unkept(candidate, sentence, takes) {
        return Err(format!(
            "\"{title}\" has no way to honour \"{said}\", so nothing is planned. Leave that out if it may be ignored, or say what should be done instead."
        ));
    }
    if let Some(value) = lost_value(candidate, sentence).or_else(|| elsewhere(candidate, sentence)).or_else(|| listed(candidate, sentence))
    {
        return Err(format!(
            "What is `{value}` for? \"{title}\"{} Say it with the parameter's name, or leave it out.",
            open_parameters(candidate)
        ));
    }
    if let (Some(name), true) = (&candidate.slots.valueless, changes) {
        return Err(format!(
            "Which `{name}` is meant for \"{title}\"? It is named without a value that it can have. A text of several words may stand in quotes."
        ));
    }
    if let Some(said) = lost_wish(candidate, sentence) {
        return Err(format!(
            "No action was found for \"{said}\", so nothing is planned, not even \"{title}\". Leave it out, or say it in other words."
        ));
    }
    Ok(())
}

/// Whether its words ask for something to be done, whatever action they were read as: "if it is full, restart it".
fn acts(sentence: &Sentence) -> bool {
    (0..sentence.tokens.len()).any(|at| {
        let token = &sentence.tokens[at];
        let wishes = if words::is_silent(token) { Vec::new() } else { verbs::wishes_of_stem(&token.stem) };
        // Reports are run, too.
        !token.quoted && !wishes.is_empty() && !wishes.contains(&Wish::Show) && token.stem != "run"
    })
}

/// Whether a parameter took up the time that puts it off: then the action can wait by itself.
fn takes_up(candidate: &Candidate<'_>, sentence: &Sentence, mood: &Mood) -> bool {
    let Mood::PutOff(said) = mood else { return false };
    let is_said = |token: &Token| !words::is_silent(token) && said.split(' ').any(|word| word == token.raw);
    !candidate.slots.by_elimination && sentence.tokens.iter().zip(&candidate.slots.used).any(|(token, used)| *used && is_said(token))
}

/// What a person should know of a reading: what was left alone, and a word that was not used.
pub fn notes(candidate: &Candidate<'_>, sentence: &Sentence) -> Vec<String> {
    let unused: Vec<&str> =
        candidate.unexplained.iter().filter_map(|at| sentence.tokens.get(*at)).map(|token| token.raw.as_str()).collect();
    let mut notes: Vec<String> =
        scope::constraints(&sentence.tokens).into_iter().map(|said| format!("understood as not wanted: \"{said}\"")).collect();
    if !unused.is_empty() {
        notes.push(format!("not used: {}", unused.join(", ")));
    }
    notes
}

/// Words that limit the order and that no parameter and no host takes up. Where nothing is taken away, only what is left out of
/// a whole counts: the rest is not touched anyway.
fn unkept(candidate: &Candidate<'_>, sentence: &Sentence, takes: bool) -> Option<String> {
    let limits = |scope: Scope| match scope {
        Scope::Open => false,
        Scope::Excluded => true,
        Scope::Negated | Scope::Kept => takes,
    };
    let lost = |at: usize| {
        let token = &sentence.tokens[at];
        // "without deleting the data": the verb says what is refused, and its object is what has to be taken up.
        let refused = token.scope == Scope::Negated && verbs::wishes_of_stem(&token.stem).contains(&Wish::Remove);
        let grammar = refused
            || words::is_silent(token)
            || is_about_keeping(&token.stem)
            || (!token.looks_like_a_value() && words::is_generic(token));
        limits(token.scope) && !grammar && !sentence.is_host(at) && !candidate.slots.used[at]
    };
    let at = (0..sentence.tokens.len()).find(|at| lost(*at)).or_else(|| names_nothing(candidate, sentence))?;
    let scope = sentence.tokens[at].scope;
    let start = (0..=at).rev().take_while(|before| sentence.tokens[*before].scope == scope).last().unwrap_or(at);
    let said: Vec<&str> =
        sentence.tokens.iter().skip(start).take_while(|token| token.scope == scope).map(|token| token.raw.as_str()).collect();
    // "don't touch anything else" forbids nothing that the action does.
    (!said.iter().any(|word| word.eq_ignore_ascii_case("else"))).then(|| said.join(" "))
}

/// Where something is left out of a whole, in words that name none of it: "except those over there".
fn names_nothing(candidate: &Candidate<'_>, sentence: &Sentence) -> Option<usize> {
    let excluded = |at: &usize| sentence.tokens[*at].scope == Scope::Excluded;
    let mut from = 0;
    while let Some(start) = (from..sentence.tokens.len()).find(excluded) {
        let end = (start..sentence.tokens.len()).find(|at| !excluded(at)).unwrap_or(sentence.tokens.len());
        if !(start..end).any(|at| sentence.is_host(at) || candidate.slots.used[at]) {
            return Some(start);
        }
        from = end;
    }
    None
}

fn is_about_keeping(stem: &str) -> bool {
    matches!(
        stem,
        "surviv"
            | "stay"
            | "remain"
            | "unharm"
            | "other"
            | "than"
            | "apart"
            | "asid"
            | "exception"
            | "sav"
            | "keep"
            | "kept"
            | "leav"
            | "preserv"
            | "spar"
            | "retain"
            | "protect"
            | "alon"
            | "untouch"
            | "touch"
            | "intact"
            | "plac"
            | "safe"
            | "saf"
            | "avoid"
    )
}

/// A word with the look of a value that found no place.
fn lost_value(candidate: &Candidate<'_>, sentence: &Sentence) -> Option<String> {
    let unexplained = candidate.unexplained.iter().filter_map(|at| sentence.tokens.get(*at));
    unexplained.into_iter().find(|token| token.looks_like_a_value()).map(|token| token.raw.clone())
}

/// "htop on nas and curl on web1": what stands between two places and was not taken up belongs to the second, and would be lost.
/// What the action is about may be said again ("kuma on nas and kuma on web1") where nothing is changed or a list goes on.
fn elsewhere(candidate: &Candidate<'_>, sentence: &Sentence) -> Option<String> {
    let tokens = &sentence.tokens;
    let is_place = |at: usize| sentence.is_place(at, candidate.entry) && tokens[at].scope == Scope::Open;
    let first = (0..tokens.len()).find(|at| is_place(*at))?;
    let last = (0..tokens.len()).rev().find(|at| is_place(*at))?;
    let changes = candidate.entry.spec.risk != Risk::ReadOnly;
    let joined = |at: usize| tokens[at - 1].comma || matches!(tokens[at - 1].lower.as_str(), "and" | "plus" | "+" | "&");
    (first + 1..last)
        .find(|at| {
            let token = &tokens[*at];
            let said_again = candidate.entry.core.contains(&token.stem) && (!changes || joined(*at) || !joins_places(tokens, *at));
            token.is_spoken()
                && !candidate.slots.used[*at]
                && !sentence.is_place(*at, candidate.entry)
                && !sentence.verbs[*at]
                && !words::is_silent(token)
                && !words::is_generic(token)
                && !said_again
        })
        .map(|at| tokens[at].raw.clone())
}

/// "of nas to kuma on web1": it stands behind a word of place.
fn joins_places(tokens: &[Token], at: usize) -> bool {
    let before = tokens[..at].iter().rev().find(|token| !matches!(token.lower.as_str(), "the" | "my" | "our"));
    before.is_some_and(|token| matches!(token.lower.as_str(), "to" | "into" | "onto" | "from"))
}

/// "orders and customers", "nas and grafana": a word that goes on with a list of values or places, and that nothing took up.
fn listed(candidate: &Candidate<'_>, sentence: &Sentence) -> Option<String> {
    let tokens = &sentence.tokens;
    let goes_on = |at: usize| {
        let joined = |before: usize| matches!(tokens[before].lower.as_str(), "and" | "or" | "plus" | "+" | "&");
        let value = |before: usize| candidate.slots.used[before] && !sentence.is_host(before);
        let place = |before: usize| sentence.is_place(before, candidate.entry);
        (at >= 2 && joined(at - 1) && (value(at - 2) || place(at - 2))) || (at >= 1 && tokens[at - 1].comma && value(at - 1))
    };
    candidate.unexplained.iter().find(|at| goes_on(**at)).map(|at| tokens[*at].raw.clone())
}

fn open_parameters(candidate: &Candidate<'_>) -> String {
    let open: Vec<String> = candidate
        .entry
        .parameters
        .iter()
        .filter(|parameter| candidate.entry.target() != Some(&parameter.name) && !candidate.slots.values.contains_key(&parameter.name))
        .map(|parameter| format!("`{}`", parameter.name))
        .collect();
    if open.is_empty() { " takes nothing more.".to_owned() } else { format!(" could take {}.", open.join(", ")) }
}

/// A verb with its object that the action explains nothing of: another wish, which a plan would lose.
fn lost_wish(candidate: &Candidate<'_>, sentence: &Sentence) -> Option<String> {
    let tokens = &sentence.tokens;
    let first = tokens.first()?.part;
    let last = tokens.last()?.part;
    for part in first..=last {
        let places: Vec<usize> = (0..tokens.len()).filter(|at| tokens[*at].part == part).collect();
        let verb = places.iter().any(|at| sentence.verbs[*at]);
        // "install htop and reboot nas": another verb, whose only object is a host.
        let foreign = part > first
            && places.iter().any(|at| {
                let wishes = verbs::wishes_of_stem(&tokens[*at].stem);
                let open = sentence.verbs[*at] && tokens[*at].is_spoken() && !words::is_silent(&tokens[*at]) && !wishes.is_empty();
                open && !candidate.entry.own_verbs.contains(&tokens[*at].stem)
                    && !wishes.iter().any(|wish| candidate.entry.wishes.contains(wish))
            });
        let explained = places.iter().any(|at| {
            tokens[*at].is_spoken()
                && !sentence.is_host(*at)
                && (candidate.slots.used[*at] || candidate.entry.core.contains(&tokens[*at].stem))
        });
        if verb && !explained && (foreign || places.iter().any(|at| candidate.unexplained.contains(at))) {
            return Some(places.iter().map(|at| tokens[*at].raw.as_str()).collect::<Vec<_>>().join(" "));
        }
    }
    joined(candidate, sentence)
}

/// "… and email the report": two unexplained words after a joining one.
fn joined(candidate: &Candidate<'_>, sentence: &Sentence) -> Option<String> {
    let tokens = &sentence.tokens;
    (1..tokens.len()).find_map(|at| {
        let joins = tokens[at - 1].comma || matches!(tokens[at - 1].lower.as_str(), "and" | "then" | "also" | "afterwards");
        let object = (at + 1..tokens.len()).find(|next| !words::is_silent(&tokens[*next]))?;
        let lost = candidate.unexplained.contains(&at) && (candidate.unexplained.contains(&object) || sentence.verbs[object]);
        (joins && lost).then(|| {
            tokens[at..]
                .iter()
                .take_while(|token| token.part == tokens[at].part)
                .map(|token| token.raw.as_str())
                .collect::<Vec<_>>()
                .join(" ")
        })
    })
}

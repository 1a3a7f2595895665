//! Reading what people answer: a value, a host, one of the choices, or that a word may be left out.

use super::index::Index;
use super::tokens::{Token, tokenize};
use super::{hosts, scope};
use crate::planner::{PlanningInput, Turn};

/// The first request with everything answered since, as one text. An answer to a question about one parameter
/// becomes "parameter answer", so that a bare "8080" is understood.
pub fn as_one_request(index: &Index, input: &PlanningInput) -> String {
    let mut text = String::new();
    let mut asked: Option<&str> = None;
    let turns = input.conversation.iter().filter(|turn| !turn.text.trim().is_empty());
    for turn in turns {
        if !turn.from_user {
            asked = Some(&turn.text);
            continue;
        }
        let question = asked.take();
        if let Some(left) = question.and_then(|question| without_what_was_asked(question, &turn.text, &text)) {
            text = left;
            continue;
        }
        let parameter = question.and_then(|question| asked_parameter(index, question));
        if question.is_some() && parameter.is_none() && says_nothing(&turn.text) {
            continue;
        }
        let chosen = question.and_then(|question| offered(question, &turn.text));
        let answer = chosen.as_deref().unwrap_or_else(|| turn.text.trim());
        let only_hosts = hosts::is_only_hosts(&tokenize(answer), &input.fleet);
        if !text.is_empty() {
            text.push(' ');
        }
        match parameter {
            Some(name) if !only_hosts => text.extend([name, " ", answer]),
            _ if only_hosts && !text.is_empty() => text.extend(["on ", hosts::without_excuse(answer).trim_start_matches("on ")]),
            _ => text.push_str(answer),
        }
    }
    if text.is_empty() { input.text.clone() } else { text }
}

/// The last answer, where it may be a request by itself: it, or the example that it picks. `None` where earlier words limit what is
/// wanted, since they would be forgotten.
pub fn alone(index: &Index, input: &PlanningInput) -> Option<String> {
    let said: Vec<&str> = input.conversation.iter().filter(|turn| turn.from_user).map(|turn| turn.text.as_str()).collect();
    let (last, earlier) = said.split_last().filter(|(_, earlier)| !earlier.is_empty())?;
    let limits = |text: &&str| {
        let mut tokens = tokenize(text);
        scope::mark(&mut tokens, |verb| index.is_verb(verb));
        !scope::constraints(&tokens).is_empty()
    };
    if earlier.iter().any(limits) {
        return None;
    }
    let question = input.conversation.iter().rev().find(|turn| !turn.from_user);
    let picked = question.and_then(|question| offered(&question.text, last));
    let said = picked.unwrap_or_else(|| (*last).to_owned());
    Some(said.trim_start_matches("I meant").trim_start_matches(':').trim().to_owned())
}

/// A bare yes or no: no answer to a question that is about no parameter.
fn says_nothing(answer: &str) -> bool {
    let words = tokenize(answer);
    let bare = ["y", "n", "yes", "no", "hmm", "hm", "ok", "okay", "yep", "nope", "yeah"];
    !words.is_empty() && words.iter().all(|word| bare.contains(&word.lower.as_str()))
}

/// What the person said last. Where that only agrees to leave out what was asked about, what they said before, without it.
pub fn last_words(input: &PlanningInput) -> String {
    let said = || input.conversation.iter().enumerate().rev().filter(|(_, turn)| turn.from_user);
    let Some((at, last)) = said().next() else { return input.text.clone() };
    let question = at.checked_sub(1).and_then(|before| input.conversation.get(before)).filter(|turn: &&Turn| !turn.from_user);
    let before = said().nth(1).map(|(_, turn)| turn.text.as_str());
    let left = question.zip(before).and_then(|(question, before)| without_what_was_asked(&question.text, &last.text, before));
    left.unwrap_or_else(|| last.text.clone())
}

/// The parameter that a question names first.
fn asked_parameter<'a>(index: &Index, question: &'a str) -> Option<&'a str> {
    let name = question.split('`').nth(1)?;
    index.iter().any(|entry| entry.parameter(name).is_some()).then_some(name)
}

/// The one of the offered choices that an answer means: "the second one", or "2" where actions are offered.
fn offered(question: &str, answer: &str) -> Option<String> {
    let words = tokenize(answer);
    if let Some((_, list)) = question.split_once("Which of these is meant: ") {
        let choices: Vec<&str> = list.split("; ").filter_map(|choice| Some(choice.split_once(" (")?.0)).collect();
        return chosen(&choices, &words, true);
    }
    if let Some((_, list)) = question.split_once("you could ask: ") {
        let choices: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
        return chosen(&choices, &words, true);
    }
    let (_, list) = question.split_once("There are: ")?;
    let list = list.split_once(". ").map_or(list, |(list, _)| list);
    chosen(&list.trim_end_matches('.').split(", ").collect::<Vec<_>>(), &words, false)
}

fn chosen(choices: &[&str], words: &[Token], by_number: bool) -> Option<String> {
    let ordinals = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"];
    let number = words.iter().find_map(|word| match word.lower.as_str() {
        "last" => choices.len().checked_sub(1),
        "former" => Some(0),
        "latter" => (choices.len() == 2).then_some(1),
        word => {
            let counted = || word.parse::<usize>().ok().and_then(|number| number.checked_sub(1)).filter(|_| by_number);
            ordinals.iter().position(|ordinal| *ordinal == word).or_else(counted)
        }
    })?;
    choices.get(number).map(|choice| (*choice).to_owned())
}

/// A text without the word or the words that a question was about, where the answer is to leave them out.
fn without_what_was_asked(question: &str, answer: &str, text: &str) -> Option<String> {
    let put_off = question.contains("\" puts it off, ");
    let asked = ["What is `", "What is \"", "No action was found for \"", "has no way to honour \""].into_iter().find_map(|opening| {
        let (_, rest) = question.split_once(opening)?;
        rest.split_once(if opening.ends_with('`') { '`' } else { '"' }).map(|(asked, _)| asked)
    });
    let asked = asked.or_else(|| question.split('"').nth(1).filter(|_| put_off))?;
    let words: Vec<String> = tokenize(answer).into_iter().map(|token| token.lower).collect();
    let said = words.join(" ");
    let said = said.trim_start_matches("please ").trim_end_matches(" please").trim_start_matches("just ");
    let leaves = [
        "leave it out",
        "leave that out",
        "leave out",
        "without it",
        "without that",
        "without",
        "drop it",
        "drop that",
        "skip it",
        "skip that",
        "skip",
        "ignore it",
        "ignore that",
        "ignore",
        "omit it",
        "remove it",
        "nothing",
        "for nothing",
        "it may be ignored",
    ];
    let now = ["now", "do it now", "right now", "now then", "at once", "immediately", "yes now", "ok now", "then now"];
    let named = [format!("leave {} out", asked.to_lowercase()), format!("leave out {}", asked.to_lowercase())];
    let agrees = leaves.contains(&said) || (put_off && now.contains(&said)) || named.iter().any(|named| said == named);
    if !agrees {
        return None;
    }
    let at = text.rfind(asked)?;
    let (before, behind) = (text.get(..at)?, text.get(at + asked.len()..)?);
    // "and grafana", "with blub=3": the words that led to it go with it.
    let before = before.trim_end();
    let before = ["and", "with", ",", "plus", "&"].into_iter().find_map(|joining| before.strip_suffix(joining)).unwrap_or(before);
    let before = match before.strip_suffix('=') {
        Some(named) => named.rsplit_once(char::is_whitespace).map_or("", |(before, _)| before),
        None => before,
    };
    Some(format!("{} {}", before.trim_end(), behind.trim_start()).trim().to_owned())
}

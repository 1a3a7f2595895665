//! Changes in words to a plan that is there: "use port 3002", "not on nas, on web1", "without the portals",
//! "also install curl", "drop the second step".

use chiffon_plans::domain::plan::{DraftStep, PlanDocument};
use chiffon_plans::domain::reference::references;
use serde_json::{Map, Value};

use super::chain::{Builder, set_target, title};
use super::hosts::{self, Mention};
use super::index::Index;
use super::judge::{self, Sentence};
use super::slots::{self, Slots};
use super::tokens::{Token, tokenize};
use super::{Outcome, answers, budget, left_out, move_hosts, replies, scope, swap, talk, words};
use crate::planner::{PlanningInput, Turn};

/// The plan with the change that the last turn asks for.
pub fn revise(index: &Index, input: &PlanningInput, previous: &PlanDocument) -> Outcome {
    let text = replies::last_words(input);
    let text = text.as_str();
    let tokens = tokenize(text);
    if let Err(problem) = budget::words(tokens.len()) {
        return Outcome::Cannot(problem);
    }
    let mut tokens = tokens;
    scope::mark(&mut tokens, |verb| index.is_verb(verb));
    if scope::mood(&tokens).is_some() {
        return Outcome::Ask(not_understood(text));
    }
    let sentence = Sentence::new(tokens, index, &input.fleet);
    let mut builder = Builder::new(index, &input.fleet);
    builder.steps = previous.as_drafted();
    let before = builder.steps.clone();
    let outcome = change(&mut builder, index, input, previous, &sentence, text);
    if let Err(outcome) = outcome {
        return outcome;
    }
    drop_unread(&mut builder.steps, &before, index);
    if builder.steps.is_empty() {
        return Outcome::Ask("Nothing would be left of the plan. Reject it, or say what should be done instead.".to_owned());
    }
    if builder.steps == before {
        return Outcome::Ask(not_understood(text));
    }
    builder.notes.extend(said_before(input, index, &sentence));
    Outcome::Plan(builder.draft())
}

/// What earlier words did not want, so that a change does not make it forgotten, and whether this change goes against it.
fn said_before(input: &PlanningInput, index: &Index, change: &Sentence) -> Vec<String> {
    let answers = input.conversation.iter().skip(1).map(Some).chain(std::iter::once(None));
    // Words that changed nothing are no part of what is planned.
    let counts = |answer: Option<&Turn>| !answer.is_some_and(|turn| !turn.from_user && talk::says_that_nothing_changed(&turn.text));
    let turns = input.conversation.iter().zip(answers).filter(|(turn, answer)| turn.from_user && counts(*answer));
    let turns: Vec<&str> = turns.map(|(turn, _)| turn.text.as_str()).collect();
    let mut notes: Vec<String> = Vec::new();
    for (number, text) in turns.iter().enumerate() {
        let mut tokens = tokenize(text);
        scope::mark(&mut tokens, |verb| index.is_verb(verb));
        for said in scope::constraints(&tokens) {
            let content = tokenize(&said).into_iter().filter(|token| !words::is_silent(token) && !words::is_generic(token));
            let mut content = content.filter(|token| !scope::is_a_cue(token));
            let is_now = number + 1 == turns.len();
            let against = !is_now && content.any(|token| change.tokens.iter().any(|new| new.is_spoken() && new.stem == token.stem));
            let note = if against {
                format!("this change takes up what was not wanted before: \"{said}\"")
            } else {
                format!("understood as not wanted: \"{said}\"")
            };
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
    }
    notes
}

fn not_understood(text: &str) -> String {
    format!(
        "\"{}\" changes nothing in the plan that I can see. Name the parameter or the host and its new value, such as \"use port 3002\" or \"on web1 instead\".",
        text.trim()
    )
}

fn change(
    builder: &mut Builder<'_>,
    index: &Index,
    input: &PlanningInput,
    previous: &PlanDocument,
    sentence: &Sentence,
    text: &str,
) -> Result<(), Outcome> {
    if let Some(number) = dropped_step(&sentence.tokens, &builder.steps) {
        drop_step(&mut builder.steps, number);
        return Ok(());
    }
    let swapped = swap::apply(&mut builder.steps, index, sentence, previous).map_err(Outcome::Ask)?;
    if swapped.contains(&true) {
        return left_out::half(&builder.steps, index, sentence, &swapped).map_or(Ok(()), |question| Err(Outcome::Ask(question)));
    }
    let mut mentions = if names_something(&sentence.tokens) { Vec::new() } else { sentence.mentions().to_vec() };
    for mention in &mut mentions {
        mention.negated |= left_out::is_left_out(&sentence.tokens, mention.at);
    }
    if let Some(mention) = mentions.iter().find(|mention| !mention.choices.is_empty() && !mention.negated) {
        let said = sentence.tokens.get(mention.at).map_or(mention.name.as_str(), |token| token.raw.as_str());
        return Err(Outcome::Ask(answers::ask_which_host(said, &mention.choices)));
    }
    let adds = sentence.tokens.iter().any(|token| matches!(token.lower.as_str(), "also" | "additionally" | "too" | "plus"));
    if adds && !hosts::is_only_hosts(&sentence.tokens, &input.fleet) && added(builder, index, input, sentence, text) {
        return Ok(());
    }
    if is_new_wish(builder, index, input, sentence) && added(builder, index, input, sentence, text) {
        return Ok(());
    }
    if let Some(question) = left_out::question(&builder.steps, index, sentence) {
        return Err(Outcome::Ask(question));
    }
    let changed = change_parameters(builder, index, sentence, adds || opens_with_more(&sentence.tokens))?;
    let moved = !mentions.is_empty() && move_to(builder, index, input, &mentions, adds);
    if changed || moved {
        return left_out::half(&builder.steps, index, sentence, &[]).map_or(Ok(()), |question| Err(Outcome::Ask(question)));
    }
    let new_wish = judge::candidates(index, sentence, &input.fleet).first().is_some_and(|best| best.accepted);
    if new_wish && !words::forbids(&sentence.tokens) { add(builder, index, input, sentence, text) } else { Ok(()) }
}

/// "call it web1": a name is given, which no host of the inventory can be.
fn names_something(tokens: &[Token]) -> bool {
    tokens.iter().any(|token| !token.quoted && matches!(token.lower.as_str(), "call" | "called" | "name" | "named" | "rename"))
}

/// "and …", "add …": what is there stays.
fn opens_with_more(tokens: &[Token]) -> bool {
    tokens.first().is_some_and(|first| !first.quoted && matches!(first.lower.as_str(), "and" | "add" | "append" | "include"))
}

/// Whether an action that is not in the plan explains more of the words than the parameters that are.
fn is_new_wish(builder: &Builder<'_>, index: &Index, input: &PlanningInput, sentence: &Sentence) -> bool {
    let candidates = judge::candidates(index, sentence, &input.fleet);
    let Some(best) = candidates.first().filter(|best| best.accepted && best.slots.missing.is_empty()) else { return false };
    if builder.steps.iter().any(|step| step.action == best.entry.spec.name) {
        return false;
    }
    let mut explained: Vec<bool> = sentence
        .tokens
        .iter()
        .enumerate()
        .map(|(at, token)| words::is_silent(token) || words::is_generic(token) || sentence.verbs[at])
        .collect();
    for mention in hosts::mentions(&sentence.tokens, &input.fleet) {
        explained[mention.at..mention.at + mention.taken].fill(true);
    }
    for entry in builder.steps.iter().filter_map(|step| index.get(&step.action)) {
        let found = slots::named(entry, &sentence.tokens, &sentence.verbs);
        for (at, token) in sentence.tokens.iter().enumerate() {
            explained[at] |= found.used[at] || entry.core.contains(&token.stem);
        }
    }
    explained.iter().filter(|explained| !**explained).count() > best.unexplained.len()
}

/// The step that "drop the second step" means.
fn dropped_step(tokens: &[Token], steps: &[DraftStep]) -> Option<usize> {
    let drops = tokens
        .iter()
        .any(|token| matches!(token.lower.as_str(), "drop" | "remove" | "skip" | "delete" | "omit" | "without" | "leave" | "cancel"));
    let ordinals = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "last"];
    let counted = |at: usize| tokens[at].lower == "one" && at > 0 && ordinals.contains(&tokens[at - 1].lower.as_str());
    let at = (0..tokens.len()).find(|at| tokens[*at].stem == "step" || counted(*at))?;
    if !drops {
        return None;
    }
    let near = || tokens[at.saturating_sub(3)..].iter().filter(|token| token.stem != "step");
    let by_number = near().find_map(|token| {
        let ordinal = ordinals.iter().position(|ordinal| *ordinal == token.lower && *ordinal != "last");
        let counted =
            token.lower.trim_end_matches(|c: char| c.is_ascii_alphabetic()).parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        ordinal.or(counted).or_else(|| (token.lower == "last").then(|| steps.len().saturating_sub(1)))
    });
    let by_name = || {
        steps
            .iter()
            .position(|step| near().any(|token| token.lower == step.step_id || step.action.split('_').any(|word| word == token.lower)))
    };
    by_number.or_else(by_name).filter(|number| *number < steps.len())
}

/// Takes a step out; parameters that refer to it go back to their defaults.
fn drop_step(steps: &mut Vec<DraftStep>, number: usize) {
    let dropped = steps.remove(number).step_id;
    for step in steps {
        step.depends_on.retain(|on| *on != dropped);
        step.parameters.retain(|_, value| !refers_to(value, &dropped));
    }
}

fn refers_to(value: &Value, step_id: &str) -> bool {
    references(value).unwrap_or_default().iter().any(|reference| reference.step_id == step_id)
}

/// Read-only steps whose outputs were read before, and are not any more, go too.
fn drop_unread(steps: &mut Vec<DraftStep>, before: &[DraftStep], index: &Index) {
    let read = |steps: &[DraftStep], id: &str| steps.iter().any(|step| step.parameters.values().any(|value| refers_to(value, id)));
    let idle: Vec<String> = steps
        .iter()
        .filter(|step| index.get(&step.action).is_some_and(|entry| entry.spec.risk == chiffon_protocol::action::Risk::ReadOnly))
        .filter(|step| read(before, &step.step_id) && !read(steps, &step.step_id))
        .map(|step| step.step_id.clone())
        .collect();
    steps.retain(|step| !idle.contains(&step.step_id));
    for step in steps {
        step.depends_on.retain(|on| !idle.contains(on));
    }
}

/// Applies what the words name in each step's parameters; whether anything changed.
/// With `adds`, lists grow.
fn change_parameters(builder: &mut Builder<'_>, index: &Index, sentence: &Sentence, adds: bool) -> Result<bool, Outcome> {
    let mut changed = false;
    let mut at = 0;
    while at < builder.steps.len() {
        let step = builder.steps[at].clone();
        at += 1;
        let Some(entry) = index.get(&step.action) else { continue };
        let found = slots::changed(entry, &sentence.tokens, &sentence.verbs, sentence.mentions());
        if let Some(name) = &found.valueless {
            return Err(Outcome::Ask(answers::ask_for(entry, std::slice::from_ref(name), builder.fleet())));
        }
        let mut parameters = step.parameters.clone();
        parameters.retain(|name, _| !found.refused.contains(name));
        for (name, value) in &found.values {
            set(&mut parameters, name, value, adds);
        }
        forget_default_lists(&mut parameters, &found);
        let hosts = entry.spec.hosts_in(&parameters);
        let count = builder.steps.len();
        builder.connect(entry, &mut parameters, &hosts, &found)?;
        // A step that was added for this one's sake stands before it.
        let added = builder.steps.len() - count;
        builder.steps[at - 1..].rotate_right(added);
        at += added;
        changed |= parameters != step.parameters;
        builder.steps[at - 1].parameters = parameters;
    }
    Ok(changed)
}

/// Sets a value; with `adds`, a list takes up what it does not have yet.
fn set(parameters: &mut Map<String, Value>, name: &str, value: &Value, adds: bool) {
    match (parameters.get_mut(name), value) {
        (Some(Value::Array(there)), Value::Array(more)) if adds => {
            let new: Vec<Value> = more.iter().filter(|item| !there.contains(item)).cloned().collect();
            there.extend(new);
        }
        _ => {
            parameters.insert(name.to_owned(), value.clone());
        }
    }
}

/// "with our portals" where the plan has an empty list by default: the list makes room for what is found.
fn forget_default_lists(parameters: &mut Map<String, Value>, found: &Slots) {
    parameters.retain(|name, value| {
        !(found.wanted.contains(name) && !found.values.contains_key(name) && value.as_array().is_some_and(Vec::is_empty))
    });
}

fn move_to(builder: &mut Builder<'_>, index: &Index, input: &PlanningInput, mentions: &[Mention], adds: bool) -> bool {
    let (negated, wanted): (Vec<&Mention>, Vec<&Mention>) = mentions.iter().partition(|mention| mention.negated);
    let names =
        |mentions: &[&Mention]| hosts::one_by_one(&mentions.iter().map(|mention| mention.name.clone()).collect::<Vec<_>>(), &input.fleet);
    let (left, entered) = (names(&negated), names(&wanted));
    let before = builder.steps.clone();
    move_hosts::apply(&mut builder.steps, index, &left, &entered, adds);
    for step in &mut builder.steps {
        if let Some(entry) = index.get(&step.action) {
            step.title = title(entry, &entry.spec.hosts_in(&step.parameters));
        }
    }
    builder.steps != before
}

/// [`add`], or nothing at all.
fn added(builder: &mut Builder<'_>, index: &Index, input: &PlanningInput, sentence: &Sentence, text: &str) -> bool {
    let (steps, notes) = (builder.steps.clone(), builder.notes.clone());
    let added = add(builder, index, input, sentence, text).is_ok() && builder.steps != steps;
    if !added {
        (builder.steps, builder.notes) = (steps, notes);
    }
    added
}

/// "also install curl": into the list of a step that is there, else as new steps.
fn add(builder: &mut Builder<'_>, index: &Index, input: &PlanningInput, sentence: &Sentence, text: &str) -> Result<(), Outcome> {
    let usual: Vec<String> = builder
        .steps
        .iter()
        .filter_map(|step| Some(index.get(&step.action)?.spec.hosts_in(&step.parameters)))
        .find(|hosts| !hosts.is_empty())
        .unwrap_or_default();
    let candidates = judge::candidates(index, sentence, &input.fleet);
    let best = candidates.first().filter(|best| best.accepted);
    let same = best.and_then(|best| {
        let fits = |step: &&mut DraftStep| {
            step.action == best.entry.spec.name
                && (best.slots.hosts.is_empty() || best.entry.spec.hosts_in(&step.parameters) == best.slots.hosts)
        };
        Some((best, builder.steps.iter_mut().find(fits)?))
    });
    let replaces = sentence.tokens.iter().any(|token| token.lower == "instead");
    if let Some((best, step)) = same {
        for (name, value) in &best.slots.values {
            // What stands there is not replaced by what a request of its own would have guessed.
            if value.is_array() || !step.parameters.contains_key(name) {
                set(&mut step.parameters, name, value, !replaces);
            }
        }
        set_target(best.entry, &mut step.parameters, &best.slots.hosts);
        return Ok(());
    }
    builder.add_request(text, &usual)
}

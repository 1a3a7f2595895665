//! From a request to a draft: an action for each wish, a step for each host, and steps chained where one takes what
//! another provides.

use std::collections::BTreeSet;

use chiffon_plans::domain::fleet::Fleet;
use chiffon_plans::domain::plan::{Draft, DraftStep};
use chiffon_protocol::action::Risk;
use chiffon_protocol::{ActionSpec, ErrorCode, Problem};
use serde_json::{Map, Value};

use super::clauses::{self, Clause};
use super::hosts::one_by_one;
use super::index::{Entry, Index};
use super::judge::{self, Candidate, Sentence};
use super::scope::{self, Mood};
use super::slots::Slots;
use super::{Outcome, answers, budget, misread, tokens, words};
use crate::planner::PlanningInput;

/// A draft under construction.
#[derive(Debug)]
pub struct Builder<'a> {
    index: &'a Index,
    fleet: &'a Fleet,
    /// The steps so far.
    pub steps: Vec<DraftStep>,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// Plans a request from the beginning.
pub fn plan(index: &Index, text: &str, input: &PlanningInput) -> Outcome {
    let mut builder = Builder::new(index, &input.fleet);
    match builder.add_request(text, &[]) {
        Ok(()) => Outcome::Plan(builder.draft()),
        Err(outcome) => outcome,
    }
}

impl<'a> Builder<'a> {
    /// A draft without steps.
    pub fn new(index: &'a Index, fleet: &'a Fleet) -> Self {
        Self { index, fleet, steps: Vec::new(), notes: Vec::new() }
    }

    /// The hosts that there are.
    pub fn fleet(&self) -> &'a Fleet {
        self.fleet
    }

    /// The draft.
    pub fn draft(self) -> Draft {
        let titles: Vec<&str> = self.steps.iter().map(|step| step.title.as_str()).collect();
        Draft { summary: titles.join("; "), steps: self.steps, notes: self.notes }
    }

    /// Adds the steps that a text asks for. `usual_hosts` are meant where it names none.
    pub fn add_request(&mut self, text: &str, usual_hosts: &[String]) -> Result<(), Outcome> {
        let mut tokens = tokens::tokenize(text);
        budget::words(tokens.len()).map_err(Outcome::Cannot)?;
        scope::mark(&mut tokens, |verb| self.index.is_verb(verb));
        let mood = scope::mood(&tokens);
        if let Some(Mood::Refused(said)) = &mood {
            let message = format!("\"{said}\" asks for something not to be done, and nothing is being done; say what should be done");
            return Err(Outcome::Cannot(Problem::new(ErrorCode::CannotPlan, message)));
        }
        if scope::constraints(&tokens).is_empty() && !scope::leaves_an_order(&tokens) {
            return Err(Outcome::Cannot(answers::cannot(text, &[], self.index, self.fleet)));
        }
        if !scope::leaves_an_order(&tokens) {
            let message = "this asks for something not to be done, and nothing is being done; say what should be done";
            return Err(Outcome::Cannot(Problem::new(ErrorCode::CannotPlan, message)));
        }
        let asks = text.trim_end().ends_with('?') && !words::is_polite(&tokens);
        let clauses = clauses::clauses(&tokens, self.index, self.fleet).map_err(Outcome::Cannot)?;
        if clauses.is_empty() {
            return Err(Outcome::Cannot(answers::cannot(text, &[], self.index, self.fleet)));
        }
        let read: Vec<(Sentence, bool)> =
            clauses.into_iter().map(|Clause { tokens, after }| (Sentence::new(tokens, self.index, self.fleet), after)).collect();
        let mut chosen = Vec::new();
        for (sentence, after) in &read {
            let candidate = self.choose(text, sentence)?;
            misread::check(&candidate, sentence, mood.as_ref(), asks).map_err(Outcome::Ask)?;
            chosen.push((candidate, *after));
        }
        let named: Vec<Vec<String>> = chosen.iter().map(|(candidate, _)| candidate.slots.hosts.clone()).collect();
        let mut before: Vec<String> = Vec::new();
        for (number, (mut candidate, after)) in chosen.into_iter().enumerate() {
            self.settle_hosts(&mut candidate, number, &named, usual_hosts);
            if let Some(said) = read.get(number).and_then(|(sentence, _)| self.left_out(&candidate, sentence)) {
                return Err(Outcome::Ask(format!(
                    "`{said}` is to be left out, and no other host is named. On which host should it be done?"
                )));
            }
            if !candidate.slots.missing.is_empty() {
                return Err(Outcome::Ask(answers::ask_for(candidate.entry, &candidate.slots.missing, self.fleet)));
            }
            if !candidate.slots.either.is_empty() {
                return Err(Outcome::Ask(answers::ask_either(candidate.entry, &candidate.slots.either)));
            }
            let after = if after { std::mem::take(&mut before) } else { Vec::new() };
            before = self.add(&candidate, &after)?;
            if let Some((sentence, _)) = read.get(number) {
                self.notes.extend(misread::notes(&candidate, sentence));
            }
        }
        Ok(())
    }

    fn choose(&self, text: &str, sentence: &Sentence) -> Result<Candidate<'a>, Outcome> {
        let mut candidates = judge::candidates(self.index, sentence, self.fleet);
        let rivals = judge::rivals(&candidates);
        if rivals.len() > 1 {
            return Err(Outcome::Ask(answers::ask_which(&rivals, self.fleet)));
        }
        if rivals.is_empty() {
            return Err(Outcome::Cannot(answers::cannot(text, &candidates, self.index, self.fleet)));
        }
        let best = candidates.swap_remove(0);
        if let Some(verb) = &best.unknown_verb {
            return Err(Outcome::Ask(answers::ask_verb(verb, best.entry, self.fleet)));
        }
        if let Some((said, choices)) = &best.slots.ambiguous {
            return Err(Outcome::Ask(answers::ask_which_host(said, choices)));
        }
        if let Some(name) = &best.slots.unknown_host {
            return Err(Outcome::Cannot(answers::unknown_host(name, self.fleet)));
        }
        Ok(best)
    }

    /// The host that a wish leaves out and would be done on all the same.
    fn left_out(&self, candidate: &Candidate<'_>, sentence: &Sentence) -> Option<String> {
        let excluded = |host: &String| {
            let names = |name: &String| name == host || self.fleet.resolve(name).is_some_and(|members| members.contains(host));
            sentence.mentions().iter().any(|mention| mention.negated && names(&mention.name))
        };
        candidate.slots.hosts.iter().find(|host| excluded(host)).cloned()
    }

    /// Where a wish names no host: the one of the wish before it, else after it, else the only one there is.
    /// What removes things needs its own.
    fn settle_hosts(&mut self, candidate: &mut Candidate<'_>, number: usize, named: &[Vec<String>], usual: &[String]) {
        let Some(target) = candidate.entry.target() else { return };
        if !candidate.slots.hosts.is_empty() || candidate.entry.spec.risk == Risk::Destructive {
            return;
        }
        let neighbours = named[..number].iter().rev().chain(&named[number + 1..]);
        let all = self.fleet.hosts();
        if let Some(hosts) = neighbours.into_iter().find(|hosts| !hosts.is_empty()) {
            candidate.slots.hosts.clone_from(hosts);
        } else if !usual.is_empty() {
            candidate.slots.hosts = usual.to_vec();
        } else if all.len() == 1 {
            let only: Vec<String> = all.iter().cloned().collect();
            self.notes.push(format!("no host was named; `{}` is the only one", only[0]));
            candidate.slots.hosts = only;
        }
        if !candidate.slots.hosts.is_empty() {
            candidate.slots.missing.retain(|name| name != target);
        }
    }

    /// Adds an action's steps, one for each host where it takes one; their ids.
    fn add(&mut self, candidate: &Candidate<'_>, after: &[String]) -> Result<Vec<String>, Outcome> {
        let entry = candidate.entry;
        let mut added = Vec::new();
        self.notes.extend(candidate.slots.hosts.iter().filter_map(|name| also_a_group(name, &candidate.slots.hosts, self.fleet)));
        for hosts in per_step(entry, &candidate.slots.hosts, self.fleet) {
            let mut parameters = candidate.slots.values.clone();
            set_target(entry, &mut parameters, &hosts);
            self.connect(entry, &mut parameters, &hosts, &candidate.slots)?;
            let step_id = self.free_id(&entry.spec.name, &hosts);
            let depends_on = after.to_vec();
            self.steps.push(DraftStep {
                step_id: step_id.clone(),
                title: title(entry, &hosts),
                action: entry.spec.name.clone(),
                parameters,
                depends_on,
            });
            added.push(step_id);
        }
        Ok(added)
    }

    /// Fills the parameters that take outputs, where the words want that or the action needs it.
    pub fn connect(&mut self, entry: &Entry, parameters: &mut Map<String, Value>, hosts: &[String], slots: &Slots) -> Result<(), Outcome> {
        for parameter in &entry.parameters {
            let Some(accepts) = parameter.accepts.as_deref() else { continue };
            let meant = slots.pronoun && self.there(accepts, hosts).is_some();
            let wanted = parameter.required || meant || slots.wanted.contains(&parameter.name);
            if !wanted || parameters.contains_key(&parameter.name) || slots.refused.contains(&parameter.name) {
                continue;
            }
            match self.provided(accepts, hosts) {
                Some(reference) => {
                    parameters.insert(parameter.name.clone(), Value::from(reference));
                }
                None if parameter.required => {
                    return Err(Outcome::Ask(answers::ask_for(entry, std::slice::from_ref(&parameter.name), self.fleet)));
                }
                None => self.notes.push(format!("not used: {}; no action finds {accepts}", parameter.name)),
            }
        }
        Ok(())
    }

    /// A reference to an output of this type on these hosts: of a step that is there, or of one that is added.
    fn provided(&mut self, accepts: &str, hosts: &[String]) -> Option<String> {
        let (step_id, output) = match self.there(accepts, hosts) {
            Some(found) => found,
            None => self.add_provider(accepts, hosts)?,
        };
        Some(format!("${{steps.{step_id}.outputs.{output}}}"))
    }

    /// A step that is there and gives an output of this type for these hosts, with the output's name.
    fn there(&self, accepts: &str, hosts: &[String]) -> Option<(String, String)> {
        let same_hosts = |entry: &Entry, step: &DraftStep| entry.spec.hosts_in(&step.parameters) == hosts || entry.target().is_none();
        self.steps.iter().find_map(|step| {
            let entry = self.index.get(&step.action).filter(|entry| same_hosts(entry, step))?;
            Some((step.step_id.clone(), output_of(entry, accepts)?))
        })
    }

    fn add_provider(&mut self, accepts: &str, hosts: &[String]) -> Option<(String, String)> {
        let fillable =
            |entry: &Entry| entry.parameters.iter().all(|parameter| !parameter.required || entry.target() == Some(&parameter.name));
        let (entry, output) = self
            .index
            .iter()
            .filter(|entry| entry.spec.risk == Risk::ReadOnly && fillable(entry))
            .find_map(|entry| Some((entry, output_of(entry, accepts)?)))?;
        let mut parameters = Map::new();
        set_target(entry, &mut parameters, hosts);
        let step_id = self.free_id(&entry.spec.name, hosts);
        self.steps.push(DraftStep {
            step_id: step_id.clone(),
            title: title(entry, hosts),
            action: entry.spec.name.clone(),
            parameters,
            depends_on: Vec::new(),
        });
        Some((step_id, output))
    }

    fn free_id(&self, action: &str, hosts: &[String]) -> String {
        free_id(&self.steps, action, hosts)
    }
}

/// The action's verb; where one of the steps has that, with the host; where that is taken too, with a number.
pub(in crate::planner) fn free_id(steps: &[DraftStep], action: &str, hosts: &[String]) -> String {
    let taken: BTreeSet<&str> = steps.iter().map(|step| step.step_id.as_str()).collect();
    let verb = action.split('_').next().unwrap_or(action).to_owned();
    let host = id_part(&hosts.join("-"));
    let mut choices = vec![verb.clone()];
    if !host.is_empty() {
        choices.push(format!("{verb}-{host}"));
    }
    choices.push(action.to_owned());
    choices.extend((2..=100).map(|number| format!("{verb}-{number}")));
    choices.into_iter().find(|id| !taken.contains(id.as_str())).unwrap_or(verb)
}

/// Characters that a step id may have.
pub fn id_part(text: &str) -> String {
    let part: String = text.to_lowercase().chars().map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' }).collect();
    part.chars().take(40).collect::<String>().trim_matches('-').to_owned()
}

fn output_of(entry: &Entry, accepts: &str) -> Option<String> {
    let outputs = &entry.spec.outputs.properties;
    let provides = |schema: &Value| schema.get("provides").and_then(Value::as_str) == Some(accepts);
    outputs.iter().find(|(_, schema)| provides(schema)).map(|(name, _)| name.clone())
}

/// Says of a host that a group has its name, too, unless all of the group are meant.
pub(in crate::planner) fn also_a_group(name: &str, hosts: &[String], fleet: &Fleet) -> Option<String> {
    let members = fleet.groups().get(name).filter(|members| !members.iter().all(|member| hosts.contains(member)))?;
    let is_host = fleet.resolve(name).is_some_and(|found| found.len() == 1 && found.contains(name));
    let others: Vec<&str> = members.iter().map(String::as_str).collect();
    is_host.then(|| format!("`{name}` is taken as the host; there is a group of that name, too ({})", others.join(", ")))
}

/// The hosts of each step.
fn per_step(entry: &Entry, hosts: &[String], fleet: &Fleet) -> Vec<Vec<String>> {
    let takes_list = entry.target().and_then(|target| entry.parameter(target)).is_some_and(|parameter| parameter.list);
    if hosts.is_empty() || takes_list {
        vec![hosts.to_vec()]
    } else {
        one_by_one(hosts, fleet).into_iter().map(|host| vec![host]).collect()
    }
}

/// Puts the hosts where the action takes them.
pub fn set_target(entry: &Entry, parameters: &mut Map<String, Value>, hosts: &[String]) {
    let Some(parameter) = entry.target().and_then(|target| entry.parameter(target)) else { return };
    let value = match hosts {
        [] => return,
        [host] if !parameter.list => Value::from(host.as_str()),
        hosts => Value::from(hosts.to_vec()),
    };
    parameters.insert(parameter.name.clone(), value);
}

/// What a step does, with its hosts.
pub fn title(entry: &Entry, hosts: &[String]) -> String {
    title_of(&entry.spec, hosts)
}

/// The same of an action that stands in no index.
pub(in crate::planner) fn title_of(spec: &ActionSpec, hosts: &[String]) -> String {
    let title = &spec.title;
    if hosts.is_empty() { title.clone() } else { format!("{title} {} {}", preposition(title), hosts.join(", ")) }
}

/// "Deploy x to nas", "Remove x from nas", "Report x on nas".
fn preposition(title: &str) -> &'static str {
    let mut words = title.split_whitespace();
    let verb = words.next().unwrap_or_default().to_lowercase();
    let is_taken = words.any(|word| matches!(word, "to" | "from"));
    match verb.as_str() {
        _ if is_taken => "on",
        "deploy" | "copy" | "send" | "upload" | "add" => "to",
        "remove" | "delete" | "uninstall" => "from",
        _ => "on",
    }
}

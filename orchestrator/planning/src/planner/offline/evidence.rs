//! What a person's own words say for a step that somebody else proposes: whether they name the action and the hosts, and whether
//! they ask for what is taken away. A model's plan is held against it.

use chiffon_plans::domain::fleet::Fleet;
use chiffon_plans::domain::plan::{Draft, DraftStep};
use chiffon_protocol::action::Risk;
use chiffon_protocol::{ErrorCode, Problem};
use serde_json::json;

use super::index::Index;
use super::judge::{self, Sentence};
use super::scope::{self, Mood};
use super::tokens;
use crate::planner::PlanningInput;

/// What the words say for one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evidence {
    /// Whether they name what it does.
    pub action_named: bool,
    /// Whether they name each of its hosts, itself or by a group; true where the step has none, or where there is only one.
    pub host_named: bool,
    /// Whether they ask for something to be taken away, without doubt and without a "not".
    pub destructive_asked: bool,
}

/// What a text says for a step. A step of an action that is not in the catalogue has nothing for it.
pub fn evidence(index: &Index, text: &str, step: &DraftStep, fleet: &Fleet) -> Evidence {
    let nothing = Evidence { action_named: false, host_named: false, destructive_asked: false };
    let Some(entry) = index.get(&step.action) else { return nothing };
    let mut tokens = tokens::tokenize(text);
    scope::mark(&mut tokens, |verb| index.is_verb(verb));
    let mood: Option<Mood> = scope::mood(&tokens);
    let sentence = Sentence::new(tokens, index, fleet);
    let asked_hosts = entry.spec.hosts_in(&step.parameters);
    let named = |host: &String| {
        sentence.mentions().iter().any(|mention| {
            let fits = |name: &String| name == host || fleet.resolve(name).is_some_and(|members| members.contains(host));
            !mention.negated && (fits(&mention.name) || mention.choices.iter().any(fits))
        })
    };
    let members = |name: &String| fleet.resolve(name).unwrap_or_default();
    let every = asked_hosts.iter().all(|name| named(name) || (!members(name).is_empty() && members(name).iter().all(named)));
    let only_one = fleet.hosts().len() == 1;
    Evidence {
        action_named: judge::names(entry, &sentence),
        host_named: asked_hosts.is_empty() || every || (only_one && entry.spec.risk != Risk::Destructive),
        destructive_asked: mood.is_none() && judge::asks_to_take_away(entry, &sentence),
    }
}

/// Holds a model's draft against the words of the people who asked. What takes things away and was not asked for is refused; any
/// other step that changes something and that nobody named is flagged in the plan's notes.
pub fn hold_against(draft: &mut Draft, index: &Index, input: &PlanningInput) -> Result<(), Vec<Problem>> {
    let said: Vec<&str> = input.conversation.iter().filter(|turn| turn.from_user).map(|turn| turn.text.as_str()).collect();
    let turns = if said.is_empty() { vec![input.text.as_str()] } else { said };
    let mut problems = Vec::new();
    for step in &draft.steps {
        let Some(entry) = index.get(&step.action) else { continue };
        // What stood in the plan before, as it stands now, was held against the words then.
        let stood = input.previous.as_ref().is_some_and(|plan| {
            plan.steps.iter().any(|before| {
                before.action() == step.action && step.parameters.iter().all(|(name, value)| before.parameters.get(name) == Some(value))
            })
        });
        if stood || entry.spec.risk == Risk::ReadOnly {
            continue;
        }
        let found: Vec<Evidence> = turns.iter().map(|text| evidence(index, text, step, &input.fleet)).collect();
        let has = |of: fn(&Evidence) -> bool| found.iter().any(of);
        let mut missing = Vec::new();
        if !has(|found| found.action_named) {
            missing.push("what it does");
        }
        if !has(|found| found.host_named) {
            missing.push("its hosts");
        }
        let destructive = entry.spec.risk == Risk::Destructive;
        if destructive && !has(|found| found.destructive_asked) {
            missing.push("that something should be taken away");
        }
        if missing.is_empty() {
            continue;
        }
        let message = format!("step `{}` (`{}`): nobody's words name {}", step.step_id, step.action, missing.join(", nor "));
        if destructive {
            let details = json!({"step_id": step.step_id, "action": step.action, "missing": missing});
            problems.push(Problem::new(ErrorCode::HarmNotAskedFor, message).with_details(details));
        } else {
            draft.notes.push(format!("look closely: {message}; the model added it"));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

//! From a planner's draft to a plan: everything a draft claims is checked against the catalogue and the fleet, defaults
//! are filled in, and the policy's outcome is added. Pure; what is not in the catalogue can't get through.

mod freeze;
pub mod graph;
pub mod parameters;
mod secret;
mod step;
pub mod validators;

use std::collections::BTreeSet;

use chiffon_protocol::money::MicroDollars;
use chiffon_protocol::{ErrorCode, Problem};
use uuid::Uuid;

pub use freeze::freeze;

use super::asks;
use super::catalogue::Catalogue;
use super::fleet::Fleet;
use super::plan::{Draft, PlanDocument, PlannedBy, Step};
use super::policy::Policy;
use super::written;

/// No plan has more steps.
pub const MOST_STEPS: usize = 64;

/// What a plan is made of.
#[derive(Clone, Copy)]
pub struct AssembleInput<'a> {
    /// The request.
    pub request_id: Uuid,
    /// From 1.
    pub revision: i32,
    /// What a planner proposes.
    pub draft: &'a Draft,
    /// Who proposes it.
    pub planned_by: &'a PlannedBy,
    /// What there is to choose from.
    pub catalogue: &'a Catalogue,
    /// Where it could run.
    pub fleet: &'a Fleet,
    /// What it needs.
    pub policy: &'a Policy,
    /// The seconds that an action took so far, by its name.
    pub history: &'a dyn Fn(&str) -> Option<f64>,
    /// The revision before: discoveries that are the same there keep their frozen outputs instead of running again.
    pub previous: Option<&'a PlanDocument>,
}

impl std::fmt::Debug for AssembleInput<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("AssembleInput").field("request_id", &self.request_id).field("draft", self.draft).finish_non_exhaustive()
    }
}

/// Makes the plan, or says everything that is wrong with the draft.
pub fn assemble(input: AssembleInput<'_>) -> Result<PlanDocument, Vec<Problem>> {
    let steps = check(input.draft, input.catalogue, input.fleet)?;
    let policy = input.policy.decide(&steps).map_err(|problem| vec![problem])?;
    let estimated_seconds = graph::longest_path(&steps, |step| (input.history)(step.action()).unwrap_or_else(|| documented_seconds(step)));
    let mut plan = PlanDocument {
        format: written::NEWEST,
        request_id: input.request_id,
        revision: input.revision,
        summary: input.draft.summary.trim().to_owned(),
        steps,
        policy,
        planned_by: input.planned_by.clone(),
        notes: input.draft.notes.clone(),
        estimated_seconds,
        estimated_cost_usd: MicroDollars::ZERO,
    };
    if let Some(previous) = input.previous {
        plan = carried_over(plan, previous, input.catalogue).map_err(|problem| vec![problem])?;
    }
    Ok(plan)
}

/// Without a history: a tenth of the longest it may run, within reason.
fn documented_seconds(step: &Step) -> f64 {
    let timeout = u32::try_from(step.timeout_seconds).unwrap_or(u32::MAX);
    (f64::from(timeout) / 10.0).clamp(2.0, 120.0)
}

fn carried_over(mut plan: PlanDocument, previous: &PlanDocument, catalogue: &Catalogue) -> Result<PlanDocument, Problem> {
    asks::carry_over(&mut plan, previous);
    asks::check(&plan.steps)?;
    loop {
        let same = plan.open_discoveries().find_map(|step| {
            let before = previous.steps.iter().find(|before| {
                before.tool.sha256 == step.tool.sha256
                    && before.parameters == step.parameters
                    && before.hosts == step.hosts
                    && before.frozen_outputs.is_some()
            })?;
            Some((step.step_id.clone(), before.frozen_outputs.clone()?))
        });
        let Some((step_id, outputs)) = same else {
            return Ok(plan);
        };
        plan = freeze(&plan, &step_id, outputs, catalogue)?;
    }
}

/// The draft's steps, checked and completed, in an order in which they could run.
pub fn check(draft: &Draft, catalogue: &Catalogue, fleet: &Fleet) -> Result<Vec<Step>, Vec<Problem>> {
    let mut problems = shape_problems(draft);
    // Each step costs a validation; what is refused for its size is not looked at further.
    if draft.steps.len() > MOST_STEPS {
        return Err(problems);
    }
    let mut steps = Vec::with_capacity(draft.steps.len());
    for proposed in &draft.steps {
        match step::checked(proposed, draft, catalogue, fleet) {
            Ok(step) => steps.push(step),
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() {
        problems.extend(graph::problems(&steps));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let order = graph::order(&steps).unwrap_or_default();
    let mut ordered: Vec<Step> = order.into_iter().map(|index| steps[index].clone()).collect();
    graph::set_phases(&mut ordered);
    Ok(ordered)
}

fn shape_problems(draft: &Draft) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut refuse = |message: String| problems.push(Problem::new(ErrorCode::InvalidPlan, message));
    if draft.steps.is_empty() {
        refuse("the plan has no steps; choose at least one action of the catalogue".to_owned());
    }
    if draft.steps.len() > MOST_STEPS {
        refuse(format!("the plan has {} steps; {MOST_STEPS} are allowed, so ask for it in parts", draft.steps.len()));
    }
    let mut seen = BTreeSet::new();
    for step in &draft.steps {
        let id = step.step_id.as_str();
        let well_formed =
            !id.is_empty() && id.len() <= 64 && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-');
        if !well_formed {
            refuse(format!("`{id}` is not a step id: lower-case letters, digits, `_` and `-`, at most 64"));
        }
        if !seen.insert(id) {
            refuse(format!("two steps are called `{id}`; each needs an id of its own"));
        }
    }
    problems
}

//! Putting what a discovery found into the plan, so that what is previewed and approved has real values.

use std::collections::BTreeSet;

use chiffon_protocol::{ErrorCode, Problem};
use serde_json::{Map, Value};

use super::parameters;
use crate::domain::catalogue::Catalogue;
use crate::domain::plan::{Phase, PlanDocument, Step};
use crate::domain::reference::{OutputsByStep, references, substituted};

/// The plan with the outputs of a discovery in it: references of later steps to it become real values, validated again.
/// References to steps that run after approval stay.
pub fn freeze(plan: &PlanDocument, step_id: &str, outputs: Map<String, Value>, catalogue: &Catalogue) -> Result<PlanDocument, Problem> {
    let mut frozen = plan.clone();
    let Some(step) = frozen.steps.iter_mut().find(|step| step.step_id == step_id && step.phase == Phase::Discover) else {
        return Err(Problem::new(ErrorCode::InvalidPlan, format!("`{step_id}` is not a discovery of this plan")));
    };
    let action = catalogue.version(step.action(), &step.tool.sha256).ok_or_else(|| changed(step))?;
    if let Some(problem) = parameters::outputs_problem(step_id, &action.spec, &outputs) {
        return Err(problem);
    }
    step.frozen_outputs = Some(outputs.clone());
    let known = OutputsByStep::from([(step_id.to_owned(), outputs)]);
    for step in frozen.steps.iter_mut().filter(|step| step.depends_on.iter().any(|on| on == step_id)) {
        fill_in(step, step_id, &known, catalogue)?;
    }
    Ok(frozen)
}

fn changed(step: &Step) -> Problem {
    let message =
        format!("the action `{}` of step `{}` has changed since the plan was made; ask for a new revision", step.action(), step.step_id);
    Problem::new(ErrorCode::ActionChanged, message)
}

fn fill_in(step: &mut Step, from: &str, known: &OutputsByStep, catalogue: &Catalogue) -> Result<(), Problem> {
    let names: Vec<String> = step.parameters.keys().cloned().collect();
    let mut open = BTreeSet::new();
    for name in names {
        let before = step.parameters[&name].clone();
        let found = references(&before).unwrap_or_default();
        if found.iter().any(|reference| reference.step_id == from) {
            let after = substituted(&before, known, false)
                .map_err(|reason| Problem::new(ErrorCode::OutputsInvalid, format!("step `{}`: `{name}`: {reason}", step.step_id)))?;
            step.frozen_references.entry(name.clone()).or_insert(before);
            step.parameters.insert(name.clone(), after);
        }
        if found.iter().any(|reference| reference.step_id != from) {
            open.insert(name);
        }
    }
    let action = catalogue.version(step.action(), &step.tool.sha256).ok_or_else(|| changed(step))?;
    parameters::problems(&step.step_id, &action.spec, &step.parameters, &open).into_iter().next().map_or(Ok(()), Err)
}

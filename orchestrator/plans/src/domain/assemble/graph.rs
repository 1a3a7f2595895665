//! The order of a plan's steps: unknown and circular dependencies, a deterministic order, and which steps run before approval.

use std::collections::{BTreeMap, BTreeSet};

use chiffon_protocol::action::Risk;
use chiffon_protocol::{ErrorCode, Problem};

use crate::domain::plan::{Phase, Step};

/// What is wrong with the dependencies.
pub fn problems(steps: &[Step]) -> Vec<Problem> {
    let known: BTreeSet<&str> = steps.iter().map(|step| step.step_id.as_str()).collect();
    let mut problems: Vec<Problem> = steps
        .iter()
        .flat_map(|step| step.depends_on.iter().map(move |on| (step, on)))
        .filter(|(_, on)| !known.contains(on.as_str()))
        .map(|(step, on)| {
            let message = format!("step `{}` depends on `{on}`, which is not a step of the plan", step.step_id);
            Problem::new(ErrorCode::InvalidPlan, message)
        })
        .collect();
    if problems.is_empty()
        && let Err(circle) = order(steps)
    {
        let message = format!("the steps {} wait for each other in a circle", circle.join(", "));
        problems.push(Problem::new(ErrorCode::InvalidPlan, message));
    }
    problems
}

/// The indexes of the steps in an order in which they could run; among equals, as they were written. `Err` names the circle.
pub fn order(steps: &[Step]) -> Result<Vec<usize>, Vec<String>> {
    let mut done: BTreeSet<&str> = BTreeSet::new();
    let mut ordered = Vec::with_capacity(steps.len());
    while ordered.len() < steps.len() {
        let next = steps
            .iter()
            .enumerate()
            .find(|(index, step)| !ordered.contains(index) && step.depends_on.iter().all(|on| done.contains(on.as_str())));
        let Some((index, step)) = next else {
            return Err(steps.iter().filter(|step| !done.contains(step.step_id.as_str())).map(|step| step.step_id.clone()).collect());
        };
        ordered.push(index);
        done.insert(&step.step_id);
    }
    Ok(ordered)
}

/// Marks the read-only steps that others depend on, and that depend on such only, as discoveries. Steps must be in order.
pub fn set_phases(steps: &mut [Step]) {
    let needed: BTreeSet<String> = steps.iter().flat_map(|step| step.depends_on.iter().cloned()).collect();
    let mut discoveries: BTreeSet<String> = BTreeSet::new();
    for step in steps {
        let discovers =
            step.risk == Risk::ReadOnly && needed.contains(&step.step_id) && step.depends_on.iter().all(|on| discoveries.contains(on));
        step.phase = if discovers { Phase::Discover } else { Phase::Apply };
        if discovers {
            discoveries.insert(step.step_id.clone());
        }
    }
}

/// The seconds from begin to end when independent steps run side by side. Steps must be in order.
pub fn longest_path(steps: &[Step], seconds: impl Fn(&Step) -> f64) -> f64 {
    let mut ends: BTreeMap<&str, f64> = BTreeMap::new();
    for step in steps {
        let begin = step.depends_on.iter().filter_map(|on| ends.get(on.as_str())).copied().fold(0.0, f64::max);
        ends.insert(&step.step_id, begin + seconds(step));
    }
    ends.values().copied().fold(0.0, f64::max)
}

//! A part of a plan: which steps an approval may leave out. Pure.
//!
//! What was discovered has run, and a step needs those that it depends on. Dry runs are made of each step by itself, as its hosts are before
//! the plan, so that no preview of a step that is kept rests on one that is left out.

use std::collections::BTreeSet;

use chiffon_protocol::{ErrorCode, Problem, Shown};
use serde_json::{Value, json};

use super::plan::{Phase, PlanDocument, Step};

/// So many ids that no step has are told, and so many characters of each.
const MOST_UNKNOWN: usize = 10;
const MOST_ID: usize = 60;

/// The steps that are left out, sorted and each once, or everything that keeps them from being.
pub fn left_out(plan: &PlanDocument, wanted: &[String]) -> Result<Vec<String>, Problem> {
    let out: BTreeSet<&str> = wanted.iter().map(String::as_str).collect();
    let is_out = |step: &&Step| out.contains(step.step_id.as_str());
    let unknown = out.iter().filter(|id| plan.step(id).is_none()).take(MOST_UNKNOWN);
    let unknown: Vec<String> = unknown.map(|id| Shown::line(id).at_most(MOST_ID).to_string()).collect();
    let ran: Vec<&str> =
        plan.steps.iter().filter(is_out).filter(|step| step.phase == Phase::Discover).map(|step| step.step_id.as_str()).collect();
    let needed: Vec<(&Step, &str)> = plan
        .steps
        .iter()
        .filter(|step| !is_out(step))
        .flat_map(|step| step.depends_on.iter().map(move |on| (step, on.as_str())))
        .filter(|(_, on)| out.contains(on) && !ran.contains(on))
        .collect();
    let mut told: Vec<String> = unknown.iter().map(|id| format!("the plan has no step `{id}`")).collect();
    told.extend(ran.iter().map(|id| format!("`{id}` ran before the approval, so it can't be left out")));
    told.extend(
        needed.iter().map(|(step, on)| format!("`{}` ({}) needs `{on}`; leave it out, too, or keep both", step.step_id, step.title)),
    );
    if told.is_empty() && !out.is_empty() && !plan.steps.iter().any(|step| step.phase == Phase::Apply && !is_out(&step)) {
        told.push("nothing would be left to run; reject the plan instead".to_owned());
    }
    if told.is_empty() {
        return Ok(out.into_iter().map(str::to_owned).collect());
    }
    let known: Vec<&str> = plan.steps.iter().filter(|step| step.phase == Phase::Apply).map(|step| step.step_id.as_str()).collect();
    let needed: Vec<Value> = needed.iter().map(|(step, on)| json!({"step_id": step.step_id, "needs": on})).collect();
    let details = json!({"field": "left_out", "unknown": unknown, "ran_before": ran, "needed": needed, "steps": known});
    Err(Problem::new(ErrorCode::NotToBeLeftOut, told.join("; ")).with_details(details))
}

/// The steps of these ids as people read them: "2 (Add portals)", by their places in the plan.
pub fn told(plan: &PlanDocument, ids: &[String]) -> String {
    let named = plan.steps.iter().enumerate().filter(|(_, step)| ids.contains(&step.step_id));
    named.map(|(at, step)| format!("{} ({})", at + 1, step.title)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
#[path = "part_tests.rs"]
mod tests;

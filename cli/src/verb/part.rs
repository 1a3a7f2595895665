//! The steps of a plan that one leaves out, by their numbers or their ids.

use serde_json::Value;

use crate::exit::Failure;
use crate::show::table::text;

/// Their ids, in the order in which they were said. What the server would refuse is refused here, before anybody is asked about it.
pub fn ids(plan: &Value, said: &[String]) -> Result<Vec<String>, Failure> {
    let steps: Vec<String> = plan["steps"].as_array().into_iter().flatten().map(|step| text(&step["step_id"])).collect();
    let ids: Vec<String> =
        said.iter().map(|one| one.trim()).filter(|one| !one.is_empty()).map(|one| id(&steps, one)).collect::<Result<_, _>>()?;
    let against = against(plan, &ids);
    if against.is_empty() { Ok(ids) } else { Err(Failure::usage(against.join("; "))) }
}

/// Why these steps can't be left out.
fn against(plan: &Value, out: &[String]) -> Vec<String> {
    let is_out = |id: &Value| out.iter().any(|out| id == out.as_str());
    let ran = |step: &Value| step["phase"] == "discover";
    let mut against = Vec::new();
    let mut is_left = false;
    let steps = || plan["steps"].as_array().into_iter().flatten().enumerate();
    for (at, step) in steps() {
        let named = |at: usize, step: &Value| format!("step {} ({})", at + 1, text(&step["title"]));
        if is_out(&step["step_id"]) {
            if ran(step) {
                against.push(format!("{} ran before the approval, so it can't be left out", named(at, step)));
            }
            continue;
        }
        is_left |= !ran(step);
        let needs = |other: &Value| step["depends_on"].as_array().is_some_and(|on| on.contains(&other["step_id"]));
        let missing = steps().filter(|(_, other)| is_out(&other["step_id"]) && !ran(other) && needs(other));
        against
            .extend(missing.map(|(on, other)| format!("{} needs {}; leave it out, too, or keep both", named(at, step), named(on, other))));
    }
    if against.is_empty() && !out.is_empty() && !is_left {
        against.push("nothing would be left to run; reject the plan instead".to_owned());
    }
    against
}

fn id(steps: &[String], said: &str) -> Result<String, Failure> {
    if let Some(id) = steps.iter().find(|id| *id == said) {
        return Ok(id.clone());
    }
    let number = said.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    number
        .and_then(|at| steps.get(at))
        .cloned()
        .ok_or_else(|| Failure::usage(format!("the plan has no step `{said}`; its steps are 1 to {}: {}", steps.len(), steps.join(", "))))
}

/// "2 (Add portals)", of each that is left out.
pub fn told(plan: &Value, ids: &[String]) -> String {
    let steps = plan["steps"].as_array().into_iter().flatten().enumerate();
    let named = steps.filter(|(_, step)| ids.contains(&text(&step["step_id"])));
    named.map(|(at, step)| format!("{} ({})", at + 1, text(&step["title"]))).collect::<Vec<_>>().join(", ")
}

/// How the next approver says the same part, which they have to: " --without add-2"; empty where all of the plan was approved.
pub fn option(plan: &Value) -> String {
    let mut approvals = plan["approvals"].as_array().into_iter().flatten().filter(|approval| approval["decision"] == "approve");
    let left_out = approvals.next_back().and_then(|approval| approval["left_out"].as_array());
    said(&left_out.into_iter().flatten().map(text).collect::<Vec<_>>())
}

/// How this part is said; empty for all of the plan.
pub fn said(ids: &[String]) -> String {
    if ids.is_empty() { String::new() } else { format!(" --without {}", ids.join(",")) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_can_not_be_left_out_is_refused_with_what_it_is() {
        let plan = json!({"steps": [
            {"step_id": "look", "title": "Look", "phase": "discover"},
            {"step_id": "deploy", "title": "Deploy", "phase": "apply", "depends_on": ["look"]},
            {"step_id": "add", "title": "Add", "phase": "apply", "depends_on": ["deploy"]},
        ]});
        let out = |said: &[&str]| {
            let said: Vec<String> = said.iter().map(|one| (*one).to_owned()).collect();
            ids(&plan, &said).map_err(|failure| failure.message)
        };
        assert_eq!(out(&["3"]), Ok(vec!["add".to_owned()]));
        assert_eq!(out(&["1"]), Err("step 1 (Look) ran before the approval, so it can't be left out".to_owned()));
        assert_eq!(out(&["deploy"]), Err("step 3 (Add) needs step 2 (Deploy); leave it out, too, or keep both".to_owned()));
        assert_eq!(out(&["2", "3"]), Err("nothing would be left to run; reject the plan instead".to_owned()));
    }

    #[test]
    fn steps_are_left_out_by_number_or_id_and_what_is_neither_is_told() {
        let plan = json!({"steps": [{"step_id": "deploy", "title": "Deploy Kuma"}, {"step_id": "add-2", "title": "Add portals"}, {"step_id": "tell", "title": "Tell"}]});
        let said = |said: &[&str]| ids(&plan, &said.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>());
        assert_eq!(said(&["2", " deploy"]).expect("they are there"), ["add-2", "deploy"]);
        assert_eq!(told(&plan, &["add-2".to_owned()]), "2 (Add portals)");
        let approved = |left_out: Value| json!({"approvals": [{"by": "ann", "decision": "approve", "left_out": left_out}]});
        assert_eq!(option(&approved(json!(["add-2", "deploy"]))), " --without add-2,deploy");
        assert_eq!((option(&approved(json!([]))), option(&plan)), (String::new(), String::new()));
        for wrong in ["0", "4", "x"] {
            let refused = said(&[wrong]).expect_err("it is not there").message;
            assert_eq!(refused, format!("the plan has no step `{wrong}`; its steps are 1 to 3: deploy, add-2, tell"));
        }
    }
}

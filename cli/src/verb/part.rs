//! The steps of a plan that one leaves out, by their numbers or their ids.

use serde_json::Value;

use crate::exit::Failure;
use crate::show::table::text;

/// Their ids, in the order in which they were said.
pub fn ids(plan: &Value, said: &[String]) -> Result<Vec<String>, Failure> {
    let steps: Vec<String> = plan["steps"].as_array().into_iter().flatten().map(|step| text(&step["step_id"])).collect();
    said.iter().map(|one| one.trim()).filter(|one| !one.is_empty()).map(|one| id(&steps, one)).collect()
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
    fn steps_are_left_out_by_number_or_id_and_what_is_neither_is_told() {
        let plan = json!({"steps": [{"step_id": "deploy", "title": "Deploy Kuma"}, {"step_id": "add-2", "title": "Add portals"}]});
        let said = |said: &[&str]| ids(&plan, &said.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>());
        assert_eq!(said(&["2", " deploy"]).expect("they are there"), ["add-2", "deploy"]);
        assert_eq!(told(&plan, &["add-2".to_owned()]), "2 (Add portals)");
        let approved = |left_out: Value| json!({"approvals": [{"by": "ann", "decision": "approve", "left_out": left_out}]});
        assert_eq!(option(&approved(json!(["add-2", "deploy"]))), " --without add-2,deploy");
        assert_eq!((option(&approved(json!([]))), option(&plan)), (String::new(), String::new()));
        for wrong in ["0", "3", "x"] {
            let refused = said(&[wrong]).expect_err("it is not there").message;
            assert_eq!(refused, format!("the plan has no step `{wrong}`; its steps are 1 to 2: deploy, add-2"));
        }
    }
}

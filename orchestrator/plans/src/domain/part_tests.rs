//! Every plan of four steps, and every part of it.

use super::*;

const IDS: [&str; 4] = ["a", "b", "c", "d"];

/// A plan whose later steps depend on earlier ones, an edge for each bit; the first is a discovery where told.
fn plan(edges: u32, discovers: bool) -> PlanDocument {
    let mut bit = 0;
    let steps: Vec<Value> = (0..IDS.len())
        .map(|at| {
            let mut depends_on = Vec::new();
            for id in &IDS[..at] {
                if edges & (1 << bit) != 0 {
                    depends_on.push(*id);
                }
                bit += 1;
            }
            json!({
                "step_id": IDS[at], "title": format!("Do {}", IDS[at]), "parameters": {}, "hosts": ["nas"], "depends_on": depends_on,
                "tool": {"uri": "agent:infrastructure/restart", "sha256": "a".repeat(64)}, "resources_required": {"gpu": false, "memory_gb": 0.0},
                "risk": "low", "repeatable": "yes", "check": "none", "timeout_seconds": 60,
                "phase": if discovers && at == 0 { "discover" } else { "apply" },
            })
        })
        .collect();
    let plan = json!({
        "format": 2, "request_id": uuid::Uuid::from_u128(1), "revision": 1, "summary": "Do it", "steps": steps, "notes": [],
        "policy": {"approvals_needed": 1, "self_approval": true, "reasons": []},
        "planned_by": {"provider": "offline", "model": null}, "estimated_seconds": 1.0, "estimated_cost_usd": 0.0,
    });
    serde_json::from_value(plan).expect("the plan reads")
}

#[test]
fn a_part_is_exactly_one_whose_steps_have_all_that_they_need_and_that_runs_something() {
    for edges in 0..1 << 6 {
        for discovers in [false, true] {
            let plan = plan(edges, discovers);
            for bits in 0..1_usize << IDS.len() {
                let wanted: Vec<String> = (0..IDS.len()).filter(|at| bits & (1 << at) != 0).map(|at| IDS[at].to_owned()).collect();
                let is_out = |id: &str| wanted.iter().any(|out| out == id);
                let kept: Vec<&Step> = plan.steps.iter().filter(|step| !is_out(&step.step_id)).collect();
                let holds = kept.iter().all(|step| step.depends_on.iter().all(|on| !is_out(on)));
                let runs = kept.iter().any(|step| step.phase == Phase::Apply);
                let keeps_what_ran = !discovers || !is_out("a");
                let may = wanted.is_empty() || (holds && runs && keeps_what_ran);
                let found = left_out(&plan, &wanted);
                assert_eq!(found.is_ok(), may, "edges {edges:b}, without {wanted:?}: {found:?}");
                if let Ok(found) = found {
                    assert_eq!(found, wanted, "sorted, each once");
                }
            }
        }
    }
}

#[test]
fn what_keeps_a_step_in_is_named_with_which_and_why() {
    // b depends on a.
    let plan = plan(1, false);
    let refused = |ids: &[&str]| left_out(&plan, &ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>()).expect_err("it is refused");
    let needed = refused(&["a", "x"]);
    assert_eq!(needed.code, ErrorCode::NotToBeLeftOut);
    assert_eq!(needed.details["needed"], json!([{"step_id": "b", "needs": "a"}]));
    assert_eq!((&needed.details["unknown"], &needed.details["steps"]), (&json!(["x"]), &json!(IDS)));
    assert!(needed.message.contains("`b` (Do b) needs `a`") && needed.message.contains("no step `x`"), "{needed}");
    assert!(refused(&["a", "b", "c", "d"]).message.contains("reject the plan"));
    assert_eq!(left_out(&plan, &["d".to_owned(), "c".to_owned(), "d".to_owned()]), Ok(vec!["c".to_owned(), "d".to_owned()]));
    assert_eq!(told(&plan, &["c".to_owned()]), "3 (Do c)");
}

#[test]
fn what_ran_before_the_approval_is_not_left_out() {
    let refused = left_out(&plan(1, true), &["a".to_owned()]).expect_err("it ran");
    assert_eq!((&refused.details["ran_before"], &refused.details["needed"]), (&json!(["a"]), &json!([])));
}

#[test]
fn what_is_no_step_is_told_so_that_it_can_be_read() {
    let wanted: Vec<String> = (0..100).map(|number| format!("\u{202e}{number}{}", "x".repeat(100_000))).collect();
    let problem = left_out(&plan(0, false), &wanted).unwrap_err();
    assert!(!problem.message.contains('\u{202e}') && problem.message.len() < 2_000, "{} bytes", problem.message.len());
    assert!(problem.details.to_string().len() < 2_000);
}

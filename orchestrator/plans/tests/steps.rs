//! The hash of a plan's steps alone, by which people stand for what may run again: whatever decides what is run changes it, and nothing else
//! does.

use std::collections::BTreeSet;

use chiffon_plans::domain::plan::PlanDocument;
use serde_json::{Value, json};
use uuid::Uuid;

/// Bodies as the version before stored them.
const FORMAT_1: &str = include_str!("fixtures/plans.format1.json");

/// Of [`written`]: it may never become another one while people stand for what they have approved.
const STOOD_FOR: &str = "46f206d9cb68bf4ec1fd35d8e28e72cd4624b74d90b63528675019901fca123e";

/// What is changed of a plan, and how.
type Change<'c> = (&'c str, &'c dyn Fn(&mut Value));

/// A discovery, and a change of two hosts that takes what it found.
fn written() -> Value {
    json!({
        "format": 2, "request_id": Uuid::from_u128(7), "revision": 1, "summary": "Deploy Kuma to nas", "notes": ["nas was named"],
        "steps": [
            {
                "step_id": "discover", "title": "Find portals on nas",
                "tool": {"uri": "agent:infrastructure/discover_portals", "sha256": "a".repeat(64)},
                "parameters": {"host": "nas"}, "hosts": ["nas"], "depends_on": [], "resources_required": {"gpu": false, "memory_gb": 0.0},
                "risk": "read_only", "repeatable": "yes", "check": "none", "timeout_seconds": 60, "phase": "discover",
            },
            {
                "step_id": "deploy", "title": "Deploy Kuma to nas and web",
                "tool": {"uri": "agent:infrastructure/deploy_kuma", "sha256": "b".repeat(64)},
                "parameters": {"host": "all", "port": 3001, "portals": "${steps.discover.outputs.portals}"},
                "hosts": ["nas", "web"], "depends_on": ["discover"], "resources_required": {"gpu": false, "memory_gb": 1.0},
                "risk": "medium", "repeatable": "check_first", "check": "full", "timeout_seconds": 900, "phase": "apply",
                "records": {"hosts/${host}/kuma.yml": {"port": "${parameters.port}"}},
                "undo": {"action": "remove_kuma", "with": {}}, "irreversible": "its history is lost",
                "runs_with": {"community.docker": "4.1.0"}, "own_code": ["library/kuma.py"],
            },
            {
                "step_id": "check", "title": "Look at it",
                "tool": {"uri": "agent:infrastructure/check_kuma", "sha256": "c".repeat(64)},
                "parameters": {"host": "nas"}, "hosts": ["nas"], "depends_on": ["deploy"], "resources_required": {"gpu": false, "memory_gb": 0.0},
                "risk": "read_only", "repeatable": "yes", "check": "none", "timeout_seconds": 60, "phase": "apply",
            },
        ],
        "policy": {"approvals_needed": 1, "self_approval": true, "reasons": ["it changes a service"]},
        "planned_by": {"provider": "offline", "model": null}, "estimated_seconds": 90.0, "estimated_cost_usd": 0.0,
    })
}

fn plan(written: &Value) -> PlanDocument {
    serde_json::from_value(written.clone()).unwrap_or_else(|error| panic!("{error}: {written}"))
}

fn changed(change: &dyn Fn(&mut Value)) -> PlanDocument {
    let mut written = written();
    change(&mut written);
    plan(&written)
}

#[test]
fn whatever_decides_what_is_run_changes_it() {
    let before = plan(&written()).steps_sha256();
    assert_eq!(before, STOOD_FOR, "people stand for this one");
    let mut seen = BTreeSet::from([before]);
    let changes: &[Change<'_>] = &[
        ("a parameter", &|plan| plan["steps"][1]["parameters"]["port"] = json!(3002)),
        ("a parameter's type", &|plan| plan["steps"][1]["parameters"]["port"] = json!("3001")),
        ("one parameter more", &|plan| plan["steps"][1]["parameters"]["theme"] = json!("dark")),
        ("what it takes from a discovery", &|plan| {
            plan["steps"][1]["parameters"]["portals"] = json!("${steps.discover.outputs.others}");
        }),
        ("a plain value where a reference stood", &|plan| plan["steps"][1]["parameters"]["portals"] = json!([])),
        ("a host", &|plan| plan["steps"][1]["hosts"] = json!(["nas", "pi"])),
        ("one host less", &|plan| plan["steps"][1]["hosts"] = json!(["nas"])),
        ("an action's content", &|plan| plan["steps"][1]["tool"]["sha256"] = json!("d".repeat(64))),
        ("an action", &|plan| plan["steps"][1]["tool"]["uri"] = json!("agent:infrastructure/deploy_kuma2")),
        ("what comes first", &|plan| plan["steps"][2]["depends_on"] = json!(["discover"])),
        ("what comes first, turned around", &|plan| {
            plan["steps"][1]["depends_on"] = json!(["check", "discover"]);
            plan["steps"][2]["depends_on"] = json!([]);
        }),
        ("the order of the steps", &|plan| plan["steps"].as_array_mut().expect("steps").swap(1, 2)),
        ("one step less", &|plan| drop(plan["steps"].as_array_mut().expect("steps").pop())),
        ("a step's name", &|plan| plan["steps"][2]["step_id"] = json!("look")),
        ("a risk", &|plan| plan["steps"][1]["risk"] = json!("high")),
        ("whether it may be repeated", &|plan| plan["steps"][1]["repeatable"] = json!("yes")),
        ("how it is previewed", &|plan| plan["steps"][1]["check"] = json!("partial")),
        ("how long it may run", &|plan| plan["steps"][1]["timeout_seconds"] = json!(901)),
        ("when it runs", &|plan| plan["steps"][0]["phase"] = json!("apply")),
        ("what it needs", &|plan| plan["steps"][1]["resources_required"]["memory_gb"] = json!(2.0)),
        ("what is recorded", &|plan| plan["steps"][1]["records"] = json!({})),
        ("how it is taken back", &|plan| plan["steps"][1]["undo"]["action"] = json!("nothing")),
        ("why it can't be taken back", &|plan| plan["steps"][1]["irreversible"] = Value::Null),
        ("what it runs with", &|plan| plan["steps"][1]["runs_with"]["community.docker"] = json!("4.2.0")),
        ("what it brings along", &|plan| plan["steps"][1]["own_code"] = json!([])),
    ];
    for (what, change) in changes {
        assert!(seen.insert(changed(change).steps_sha256()), "{what} is not in it, or is taken for something else");
    }
}

#[test]
fn what_merely_belongs_to_one_request_does_not_change_it() {
    let before = plan(&written());
    let changes: &[Change<'_>] = &[
        ("the request", &|plan| plan["request_id"] = json!(Uuid::from_u128(8))),
        ("the revision", &|plan| plan["revision"] = json!(2)),
        ("its words", &|plan| plan["summary"] = json!("Put Kuma on nas")),
        ("a step's words", &|plan| plan["steps"][1]["title"] = json!("Put Kuma on nas and web")),
        ("notes", &|plan| plan["notes"] = json!([])),
        ("who planned it", &|plan| plan["planned_by"] = json!({"provider": "claude", "model": "large"})),
        ("time", &|plan| plan["estimated_seconds"] = json!(1.0)),
        ("cost", &|plan| plan["estimated_cost_usd"] = json!(0.5)),
        ("the policy", &|plan| plan["policy"] = json!({"approvals_needed": 2, "self_approval": false, "reasons": []})),
        ("what was found out", &|plan| {
            plan["steps"][0]["frozen_outputs"] = json!({"portals": ["a", "b"]});
            plan["steps"][1]["frozen_references"] = json!({"portals": plan["steps"][1]["parameters"]["portals"]});
            plan["steps"][1]["parameters"]["portals"] = json!(["a", "b"]);
        }),
    ];
    for (what, change) in changes {
        let after = changed(change);
        assert_ne!(after.sha256(), before.sha256(), "{what}");
        assert_eq!(after.steps_sha256(), before.steps_sha256(), "{what}");
    }
}

#[test]
fn it_is_the_same_in_every_format() {
    let stored: Vec<Value> = serde_json::from_str(FORMAT_1).expect("the fixture reads");
    assert!(!stored.is_empty());
    for stored in stored {
        let first = plan(&stored["body"]);
        let mut newest = first.clone();
        newest.format = 2;
        let newest = plan(&serde_json::to_value(&newest).expect("is JSON"));
        assert_ne!(newest.sha256(), first.sha256());
        assert_eq!(newest.steps_sha256(), first.steps_sha256());
    }
}

//! Plans as they are written down: those of the first format keep their bytes and their hashes for ever.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chiffon_plans::domain::assemble::{AssembleInput, assemble};
use chiffon_plans::domain::catalogue::{Catalogue, CatalogueAction};
use chiffon_plans::domain::fleet::Fleet;
use chiffon_plans::domain::plan::{Draft, DraftStep, PlanDocument, PlannedBy};
use chiffon_plans::domain::policy::Policy;
use chiffon_plans::domain::runnable;
use chiffon_protocol::kind::Kinds;
use chiffon_protocol::{ActionSpec, ErrorCode};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

/// Bodies as the version before stored them, each with the hash by which it was approved.
const FORMAT_1: &str = include_str!("fixtures/plans.format1.json");

#[derive(Deserialize)]
struct Stored {
    sha256: String,
    body: Value,
}

fn stored() -> Vec<Stored> {
    serde_json::from_str(FORMAT_1).expect("the fixture reads")
}

#[test]
fn plans_of_the_first_format_are_written_as_they_were_read_and_keep_their_hashes() {
    for Stored { sha256, body } in stored() {
        let document: PlanDocument = serde_json::from_value(body.clone()).expect("a plan");
        assert_eq!(serde_json::to_value(&document).expect("is JSON"), body);
        assert_eq!(document.sha256(), sha256);
    }
}

fn newest() -> PlanDocument {
    made_after(None)
}

fn made_after(previous: Option<&PlanDocument>) -> PlanDocument {
    let spec = ActionSpec::from_yaml(
        "name: set_up\ntitle: Set up\ndescription: Sets a service up.\nexamples: [set up]\nagent_type: infrastructure\ntarget: {parameter: host}\n\
         parameters: {type: object, required: [host], properties: {host: {type: string, format: inventory-host}}}\n\
         risk: low\nrepeatable: \"yes\"\ncheck: full\ntimeout_seconds: 60\n",
    )
    .expect("the action reads");
    let step = DraftStep {
        step_id: "one".to_owned(),
        title: String::new(),
        action: "set_up".to_owned(),
        parameters: serde_json::Map::from_iter([("host".to_owned(), json!("nas"))]),
        depends_on: Vec::new(),
    };
    assemble(AssembleInput {
        request_id: Uuid::from_u128(7),
        revision: 1,
        draft: &Draft { summary: "Set up nas".to_owned(), steps: vec![step], notes: Vec::new() },
        planned_by: &PlannedBy { provider: "offline".to_owned(), model: None },
        catalogue: &Catalogue::new([CatalogueAction { spec: Arc::new(spec), sha256: "a".repeat(64) }]),
        fleet: &Fleet::new(BTreeMap::from([("all".to_owned(), BTreeSet::from(["nas".to_owned()]))])),
        policy: &Policy::default(),
        history: &|_| None,
        previous,
    })
    .expect("a plan")
}

#[test]
fn a_new_plan_names_its_tools_and_a_reader_of_the_first_format_finds_the_same_in_it() {
    let document = newest();
    let written = serde_json::to_value(&document).expect("is JSON");
    assert_eq!(written["format"], 2);
    let step = &written["steps"][0];
    assert_eq!(step["tool"], json!({"uri": "agent:infrastructure/set_up", "sha256": "a".repeat(64)}));
    assert_eq!((&step["agent_type"], &step["action"]), (&json!("infrastructure"), &json!("set_up")));
    assert_eq!(step["action_sha256"], step["tool"]["sha256"]);
    let read: PlanDocument = serde_json::from_value(written.clone()).expect("a plan");
    assert_eq!((&read, read.sha256()), (&document, document.sha256()));

    // The version before reads what it knows, and writes that.
    let mut before = written;
    before.as_object_mut().expect("an object").remove("format");
    before["steps"][0].as_object_mut().expect("an object").remove("tool");
    let rewritten: PlanDocument = serde_json::from_value(before.clone()).expect("a plan of the first format");
    assert_eq!(rewritten.steps, document.steps);
    assert_eq!(serde_json::to_value(&rewritten).expect("is JSON"), before);
    assert_ne!(rewritten.sha256(), document.sha256());
}

#[test]
fn a_tool_of_another_scheme_is_kept_and_told_to_whoever_would_run_it() {
    let mut written = serde_json::to_value(newest()).expect("is JSON");
    let step = written["steps"][0].as_object_mut().expect("an object");
    for field in ["agent_type", "action", "action_sha256"] {
        step.remove(field);
    }
    step.insert("tool".to_owned(), json!({"uri": "mcp:http://host/mcp#math.add", "sha256": "b".repeat(64)}));
    let document: PlanDocument = serde_json::from_value(written.clone()).expect("a plan");
    assert_eq!(serde_json::to_value(&document).expect("is JSON"), written, "it is kept as it is");
    let refused = runnable::check(&Kinds::default(), &document.steps).expect_err("nobody serves it");
    assert_eq!(refused.code, ErrorCode::ToolSchemeUnknown);
    assert!(
        refused.message.contains("`mcp:http://host/mcp#math.add`") && refused.message.contains("may call agent"),
        "{}",
        refused.message
    );

    let with = |uri: &str| {
        let mut document = newest();
        document.steps[0].tool.uri = uri.parse().expect("a tool");
        runnable::check(&Kinds::default(), &document.steps).map_err(|problem| problem.code)
    };
    assert_eq!(with("agent:infrastructure/set_up"), Ok(()));
    assert_eq!(with("agent:lighthouse/light_lamp"), Ok(()), "an orchestrator that knows the kind runs it");
    assert_eq!(with("agent:desktop.desk1/notify"), Err(ErrorCode::ToolInvalid));
    let mut idle = Kinds::default().iter().cloned().collect::<Vec<_>>();
    idle.iter_mut().filter(|kind| kind.name.as_str() == "desktop").for_each(|kind| kind.schemes = &[]);
    let mut document = newest();
    document.steps[0].tool.uri = "agent:desktop/notify".parse().expect("a tool");
    let refused = runnable::check(&idle.into_iter().collect(), &document.steps).expect_err("it has no actions");
    assert!(refused.message.contains("desktop have no actions; those of infrastructure have"), "{}", refused.message);
}

#[test]
fn what_can_not_be_read_as_it_was_meant_is_refused_with_its_reason() {
    let written = serde_json::to_value(newest()).expect("is JSON");
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut written = written.clone();
        change(&mut written);
        serde_json::from_value::<PlanDocument>(written).expect_err("it is refused").to_string()
    };
    let said = refused(&|plan| plan["format"] = json!(3));
    assert!(said.contains("format 3") && said.contains("1 to 2") && said.contains("newer"), "{said}");
    let said = refused(&|plan| plan["steps"][0]["action"] = json!("take_down"));
    assert!(said.contains("agent:infrastructure/set_up") && said.contains("something else"), "{said}");
    let said = refused(&|plan| plan["steps"][0]["tool"]["uri"] = json!("set_up"));
    assert!(said.contains("no tool's address"), "{said}");
    let said = refused(&|plan| {
        plan.as_object_mut().expect("an object").remove("format");
        let step = plan["steps"][0].as_object_mut().expect("an object");
        for field in ["agent_type", "action", "action_sha256"] {
            step.remove(field);
        }
        step.insert("tool".to_owned(), json!({"uri": "mcp:a#b", "sha256": ""}));
    });
    assert!(said.contains("format 1") && said.contains("mcp:a#b"), "{said}");
    let said = refused(&|plan| {
        plan["steps"][0].as_object_mut().expect("an object").remove("tool");
        plan["steps"][0].as_object_mut().expect("an object").remove("action");
    });
    assert!(said.contains("neither `tool` nor `action`"), "{said}");
}

#[test]
fn what_steps_ask_is_written_where_they_ask_and_covered_by_the_hash() {
    let plain = newest();
    let written = serde_json::to_value(&plain).expect("is JSON");
    for field in ["when", "on_failure", "retry"] {
        assert_eq!(written["steps"][0].get(field), None, "nothing is written of what nobody asks");
    }
    let retry = json!({"max_attempts": 5, "initial_delay_seconds": 1, "max_delay_seconds": 60, "jitter": true, "on": ["transient"]});
    let mut hashes = BTreeSet::from([plain.sha256()]);
    for (field, asked) in [("when", json!("${steps.zero.outputs.due}")), ("on_failure", json!("continue")), ("retry", retry)] {
        let mut asking = written.clone();
        asking["steps"][0][field] = asked;
        let document: PlanDocument = serde_json::from_value(asking.clone()).expect("a plan");
        assert_eq!(serde_json::to_value(&document).expect("is JSON"), asking, "it is kept as it is");
        assert!(hashes.insert(document.sha256()), "{field} is covered by the hash");
        asking.as_object_mut().expect("an object").remove("format");
        let said = serde_json::from_value::<PlanDocument>(asking).expect_err("it is of the second format").to_string();
        assert!(said.contains("a plan of format 1 has `when`, `on_failure` or `retry` at step `one`"), "{said}");
    }
}

#[test]
fn what_steps_ask_is_looked_at_before_a_plan_is_approved_and_kept_when_it_is_made_again() {
    let mut asking = newest();
    asking.steps[0].when = Some("${steps.zero.outputs.due}".to_owned());
    let refused = runnable::check(&Kinds::default(), &asking.steps).expect_err("there is no such step");
    assert_eq!(refused.code, ErrorCode::InvalidPlan);
    asking.steps[0].when = None;
    asking.steps[0].on_failure = serde_json::from_value(json!("skip")).expect("a word");
    assert_eq!(runnable::check(&Kinds::default(), &asking.steps), Ok(()));
    assert_eq!(made_after(Some(&asking)).steps, asking.steps);
}

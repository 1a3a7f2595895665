//! Wishes without words, right and wrong.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::*;

fn action(target: &Value, parameters: &Value) -> CatalogueAction {
    let spec = json!({
        "name": "restart_container", "title": "Restart a container", "description": "Restarts one.", "agent_type": "infrastructure",
        "target": target, "parameters": parameters, "risk": "medium", "check": "none", "timeout_seconds": 60,
    });
    let spec = serde_json::from_value(spec).expect("the action reads");
    CatalogueAction { spec: Arc::new(spec), sha256: "a".repeat(64) }
}

fn one() -> Catalogue {
    let parameters = json!({"type": "object", "required": ["host", "container"], "properties": {
        "host": {"type": "string", "format": "inventory-host"},
        "container": {"type": "string", "pattern": "^[a-z]+$"},
        "wait_seconds": {"type": "integer", "minimum": 1, "default": 5},
        "ports": {"type": "array", "items": {"type": "integer", "maximum": 65535}},
        "password": {"type": "string", "secret": true, "maxLength": 12}}});
    Catalogue::new([action(&json!({"parameter": "host"}), &parameters)])
}

fn listed() -> Catalogue {
    let parameters = json!({"type": "object", "required": ["hosts"], "properties": {
        "hosts": {"type": "array", "minItems": 1, "items": {"type": "string", "format": "inventory-host"}}}});
    Catalogue::new([action(&json!({"parameter": "hosts"}), &parameters)])
}

fn fleet() -> Fleet {
    let hosts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    Fleet::new(BTreeMap::from([("all".to_owned(), hosts(&["nas", "web1", "web2"])), ("webs".to_owned(), hosts(&["web1", "web2"]))]))
}

fn asked(catalogue: &Catalogue, hosts: &[&str], parameters: &Value) -> Result<Draft, Vec<(String, u64)>> {
    let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let parameters = parameters.as_object().expect("parameters");
    draft(Wish { name: "restart_container", hosts: &hosts, parameters }, catalogue, &fleet()).map_err(|problem| {
        assert_eq!(problem.code, ErrorCode::ActionCallInvalid);
        let problems = problem.details["problems"].as_array().expect("problems");
        problems.iter().map(|one| (one["field"].as_str().expect("a field").to_owned(), one["code"].as_u64().expect("a code"))).collect()
    })
}

#[test]
fn a_wish_is_a_plan_with_a_title_that_people_can_read() {
    let draft = asked(&one(), &["nas"], &json!({"container": "kuma"})).expect("a draft");
    assert_eq!(draft.summary, "Restart a container on nas: container = kuma");
    assert_eq!((draft.steps.len(), draft.steps[0].title.as_str()), (1, "Restart a container on nas"));
    assert_eq!(Value::Object(draft.steps[0].parameters.clone()), json!({"container": "kuma", "host": "nas"}));
}

#[test]
fn an_action_of_one_host_gets_a_step_for_each_host_of_a_group_and_one_of_many_gets_one() {
    let draft = asked(&one(), &["webs", "nas"], &json!({"container": "kuma"})).expect("a draft");
    let hosts: Vec<&Value> = draft.steps.iter().map(|step| &step.parameters["host"]).collect();
    assert_eq!(hosts, [&json!("web1"), &json!("web2"), &json!("nas")]);
    let draft = asked(&listed(), &["webs", "nas"], &json!({})).expect("a draft");
    assert_eq!((draft.steps.len(), &draft.steps[0].parameters["hosts"]), (1, &json!(["webs", "nas"])));
}

#[test]
fn every_mistake_is_told_at_once_at_its_field() {
    let wrong = json!({"container": "KUMA", "wait_seconds": 0, "ports": [80, 70000], "password": "hunter2hunter2", "colour": 1, "size": 2});
    let found = asked(&one(), &["nas", "nass"], &wrong).expect_err("it is wrong");
    let fields: Vec<&str> = found.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "action.hosts.1",
            "action.parameters.colour",
            "action.parameters.container",
            "action.parameters.password",
            "action.parameters.ports.1",
            "action.parameters.size",
            "action.parameters.wait_seconds",
        ]
    );
    assert_eq!(found.iter().map(|(_, code)| *code).collect::<Vec<_>>(), [5112, 5111, 5111, 5139, 5111, 5111, 5111]);
}

#[test]
fn a_secret_in_plain_words_is_in_no_message() {
    let parameters = json!({"container": "kuma", "password": "hunter2hunter2"});
    let (hosts, parameters) = (["nas".to_owned()], parameters.as_object().expect("parameters"));
    let problem = draft(Wish { name: "restart_container", hosts: &hosts, parameters }, &one(), &fleet()).expect_err("it is wrong");
    assert!(!format!("{problem} {}", problem.details).contains("hunter2"), "{problem}");
}

#[test]
fn hosts_are_missing_said_twice_or_taken_by_nothing() {
    let at = |found: Result<Draft, Vec<(String, u64)>>| found.expect_err("it is wrong")[0].0.clone();
    assert_eq!(at(asked(&one(), &[], &json!({"container": "kuma"}))), "action.hosts");
    assert_eq!(at(asked(&one(), &["nas"], &json!({"container": "kuma", "host": "web1"}))), "action.parameters.host");
    assert!(asked(&one(), &[], &json!({"container": "kuma", "host": "web1"})).is_ok(), "its own parameter names them as well");
    let without = Catalogue::new([action(&Value::Null, &json!({"type": "object", "properties": {}}))]);
    assert_eq!(at(asked(&without, &["nas"], &json!({}))), "action.hosts");
    assert!(asked(&without, &[], &json!({})).is_ok());
}

#[test]
fn an_action_that_is_not_there_is_told_with_the_nearest_one() {
    let parameters = Map::new();
    let problem = draft(Wish { name: "restart_contaner", hosts: &[], parameters: &parameters }, &one(), &fleet()).expect_err("unknown");
    assert!(problem.message.contains("did you mean `restart_container`?"), "{problem}");
    assert_eq!(problem.details["problems"][0]["field"], "action.name");
}

#[test]
fn nothing_refers_to_steps_or_holds_what_can_not_be_kept_or_read() {
    for value in [json!("${steps.x.outputs.y}"), json!("a\0b")] {
        let found = asked(&one(), &["nas"], &json!({"container": value})).expect_err("it is wrong");
        assert!(found.iter().all(|(field, _)| field == "action.parameters.container"), "{found:?}");
    }
    let found = asked(&one(), &["nas"], &json!({"container": "a".repeat(MOST_BYTES)})).expect_err("it is too long");
    assert_eq!(found, [("action.parameters".to_owned(), 5103)]);
}

#[test]
fn a_long_value_is_cut_in_the_title_only() {
    let long = "a".repeat(500);
    let draft = asked(&one(), &["nas"], &json!({"container": long})).expect("a draft");
    assert_eq!(draft.steps[0].parameters["container"], json!(long));
    assert_eq!(draft.summary, format!("Restart a container on nas: container = {}… (440 more characters)", "a".repeat(60)));
}

//! What a draft must stand before it is a plan, and what becomes of references, discoveries and records.

use std::collections::BTreeMap;
use std::sync::Arc;

use chiffon_plans::domain::assemble::{AssembleInput, assemble, freeze};
use chiffon_plans::domain::catalogue::{Catalogue, Version};
use chiffon_plans::domain::plan::{Draft, DraftStep, Phase, PlanDocument, PlannedBy};
use chiffon_plans::domain::policy::Policy;
use chiffon_plans::domain::reference::{OutputsByStep, render_records, resolve};
use chiffon_protocol::{ErrorCode, Problem};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::invented::{action, catalogue, fleet};

const TOKEN_SOURCE: &str = r"
name: issue_token
title: Issue a token
description: Makes a token and says where it is.
agent_type: infrastructure
target: {parameter: host}
parameters: {type: object, required: [host], properties: {host: {type: string, format: inventory-host}}}
outputs: {properties: {url: {type: string}, uses: {type: integer}, tags: {type: array}}, required: [url]}
risk: low
check: none
timeout_seconds: 100";

const TOKEN_USER: &str = r#"
name: use_token
title: Use a token
description: Points a service at a token.
agent_type: infrastructure
target: {parameter: host}
parameters: {type: object, required: [host], properties: {host: {type: string, format: inventory-host}, url: {type: string, pattern: "^https?://"}, greeting: {type: string}, uses: {type: integer, maximum: 5, default: 1}, image: {type: string, risk: true}}}
risk: high
check: full
timeout_seconds: 1000
records: {"hosts/${host}/${parameters.greeting}.yml": "${parameters}", "index/all.yml": {"at": "${host}", "uses": "${parameters.uses}", "text": "is ${parameters.uses}"}}"#;

fn tokens() -> Catalogue {
    let more = [TOKEN_SOURCE, TOKEN_USER].map(action);
    Catalogue::new(catalogue().iter().cloned().chain(more))
}

fn object(value: Value) -> Map<String, Value> {
    serde_json::from_value(value).expect("an object")
}

fn step(id: &str, action: &str, parameters: Value) -> DraftStep {
    DraftStep {
        step_id: id.to_owned(),
        title: String::new(),
        action: action.to_owned(),
        parameters: object(parameters),
        depends_on: Vec::new(),
    }
}

fn after(mut step: DraftStep, on: &[&str]) -> DraftStep {
    step.depends_on = on.iter().map(|id| (*id).to_owned()).collect();
    step
}

fn plan_under(steps: Vec<DraftStep>, policy: &Policy) -> Result<PlanDocument, Vec<Problem>> {
    plan_from(&tokens(), steps, policy)
}

fn plan_from(catalogue: &Catalogue, steps: Vec<DraftStep>, policy: &Policy) -> Result<PlanDocument, Vec<Problem>> {
    let draft = Draft { summary: "what it does".to_owned(), steps, notes: Vec::new() };
    assemble(AssembleInput {
        request_id: Uuid::nil(),
        revision: 1,
        draft: &draft,
        planned_by: &PlannedBy { provider: "offline".to_owned(), model: None },
        catalogue,
        fleet: &fleet(),
        policy,
        history: &|name| (name == "use_token").then_some(7.0),
        previous: None,
    })
}

fn plan(steps: Vec<DraftStep>) -> Result<PlanDocument, Vec<Problem>> {
    plan_under(steps, &Policy::default())
}

const TOKEN_KEEPER: &str = r"
name: keep_token
title: Keep a token
description: Keeps a token.
agent_type: infrastructure
target: {parameter: host}
parameters: {type: object, required: [host, token], properties: {host: {type: string, format: inventory-host}, token: {type: [string, array, object, integer], maxLength: 20, secret: true}}}
risk: low
check: none
timeout_seconds: 100";

#[test]
fn a_secret_stands_in_a_plan_by_reference_only_and_no_problem_repeats_it() {
    let with_keeper = Catalogue::new(tokens().iter().cloned().chain([action(TOKEN_KEEPER)]));
    let planned = |token: Value| {
        let issue = step("issue", "issue_token", json!({"host": "gate"}));
        plan_from(&with_keeper, vec![issue, step("keep", "keep_token", json!({"host": "gate", "token": token}))], &Policy::default())
    };
    for plain in [
        json!("hunter2hunter2"),
        json!("hunter2 that is too long for its own rule"),
        json!("${steps.hunter2"),
        json!(["secret://door", "hunter2"]),
        json!({"deep": [{"er": "hunter2"}]}),
        json!("secret://"),
        json!(2_020_202),
        json!("${steps.issue.outputs.url}"),
    ] {
        let problems = planned(plain.clone()).expect_err("it is refused");
        assert_eq!(problems.iter().map(|problem| problem.code).collect::<Vec<_>>(), [ErrorCode::SecretInPlain], "{plain}");
        let told = format!("{}{}", problems[0], problems[0].details);
        assert!(told.contains("secret://NAME") && !told.contains("hunter2") && !told.contains("2020202"), "{told}");
    }
    for fine in [json!("secret://door"), json!(["secret://door", "secret://gate"]), json!("")] {
        planned(fine.clone()).unwrap_or_else(|problems| panic!("{fine}: {problems:?}"));
    }
}

#[test]
fn a_step_names_the_versions_of_what_its_agent_runs_it_with() {
    let steps = || vec![step("issue", "issue_token", json!({"host": "gate"}))];
    let mut issue = action(TOKEN_SOURCE);
    Arc::make_mut(&mut issue.spec).runs_with.insert("ansible-core".to_owned(), "2.14.18".to_owned());
    let document = plan_from(&Catalogue::new([issue]), steps(), &Policy::default()).expect("a plan");
    assert_eq!(json!(document.steps[0])["runs_with"], json!({"ansible-core": "2.14.18"}));
    let unknown = plan(steps()).expect("a plan");
    assert_eq!(json!(unknown.steps[0]).get("runs_with"), None);
}

#[test]
fn a_step_names_the_code_that_its_action_brings_along() {
    let mut issue = action(TOKEN_SOURCE);
    Arc::make_mut(&mut issue.spec).own_code.push("issue_token/library/token.py".to_owned());
    let steps = vec![step("issue", "issue_token", json!({"host": "gate"}))];
    let document = plan_from(&Catalogue::new([issue]), steps, &Policy::default()).expect("a plan");
    assert_eq!(json!(document.steps[0])["own_code"], json!(["issue_token/library/token.py"]));
}

#[test]
fn a_step_takes_the_version_of_the_agents_that_reach_its_hosts() {
    let with = |ansible: &str| {
        let mut issue = action(TOKEN_SOURCE);
        Arc::make_mut(&mut issue.spec).runs_with.insert("ansible-core".to_owned(), ansible.to_owned());
        issue.sha256 = ansible.to_owned();
        issue
    };
    let at = |ansible: &str, hosts: &[&str]| Version {
        action: with(ansible),
        hosts: Arc::new(hosts.iter().map(|host| (*host).to_owned()).collect()),
    };
    let planned = |versions: Vec<Version>| {
        let catalogue = Catalogue::new([with("2.19.4")]).with_versions(versions);
        let document =
            plan_from(&catalogue, vec![step("issue", "issue_token", json!({"host": "gate"}))], &Policy::default()).expect("a plan");
        document.steps[0].tool.sha256.clone()
    };
    assert_eq!(planned(vec![at("2.19.4", &["pluto"]), at("2.14.18", &["gate"])]), "2.14.18");
    assert_eq!(planned(vec![at("2.14.18", &["gate"]), at("2.19.4", &["gate", "pluto"])]), "2.19.4");
    assert_eq!(planned(vec![at("2.14.18", &["pluto"])]), "2.19.4", "nobody reaches it: it waits, and says for what");
    let mut other = at("2.14.18", &["gate"]);
    Arc::make_mut(&mut other.action.spec).timeout_seconds += 1;
    assert_eq!(planned(vec![other]), "2.19.4", "it says something else of itself");
}

#[test]
fn whatever_is_wrong_with_a_draft_is_named() {
    let issue = || step("issue", "issue_token", json!({"host": "gate"}));
    let uses = |parameters: Value| {
        let mut all = object(json!({"host": "gate"}));
        all.extend(object(parameters));
        step("use", "use_token", Value::Object(all))
    };
    let cases: Vec<(Vec<DraftStep>, ErrorCode, &str)> = vec![
        (vec![], ErrorCode::InvalidPlan, "no steps"),
        (vec![step("a", "issue_tokn", json!({}))], ErrorCode::UnknownAction, "did you mean `issue_token`?"),
        (vec![step("a", "agent:infrastructure/issue_token", json!({}))], ErrorCode::UnknownAction, "did you mean `issue_token`?"),
        (vec![step("a", "mcp:chat#post", json!({}))], ErrorCode::ToolSchemeUnknown, "scheme `mcp` (`mcp:chat#post`); plans may call agent"),
        (vec![step("a", "mcp: chat", json!({}))], ErrorCode::ToolInvalid, "`mcp: chat` is no tool's address"),
        (vec![step("a", "issue_token", json!({}))], ErrorCode::InvalidParameters, "`host`: it is required"),
        (vec![uses(json!({"gretting": "x"}))], ErrorCode::InvalidParameters, "did you mean `greeting`?"),
        (vec![uses(json!({"uses": 9}))], ErrorCode::InvalidParameters, "`uses`"),
        (vec![uses(json!({"url": "gopher://x"}))], ErrorCode::InvalidParameters, "`url`"),
        (vec![step("a", "issue_token", json!({"host": "mars"}))], ErrorCode::HostNotInInventory, "pluto"),
        (vec![issue(), issue()], ErrorCode::InvalidPlan, "two steps are called `issue`"),
        (vec![step("A b", "issue_token", json!({"host": "gate"}))], ErrorCode::InvalidPlan, "is not a step id"),
        (vec![after(issue(), &["ghost"])], ErrorCode::InvalidPlan, "`ghost`"),
        (vec![after(issue(), &["use"]), after(uses(json!({})), &["issue"])], ErrorCode::InvalidPlan, "circle"),
        (vec![uses(json!({"url": "${steps.ghost.outputs.url}"}))], ErrorCode::InvalidPlan, "not a step of the plan"),
        (vec![uses(json!({"url": "${steps.use.outputs.url}"}))], ErrorCode::InvalidPlan, "the step itself"),
        (vec![issue(), uses(json!({"url": "${steps.issue.output.url}"}))], ErrorCode::InvalidPlan, "is not a reference"),
        (vec![issue(), uses(json!({"url": "${steps.issue.outputs.uri}"}))], ErrorCode::InvalidPlan, "it has url, uses, tags"),
        (vec![issue(), uses(json!({"uses": "${steps.issue.outputs.url}"}))], ErrorCode::InvalidPlan, "takes integer"),
        (vec![issue(), uses(json!({"image": "${steps.issue.outputs.url}"}))], ErrorCode::InvalidPlan, "risk"),
        (vec![issue(), uses(json!({"host": "${steps.issue.outputs.url}"}))], ErrorCode::InvalidPlan, "names hosts"),
    ];
    for (steps, code, words) in cases {
        let shown = format!("{steps:?}");
        let problems = plan(steps).expect_err(&shown);
        assert!(problems.iter().any(|problem| problem.code == code && problem.message.contains(words)), "{shown}: {problems:?}");
    }
}

#[test]
fn steps_are_completed_ordered_and_estimated() {
    let uses = step(
        "use",
        "use_token",
        json!({"host": "laptops", "url": "${steps.issue.outputs.url}", "greeting": "at ${steps.issue.outputs.url}"}),
    );
    let plan = plan(vec![uses, step("issue", "issue_token", json!({"host": "gate"}))]).expect("a plan");
    let ids: Vec<&str> = plan.steps.iter().map(|step| step.step_id.as_str()).collect();
    assert_eq!(ids, ["issue", "use"]);
    assert_eq!(plan.steps[1].depends_on, ["issue"]);
    assert_eq!(plan.steps[1].hosts, ["lap1", "lap2"]);
    assert_eq!(plan.steps[1].parameters["uses"], 1);
    assert_eq!(plan.steps[0].title, "Issue a token on gate");
    assert!(plan.steps.iter().all(|step| step.phase == Phase::Apply), "what changes something never runs before approval");
    assert!((plan.estimated_seconds - 17.0).abs() < 1e-9, "{}", plan.estimated_seconds);
}

#[test]
fn only_read_only_steps_that_others_need_run_before_approval() {
    let hot = |id: &str| step(id, "temperature_report", json!({"host": "pluto"}));
    let reboot = || step("reboot", "reboot_machine", json!({"host": ["pluto"]}));
    let phases = |steps| plan(steps).expect("a plan").steps.iter().map(|step| step.phase).collect::<Vec<_>>();
    assert_eq!(phases(vec![hot("a")]), [Phase::Apply]);
    assert_eq!(phases(vec![hot("a"), after(hot("b"), &["a"]), after(reboot(), &["b"])]), [Phase::Discover, Phase::Discover, Phase::Apply]);
    assert_eq!(phases(vec![reboot(), after(hot("a"), &["reboot"]), after(hot("b"), &["a"])]), [Phase::Apply; 3]);
}

#[test]
fn the_policy_asks_for_what_the_risk_deserves() {
    let outcome = |policy: &Policy, name: &str, parameters: Value| {
        plan_under(vec![step("a", name, parameters)], policy).map(|plan| plan.policy.approvals_needed)
    };
    let policy = Policy::default();
    assert_eq!(outcome(&policy, "temperature_report", json!({"host": "pluto"})), Ok(0));
    assert_eq!(outcome(&policy, "issue_token", json!({"host": "gate"})), Ok(1));
    assert_eq!(outcome(&policy, "reboot_machine", json!({"host": ["gate"]})), Ok(2));
    assert_eq!(outcome(&policy, "revoke_vpn_peer", json!({"host": "gate", "peer_name": "bob"})), Ok(2));
    let strict: Policy =
        serde_json::from_value(json!({"read_only_needs_approval": true, "forbidden": ["reboot_machine"], "plan_valid_for": "2h"}))
            .expect("a policy");
    assert_eq!(outcome(&strict, "temperature_report", json!({"host": "pluto"})), Ok(1));
    let problems = outcome(&strict, "reboot_machine", json!({"host": ["gate"]})).expect_err("forbidden");
    assert_eq!(problems[0].code, ErrorCode::Forbidden);
    assert!(serde_json::from_value::<Policy>(json!({"aprovals": 2})).is_err());
}

#[test]
fn a_discovery_is_frozen_and_what_it_found_is_validated() {
    let steps = vec![
        step("find", "find_printers", json!({"host": "desk"})),
        step("queue", "set_up_print_queue", json!({"host": "desk", "printers": "${steps.find.outputs.found}"})),
    ];
    let plan = plan(steps).expect("a plan");
    let frozen = freeze(&plan, "find", object(json!({"found": [{"name": "laser"}]})), &tokens()).expect("frozen");
    assert_eq!(frozen.step("queue").expect("there").parameters["printers"], json!([{"name": "laser"}]));
    assert_eq!(frozen.step("queue").expect("there").frozen_references["printers"], "${steps.find.outputs.found}");
    assert!(frozen.open_discoveries().next().is_none());
    for (outputs, code) in [
        (json!({}), ErrorCode::OutputsInvalid),
        (json!({"found": "none"}), ErrorCode::OutputsInvalid),
        (json!({"found": [3]}), ErrorCode::OutputsInvalid),
    ] {
        assert_eq!(freeze(&plan, "find", object(outputs), &tokens()).expect_err("refused").code, code);
    }
    assert_eq!(freeze(&plan, "queue", Map::new(), &tokens()).expect_err("no discovery").code, ErrorCode::InvalidPlan);
}

#[test]
fn references_are_resolved_by_type_and_validated_again() {
    let steps = vec![
        step("issue", "issue_token", json!({"host": "gate"})),
        step(
            "use",
            "use_token",
            json!({"host": "gate", "url": "${steps.issue.outputs.url}", "greeting": "use ${steps.issue.outputs.uses} of ${steps.issue.outputs.url}", "uses": "${steps.issue.outputs.uses}"}),
        ),
    ];
    let plan = plan(steps).expect("a plan");
    let (step, catalogue) = (plan.step("use").expect("there"), tokens());
    let spec = &catalogue.get("use_token").expect("there").spec;
    let given = |outputs: Value| resolve(step, spec, &OutputsByStep::from([("issue".to_owned(), object(outputs))]));
    let resolved = given(json!({"url": "http://gate/t", "uses": 3})).expect("resolved");
    assert_eq!((&resolved["uses"], &resolved["greeting"]), (&json!(3), &json!("use 3 of http://gate/t")));
    assert_eq!(given(json!({"url": "http://gate/t", "uses": 9})).expect_err("too many").code, ErrorCode::InvalidParameters);
    assert_eq!(given(json!({"url": "javascript:x", "uses": 3})).expect_err("no address").code, ErrorCode::InvalidParameters);
    assert!(given(json!({"url": "http://gate/t"})).expect_err("missing").message.contains("gave no output `uses`"));
    assert!(resolve(step, spec, &BTreeMap::new()).expect_err("not run").message.contains("has not run"));
}

#[test]
fn what_somebody_asks_for_leads_to_no_other_actions_record() {
    let plan = plan(vec![step("use", "use_token", json!({"host": "laptops", "greeting": "packages"}))]).expect("a plan");
    let rendered = render_records(&plan.steps[0], &plan.steps[0].hosts, &plan.steps[0].parameters).expect("rendered");
    let mut other = plan.steps[0].clone();
    other.tool.uri = "agent:infrastructure/install_packages".parse().expect("a tool");
    other.records = BTreeMap::from([
        ("hosts/${host}/packages.yml".to_owned(), json!("${parameters}")),
        ("hosts/${host}/${parameters.greeting}.yml".to_owned(), json!("${parameters}")),
    ]);
    let others = render_records(&other, &other.hosts, &other.parameters).expect("rendered");
    assert_eq!(others.keys().filter(|path| rendered.contains_key(*path)).count(), 0, "{rendered:?} {others:?}");
}

#[test]
fn records_are_rendered_for_each_host_and_stay_inside_the_repository() {
    let plan = plan(vec![step("use", "use_token", json!({"host": "laptops", "greeting": "hello"}))]).expect("a plan");
    let rendered = render_records(&plan.steps[0], &plan.steps[0].hosts, &plan.steps[0].parameters).expect("rendered");
    let paths: Vec<&String> = rendered.keys().collect();
    assert_eq!(paths, ["hosts/lap1/use_token/hello.yml", "hosts/lap2/use_token/hello.yml", "index/all.yml"]);
    assert_eq!(rendered["hosts/lap1/use_token/hello.yml"]["uses"], 1);
    assert_eq!(rendered["index/all.yml"], json!({"at": "lap1, lap2", "uses": 1, "text": "is 1"}));
    for greeting in ["../../etc/passwd", "..", "", "a/b", "a\\b", "x\ny"] {
        let mut parameters = plan.steps[0].parameters.clone();
        parameters.insert("greeting".to_owned(), json!(greeting));
        let mut step = plan.steps[0].clone();
        step.records = BTreeMap::from([("hosts/${parameters.greeting}/x.yml".to_owned(), json!("${parameters}"))]);
        assert!(render_records(&step, &step.hosts, &parameters).is_err(), "{greeting:?}");
    }
    for taken in ["requests/2026/01/x/request.md", "hosts/${host}/unfinished/x.yml"] {
        let mut step = plan.steps[0].clone();
        step.records = BTreeMap::from([(taken.to_owned(), json!(1))]);
        let refused = render_records(&step, &step.hosts, &step.parameters).expect_err("others are told there");
        assert!(refused.message.contains("choose another folder"), "{refused}");
    }
    let mut step = plan.steps[0].clone();
    step.records = BTreeMap::from([("../${host}.yml".to_owned(), json!(1))]);
    assert!(render_records(&step, &step.hosts, &step.parameters).is_err());
}

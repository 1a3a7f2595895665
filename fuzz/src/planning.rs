//! Requests and revisions through the offline planner, over the shipped actions and some with every kind of parameter.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use chiffon_infrastructure::Catalogue as Announced;
use chiffon_planning::planner::offline::OfflinePlanner;
use chiffon_planning::planner::{Planned, PlanningInput, Turn};
use chiffon_plans::domain::catalogue::{Catalogue, CatalogueAction};
use chiffon_plans::domain::fleet::Fleet;
use chiffon_plans::domain::plan::PlanDocument;
use chiffon_protocol::ActionSpec;
use chiffon_protocol::canonical::sha256_hex;
use uuid::Uuid;

use crate::readers::Read;

/// An action whose parameters are of every kind that the planner fills in.
const EVERY_KIND: &str = r#"
name: tune_pump
title: Tune the pump
description: Sets how a pump works.
examples: ["tune the pump of the pond on garden to 40 litres a minute", "let the pump rest for 10 minutes on garden"]
aliases: {litres: [flow, amount], rest_minutes: [pause, break], wipe: [erase everything]}
agent_type: infrastructure
target: {parameter: host}
parameters:
  type: object
  required: [host, name]
  properties:
    host: {type: string, format: inventory-host}
    name: {type: string, pattern: "^[a-z][a-z0-9-]{0,30}$"}
    litres: {type: number, minimum: 0, maximum: 500}
    rest_minutes: {type: integer, default: 5, minimum: 1}
    size_gb: {type: integer, minimum: 1}
    threshold_percent: {type: integer, default: 80, minimum: 1, maximum: 100}
    mode: {enum: [day, night, off], default: day}
    wipe: {type: boolean, default: false}
    source: {type: string, format: ipv4}
    page: {type: string, format: uri}
    owner: {type: string, format: email}
    ponds: {type: array, items: {type: string}, default: []}
risk: destructive
repeatable: yes
check: full
timeout_seconds: 60
"#;

fn catalogue() -> Arc<Catalogue> {
    let shipped = Announced::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../playbooks")).expect("the shipped actions");
    let shipped = shipped.announced().into_iter().map(|action| CatalogueAction { spec: action.spec.into(), sha256: action.sha256 });
    let spec = ActionSpec::from_yaml(EVERY_KIND).expect("an action");
    let catalogue = Catalogue::new(shipped.chain([CatalogueAction { sha256: sha256_hex(&spec), spec: spec.into() }]));
    assert!(catalogue.iter().count() > 5, "the shipped actions are planned with");
    Arc::new(catalogue)
}

fn fleet() -> Arc<Fleet> {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let all = names(&["nas", "garden", "Vault", "vault", "web.alpha.lan", "web.beta.lan", "pi01", "pi02", "2001:db8::1", "größe"]);
    let groups = [("all", all), ("pis", names(&["pi01", "pi02"])), ("web", names(&["web.alpha.lan", "web.beta.lan"]))];
    Arc::new(Fleet::new(BTreeMap::from(groups.map(|(name, hosts)| (name.to_owned(), hosts)))))
}

fn asked(text: &str, catalogue: &Arc<Catalogue>, fleet: &Arc<Fleet>) -> PlanningInput {
    PlanningInput {
        request_id: Uuid::nil(),
        round: 1,
        trace_id: "0af7651916cd43dd8448eb211c80319c".to_owned(),
        span: None,
        text: text.to_owned(),
        conversation: vec![Turn { from_user: true, text: text.to_owned() }],
        catalogue: Arc::clone(catalogue),
        fleet: Arc::clone(fleet),
        previous: None,
        budget_left: None,
    }
}

fn assembled(input: &PlanningInput, planned: &Planned) -> Option<PlanDocument> {
    let Planned::Plan { draft, planned_by } = planned else { return None };
    Some(input.assembled(draft, planned_by).expect("what the planner proposes can be made a plan"))
}

/// Plans a text; what comes of it can be assembled.
pub(crate) fn request() -> Read {
    let (planner, catalogue, fleet) = (OfflinePlanner::new(), catalogue(), fleet());
    Box::new(move |input| {
        let input = asked(&String::from_utf8_lossy(input), &catalogue, &fleet);
        assembled(&input, &planner.plan_now(&input));
    })
}

/// Changes a plan by a text.
pub(crate) fn revision() -> Read {
    let (planner, catalogue, fleet) = (OfflinePlanner::new(), catalogue(), fleet());
    let mut input = asked("tune the pump koi on garden to 40 litres and report the disks of nas", &catalogue, &fleet);
    let previous = assembled(&input, &planner.plan_now(&input)).expect("the first request is planned");
    input.previous = Some(previous);
    input.conversation.push(Turn { from_user: true, text: String::new() });
    Box::new(move |change| {
        if let Some(turn) = input.conversation.last_mut() {
            turn.text = String::from_utf8_lossy(change).into_owned();
        }
        assembled(&input, &planner.plan_now(&input));
    })
}

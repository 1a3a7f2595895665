//! The product's story, on the actions that ship with it.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use chiffon_planning::planner::{Planned, Turn};
use chiffon_plans::domain::assemble::{AssembleInput, assemble, freeze};
use chiffon_plans::domain::catalogue::Catalogue;
use chiffon_plans::domain::plan::{Phase, PlanDocument, PlannedBy};
use chiffon_plans::domain::policy::Policy;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::invented::{action, hosts, planner, request};

/// Every action of the repository.
pub fn shipped() -> Catalogue {
    static READ: LazyLock<Catalogue> = LazyLock::new(read);
    READ.clone()
}

fn read() -> Catalogue {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../playbooks");
    let files = std::fs::read_dir(&folder)
        .expect("playbooks/")
        .filter_map(|entry| std::fs::read_to_string(entry.ok()?.path().join("action.yml")).ok());
    let catalogue = Catalogue::new(files.map(|text| action(&text)));
    assert!(
        catalogue.get("deploy_kuma").is_some() && catalogue.get("discover_portals").is_some(),
        "the story's actions are in {}",
        folder.display()
    );
    catalogue
}

fn plan(revision: i32, planned: &Planned, catalogue: &Catalogue, previous: Option<&PlanDocument>) -> PlanDocument {
    let Planned::Plan { draft, planned_by } = planned else { panic!("{planned:?}") };
    let input = AssembleInput {
        request_id: Uuid::nil(),
        revision,
        draft,
        planned_by,
        catalogue,
        fleet: &hosts(&["nas", "web1"], &[]),
        policy: &Policy::default(),
        history: &|_| None,
        previous,
    };
    assemble(input).expect("accepted")
}

#[test]
fn the_story_is_discovered_planned_frozen_and_revised_in_words() {
    let (catalogue, fleet) = (Arc::new(shipped()), Arc::new(hosts(&["nas", "web1"], &[])));
    let planner = planner();
    let mut input = request("Deploy Kuma Uptime to nas and add our existing portals", &catalogue, &fleet);
    let first = plan(1, &planner.plan_now(&input), &catalogue, None);
    let actions: Vec<(&str, Phase)> = first.steps.iter().map(|step| (step.action(), step.phase)).collect();
    assert_eq!(actions, [("discover_portals", Phase::Discover), ("deploy_kuma", Phase::Apply)]);
    assert_eq!(first.steps[1].parameters["portals"], "${steps.discover.outputs.portals}");
    assert_eq!(first.steps[1].depends_on, ["discover"]);
    assert_eq!(first.planned_by, PlannedBy { provider: "offline".to_owned(), model: None });

    let portals = json!([{"name": "Photos", "url": "http://nas:2342", "source": "compose:/opt/photos/compose.yml"}]);
    let Value::Object(outputs) = json!({"portals": portals, "count": 1}) else { unreachable!() };
    let frozen = freeze(&first, "discover", outputs, &catalogue).expect("frozen");
    assert_eq!(frozen.steps[1].parameters["portals"], portals);
    assert_ne!(frozen.sha256(), first.sha256());

    input.previous = Some(frozen.clone());
    input.conversation.push(Turn { from_user: true, text: "Use port 3002".to_owned() });
    let second = plan(2, &planner.plan_now(&input), &catalogue, Some(&frozen));
    assert_eq!(second.steps[1].parameters["port"], 3002);
    assert_eq!(second.steps[1].parameters["portals"], portals, "the discovery need not run again");
    assert!(second.open_discoveries().next().is_none());

    input.previous = Some(second.clone());
    input.conversation.push(Turn { from_user: true, text: "without the portals, please".to_owned() });
    let third = plan(3, &planner.plan_now(&input), &catalogue, Some(&second));
    assert_eq!(third.steps.len(), 1);
    assert_eq!((&third.steps[0].parameters["portals"], &third.steps[0].parameters["port"]), (&json!([]), &json!(3002)));
}

#[test]
fn every_example_of_a_shipped_action_that_names_a_host_leads_to_that_action() {
    let (catalogue, fleet) = (Arc::new(shipped()), Arc::new(hosts(&["nas", "web1"], &[])));
    let planner = planner();
    let mut wrong = Vec::new();
    let mut asked = 0;
    for action in catalogue.iter() {
        for example in action.spec.examples.iter().filter(|example| example.contains("nas")) {
            asked += 1;
            match planner.plan_now(&request(example, &catalogue, &fleet)) {
                Planned::Plan { draft, .. } if draft.steps.iter().any(|step| step.action == action.spec.name) => {}
                Planned::Plan { draft, .. } => wrong.push(format!("{}: {example}: {:?}", action.spec.name, draft.steps)),
                // An example may leave out what only the person knows, such as an image; then that is asked for.
                Planned::Question { text, .. } if text.contains(" needs one of ") && text.contains(&action.spec.title) => {}
                Planned::Question { text, .. } => wrong.push(format!("{}: {example}: asks {text}", action.spec.name)),
                Planned::Impossible(problem) => wrong.push(format!("{}: {example}: {problem}", action.spec.name)),
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {asked}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn people_say_the_same_in_other_words() {
    let (catalogue, fleet) = (Arc::new(shipped()), Arc::new(hosts(&["nas", "web1", "web2"], &[("web", &["web1", "web2"])])));
    let planner = planner();
    let mut wrong = Vec::new();
    for (text, expected) in [
        (
            "Can you set up monitoring for our services on nas?",
            json!([["discover_portals", {"host": "nas"}], ["deploy_kuma", {"host": "nas", "portals": "${steps.discover.outputs.portals}"}]]),
        ),
        (
            "deploy uptime kuma to nas, port 3005, version 1.23.16, with our portals",
            json!([["discover_portals", {"host": "nas"}], ["deploy_kuma", {"host": "nas", "port": 3005, "version": "1.23.16", "portals": "${steps.discover.outputs.portals}"}]]),
        ),
        (
            "show me the portals of nas and deploy kuma there with them",
            json!([["discover_portals", {"host": "nas"}], ["deploy_kuma", {"host": "nas", "portals": "${steps.discover.outputs.portals}"}]]),
        ),
        ("deploy kuma on nas without starting it", json!([["deploy_kuma", {"host": "nas", "start": "never"}]])),
        (
            "set up a status page on web1 on port 8080 for https://example.org",
            json!([["deploy_kuma", {"host": "web1", "port": 8080, "portals": [{"url": "https://example.org", "name": "example"}]}]]),
        ),
        ("what is running on nas?", json!([["discover_portals", {"host": "nas"}]])),
        (
            "check disk space on all servers",
            json!([["disk_report", {"host": "nas"}], ["disk_report", {"host": "web1"}], ["disk_report", {"host": "web2"}]]),
        ),
        ("please put htop, jq and curl on web1", json!([["install_packages", {"host": "web1", "packages": ["htop", "jq", "curl"]}]])),
        (
            "install nginx on the web servers",
            json!([["install_packages", {"host": "web1", "packages": ["nginx"]}], ["install_packages", {"host": "web2", "packages": ["nginx"]}]]),
        ),
        (
            "install docker on nas then deploy kuma to nas",
            json!([["install_packages", {"host": "nas", "packages": ["docker"]}], ["deploy_kuma", {"host": "nas"}]]),
        ),
        ("uninstall uptime kuma on nas", json!([["remove_kuma", {"host": "nas"}]])),
        (
            "run image nginx:1.27 as proxy on web2",
            json!([["deploy_compose_app", {"host": "web2", "name": "proxy", "image": "nginx:1.27"}]]),
        ),
    ] {
        match planner.plan_now(&request(text, &catalogue, &fleet)) {
            Planned::Plan { draft, .. } => {
                let steps: Value = draft.steps.iter().map(|step| json!([step.action, step.parameters])).collect();
                if steps != expected {
                    wrong.push(format!("{text}\n    got  {steps}\n    want {expected}"));
                }
            }
            other => wrong.push(format!("{text}: {other:?}")),
        }
    }
    for text in [
        "delete everything on nas",
        "get rid of kuma",
        "remove htop from web1",
        "deploy nextcloud to nas",
        "restart nginx on web1",
        "make coffee",
        "deploy kuma to foo",
        "wipe nas",
    ] {
        if let Planned::Plan { draft, .. } = planner.plan_now(&request(text, &catalogue, &fleet)) {
            wrong.push(format!("{text}: {:?}", draft.steps));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

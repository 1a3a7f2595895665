//! Secrets of every kind on their whole way, through a plan, runs that fail and succeed, and a change of their values: no spelling of
//! any of them stands in anything that leaves the agent.

mod house;
mod leaks;

use chiffon_e2e::{Fleet, Running, eventually};
use chiffon_nodes::shared;

use self::house::House;
use self::leaks::Needles;

const WISH: &str = "make the accounts on box";
/// All that agents and the orchestrator send each other.
const TOLD: &[(&str, &str)] = &[
    ("chiffon.work", "orchestrator.results"),
    ("chiffon.work", "orchestrator.status"),
    ("chiffon.work", "orchestrator.claims"),
    ("chiffon.work", "orchestrator.heartbeats"),
    ("chiffon.work", "agent.infrastructure"),
    ("chiffon.control", "#"),
];

#[tokio::test]
async fn no_spelling_of_any_secret_leaves_the_agent_in_a_plan_a_run_a_failure_or_another_run() {
    let fleet = Fleet::new().await;
    let house = House::build(&fleet);
    let mut serve = fleet.serve().await;
    let management = shared::management().expect("make test");
    eventually("there are exchanges to listen to", || async {
        management.shadow(fleet.vhost(), "shadow", TOLD).await.map_err(|error| error.to_string())
    })
    .await;
    let mut agent = Running::start(&mut house.agent(&fleet), &fleet.home.path().join("agent.log"));
    fleet.agents_are(1).await;
    let api = fleet.api();

    let mut asked = Vec::new();
    for (round, ends) in ["failed", "completed", "completed"].into_iter().enumerate() {
        if round == 1 {
            house.allow_the_end();
        }
        if round == 2 {
            house.change_the_secrets();
        }
        let id = api.ask(WISH).await;
        let planned = api.request_when(&id, &["awaiting_approval", "needs_input", "failed"]).await;
        assert_eq!(planned["status"], "awaiting_approval", "{planned:#}");
        assert_eq!(api.approve(&planned).await.0, 200, "{planned:#}");
        let ended = api.request_when(&id, &["completed", "failed", "needs_attention"]).await;
        assert_eq!(ended["status"], ends, "{ended:#}");
        eventually("it is committed", || async {
            let request = api.request(&id).await;
            if request["commits"].as_array().is_some_and(|commits| !commits.is_empty()) { Ok(()) } else { Err(request.to_string()) }
        })
        .await;
        house.keep_the_spellings();
        asked.push(id);
    }

    let needles = Needles::of(&house.spellings());
    let mut places = leaks::answers(&api, &asked).await;
    let log: String = places.iter().map(|(_, text)| text.as_str()).collect();
    assert!(log.matches("[redacted]").count() > 200, "the secrets were to be said, and are not: {log}");
    places.push(("a table".to_owned(), leaks::rows(&fleet.dump())));
    places.extend(leaks::verbs(&fleet, &asked));
    places.push(("the audit repository".to_owned(), leaks::repository(&fleet.home.path().join("audit.git"))));
    places.push(("the bus".to_owned(), leaks::messages(&management, fleet.vhost(), "shadow").await));
    assert_eq!((agent.stop(leaks::PATIENCE), serve.stop(leaks::PATIENCE)), (Some(0), Some(0)));
    places.extend([("the agent's log".to_owned(), agent.said()), ("the orchestrator's log".to_owned(), serve.said())]);
    let found: Vec<String> = places.iter().flat_map(|(place, text)| needles.found_in(place, text)).collect();
    assert!(found.is_empty(), "{} secrets leave the agent:\n{}", found.len(), found.join("\n"));
    fleet.home.assert_nothing_left();
}

#[tokio::test]
async fn a_secret_that_is_not_there_or_too_short_is_said_at_once_without_any_path() {
    let fleet = Fleet::new().await;
    let house = House::build(&fleet);
    let mut serve = fleet.serve().await;
    let mut agent = Running::start(&mut house.agent(&fleet), &fleet.home.path().join("agent.log"));
    fleet.agents_are(1).await;
    let api = fleet.api();
    for (name, part) in [("elsewhere", "no secret `elsewhere`"), ("short", "`short` is shorter than 8 characters")] {
        house.refer_to(name);
        eventually("the catalogue is new", || async {
            let (_, action) = api.get("/actions/make_accounts").await;
            if action.to_string().contains(&format!("secret://{name}")) { Ok(()) } else { Err(action.to_string()) }
        })
        .await;
        let id = api.ask(WISH).await;
        let refused = api.request_when(&id, &["failed", "needs_input", "awaiting_approval"]).await;
        let said = refused.to_string();
        assert!(said.contains(part), "{refused:#}");
        for hidden in [house::SHORT, &fleet.home.path().display().to_string()] {
            assert!(!said.contains(hidden), "{hidden}: {refused:#}");
        }
    }
    assert_eq!((agent.stop(leaks::PATIENCE), serve.stop(leaks::PATIENCE)), (Some(0), Some(0)));
    fleet.home.assert_nothing_left();
}

//! What is told of how things stand: once, to whom it concerns, and no more when it has passed.

use std::time::Duration;

use chiffon_kernel::domain::role::Role;
use chiffon_kernel::verbs::tokens::{self, NewToken};
use chiffon_notify::verbs::look;
use chiffon_plans::domain::policy::Policy;
use chiffon_protocol::money::MicroDollars;
use chiffon_requests::verbs::decide;
use serde_json::json;

use crate::delivering::World;

/// The kinds and titles of what was made, oldest first.
async fn told(world: &World) -> Vec<(String, String, String)> {
    let mut all: Vec<_> = world.all().await.into_iter().map(|notice| (notice.kind, notice.title, notice.state)).collect();
    all.reverse();
    all
}

#[tokio::test]
async fn a_request_that_waits_for_long_is_told_once_and_no_more_when_it_goes_on() {
    let world = World::start(Policy::default(), json!({"notices": ["waiting"]})).await;
    let id = world.ask(&world.ann).await;
    assert_eq!(look::run(&world.context, None).await.expect("it looks"), 0, "it does not wait for long");
    world.sql("UPDATE requests SET waiting_for = jsonb_set(waiting_for, '{since}', to_jsonb(now() - interval '3 hours 30 minutes'))").await;
    assert_eq!(look::run(&world.context, None).await.expect("it looks"), 1);
    assert_eq!(look::run(&world.context, None).await.expect("it looks"), 0, "it is told once");
    let all = told(&world).await;
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].0.as_str(), all[0].1.as_str()), ("waiting", "Waits for 3 hours: restart the service nginx on nas"));
    let plan_sha256 = world.app.plan_sha256(id).await;
    let reject = decide::Decide {
        request_id: id,
        plan_sha256,
        decision: decide::Decision::Reject,
        comment: None,
        left_out: Vec::new(),
        link_id: None,
    };
    decide::run(&world.app.context, &world.ann, reject).await.expect("it is decided");
    world.deliver().await;
    assert_eq!((told(&world).await[0].2.as_str(), world.receiver.calls().len()), ("withdrawn", 0));
}

#[tokio::test]
async fn an_agent_that_is_not_heard_is_told_to_who_looks_after_the_house() {
    for (role, made) in [(Role::Viewer, 0), (Role::Operator, 1)] {
        let world = World::start(Policy::default(), json!({"person": "oscar", "notices": ["agent_lost"]})).await;
        world.app.person("oscar", role).await;
        assert_eq!(look::run(&world.context, None).await.expect("it looks"), 0, "all are heard");
        world.sql("UPDATE agents SET last_seen_at = now() - interval '10 minutes', lease_expires_at = now() - interval '9 minutes'").await;
        let agents = world.count("SELECT count(*) FROM agents").await;
        assert_eq!(look::run(&world.context, None).await.expect("it looks"), made * agents, "{role:?}");
        if made > 0 {
            // What was not told yet is told to nobody who may not see it any more.
            world.sql("UPDATE principals SET role = 'viewer' WHERE name = 'oscar'").await;
            world.deliver().await;
            let all = told(&world).await;
            assert!(all.iter().all(|(_, _, state)| state == "withdrawn") && world.receiver.calls().is_empty(), "{all:?}");
            world.sql("UPDATE principals SET role = 'operator' WHERE name = 'oscar'").await;
        }
        world.sql("UPDATE agents SET desired = 'drained'").await;
        world.sql("UPDATE agents SET last_seen_at = now() - interval '8 minutes'").await;
        assert_eq!(look::run(&world.context, None).await.expect("it looks"), 0, "who was sent away is not missed");
    }
}

#[tokio::test]
async fn a_budget_and_a_token_are_told_before_they_are_gone() {
    let world = World::start(Policy::default(), json!({"notices": ["budget", "expiring"]})).await;
    let context = world.context.clone().with_budgets(vec![("claude".to_owned(), MicroDollars::new(1_000_000))]);
    let id = world.ask(&world.ann).await;
    world
        .sql(&format!(
            "INSERT INTO llm_calls (id, request_id, round, provider, model, state, reserved_micro_usd, cost_micro_usd, started_at, finished_at)
            VALUES (gen_random_uuid(), '{id}', 1, 'claude', 'm', 'succeeded', 900000, 850000, now(), now())"
        ))
        .await;
    for (name, days) in [("ci", 3), ("later", 30)] {
        let new = NewToken {
            principal: name.to_owned(),
            role: Role::Requester,
            program: true,
            label: "build".to_owned(),
            valid_for: Some(Duration::from_hours(days * 24)),
        };
        tokens::create(&context, "test", &new).await.expect("a token");
    }
    assert_eq!(look::run(&context, None).await.expect("it looks"), 2);
    assert_eq!(look::run(&context, None).await.expect("it looks"), 0, "both are told once");
    let titles: Vec<String> = told(&world).await.into_iter().map(|(_, title, _)| title).collect();
    assert_eq!(titles[0], "80 % of the month's budget of claude is spent");
    assert!(titles[1].starts_with("A token of ci counts for"), "{titles:?}");
}

#[tokio::test]
async fn a_person_is_told_of_their_own_tokens_only() {
    let world = World::start(Policy::default(), json!({"person": "ann", "notices": ["expiring"]})).await;
    for name in ["ann", "bob"] {
        let new = NewToken {
            principal: name.to_owned(),
            role: Role::Approver,
            program: false,
            label: "laptop".to_owned(),
            valid_for: Some(Duration::from_hours(20)),
        };
        tokens::create(&world.context, "test", &new).await.expect("a token");
    }
    assert_eq!(look::run(&world.context, None).await.expect("it looks"), 1);
    world.deliver().await;
    let calls = world.receiver.calls();
    assert_eq!(calls.len(), 1, "{calls:?}");
    assert_eq!(calls[0].body["type"], "notification.expiring");
    assert_eq!(calls[0].body["data"]["url"], "https://chiffon.test/ui/access");
}

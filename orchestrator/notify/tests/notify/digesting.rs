//! What is held: gathered, or until quiet hours are over; then told in one message, and never lost or told twice.

use std::time::Duration;

use chiffon_notify::store::notices;
use chiffon_notify::verbs::{retry, show};
use chiffon_plans::domain::policy::Policy;
use chiffon_process::{Clock as _, SystemClock};
use chiffon_requests::verbs::decide;
use chrono::TimeDelta;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::delivering::World;

const QUARTER: Duration = Duration::from_mins(15);

/// With so many plans that wait for approvers.
async fn asked(different: Value, count: usize) -> (World, Vec<Uuid>) {
    let world = World::start(Policy::default(), different).await;
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(world.ask(&world.ann).await);
    }
    world.follow().await;
    world.deliver().await;
    (world, ids)
}

/// The ids of messages with the requests that each tells.
fn told(world: &World) -> Vec<(String, Vec<String>)> {
    let id = |item: &Value| item["request_id"].as_str().unwrap_or_default().to_owned();
    let of = |data: &Value| data["items"].as_array().map_or_else(|| vec![id(data)], |items| items.iter().map(id).collect());
    world.receiver.calls().iter().map(|call| (call.header("webhook-id"), of(&call.body["data"]))).collect()
}

async fn states(world: &World) -> Vec<String> {
    let mut states: Vec<String> = world.all().await.into_iter().map(|notice| notice.state).collect();
    states.reverse();
    states
}

#[tokio::test]
async fn what_is_gathered_is_told_in_one_message_without_what_nobody_has_a_use_for() {
    let (world, ids) = asked(json!({"digest": "15m"}), 3).await;
    assert!(world.receiver.calls().is_empty());
    let shown = show::channels(&world.context).await.expect("they read").remove(0);
    assert_eq!((shown.digest.as_deref(), shown.waiting, shown.held, shown.waiting_since), (Some("15m"), 3, 3, None));
    let plan_sha256 = world.app.plan_sha256(ids[1]).await;
    let (decision, comment, left_out) = (decide::Decision::Reject, None, Vec::new());
    let reject = decide::Decide { request_id: ids[1], plan_sha256, decision, comment, left_out, link_id: None };
    decide::run(&world.app.context, &world.ann, reject).await.expect("it is decided");
    // What comes later joins, and makes nothing later.
    world.app.clock.advance(QUARTER / 2);
    let late = world.ask(&world.ann).await;
    world.follow().await;
    world.deliver().await;
    assert!(world.receiver.calls().is_empty());
    world.app.clock.advance(QUARTER / 2 + Duration::from_secs(1));
    world.deliver().await;
    world.deliver().await;
    let calls = world.receiver.calls();
    assert_eq!(calls.len(), 1, "{calls:?}");
    let data = &calls[0].body["data"];
    assert_eq!((&calls[0].body["type"], &data["title"]), (&json!("notification.digest"), &json!("3 notices: 3 approvals needed")));
    assert_eq!(told(&world)[0].1, [ids[0], ids[2], late].map(|id| id.to_string()));
    for id in [ids[0], ids[2], late] {
        let url = format!("https://chiffon.test/ui/requests/{id}");
        assert_eq!(data["text"].as_str().map(|text| text.matches(&url).count()), Some(1), "{data}");
    }
    assert_eq!(data["url"], "https://chiffon.test/ui/inbox");
    assert_eq!(states(&world).await, ["sent", "withdrawn", "sent", "sent"]);
    let messages: Vec<Option<Uuid>> = world.all().await.into_iter().map(|notice| notice.message_id).collect();
    assert!(messages.iter().all(|message| message.map(|id| id.to_string()) == Some(calls[0].header("webhook-id"))), "{messages:?}");
}

#[tokio::test]
async fn one_thing_that_was_gathered_alone_is_told_as_it_would_be_at_once() {
    let (world, ids) = asked(json!({"digest": "15m"}), 1).await;
    world.app.clock.advance(QUARTER + Duration::from_secs(1));
    world.deliver().await;
    let call = world.receiver.calls().remove(0);
    assert_eq!(call.body["type"], "notification.approval_needed");
    assert_eq!(call.body["data"]["url"], format!("https://chiffon.test/ui/requests/{}", ids[0]));
    assert_eq!(call.body["data"].get("items"), None);
}

#[tokio::test]
async fn a_message_that_was_not_taken_is_the_same_one_the_next_time() {
    let (world, ids) = asked(json!({"digest": "15m"}), 2).await;
    world.receiver.answers("503 Service Unavailable\r\n");
    world.app.clock.advance(QUARTER + Duration::from_secs(1));
    world.deliver().await;
    let late = world.ask(&world.ann).await;
    world.follow().await;
    world.receiver.answers("204 No Content\r\n");
    world.app.clock.advance(QUARTER + Duration::from_secs(1));
    world.deliver().await;
    let told = told(&world);
    assert_eq!(told.len(), 3, "{told:?}");
    assert_eq!(told[0], told[1]);
    assert_eq!((&told[1].1, &told[2].1), (&ids.iter().map(ToString::to_string).collect(), &vec![late.to_string()]));
    assert_ne!(told[1].0, told[2].0);
    assert_eq!(states(&world).await, ["sent", "sent", "sent"]);
}

#[tokio::test]
async fn a_process_that_dies_with_a_message_leaves_it_whole_to_the_next_one() {
    let (world, ids) = asked(json!({"digest": "15m"}), 2).await;
    world.app.clock.advance(QUARTER + Duration::from_secs(1));
    let now = world.app.clock.now();
    let mut connection = world.context.store.acquire().await.expect("a connection");
    let claimed = notices::claim(&mut connection, "ops", now, now + TimeDelta::seconds(60)).await.expect("the database answers");
    assert_eq!(claimed.len(), 2);
    let others = notices::claim(&mut connection, "ops", now, now + TimeDelta::seconds(60)).await.expect("the database answers");
    assert!(others.is_empty(), "each is claimed once: {others:?}");
    drop(connection);
    world.app.clock.advance(Duration::from_secs(61));
    world.deliver().await;
    assert_eq!(told(&world), [(claimed[0].message_id.to_string(), ids.iter().map(ToString::to_string).collect())]);
}

#[tokio::test]
async fn what_was_given_up_together_is_tried_again_one_by_one_under_ids_of_its_own() {
    let (world, _) = asked(json!({"digest": "15m"}), 2).await;
    world.receiver.answers("404 Not Found\r\n");
    world.app.clock.advance(QUARTER + Duration::from_secs(1));
    world.deliver().await;
    assert_eq!(states(&world).await, ["given_up", "given_up"]);
    world.receiver.answers("204 No Content\r\n");
    for notice in world.all().await {
        retry::run(&world.context, &world.ann, notice.notice_id).await.expect("it was given up");
        world.deliver().await;
    }
    let told = told(&world);
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[1].0 != told[2].0 && told[1].1 != told[2].1 && told[1].1.len() == 1, "{told:?}");
}

#[tokio::test]
async fn each_thing_has_its_link_in_every_medium() {
    for medium in [json!({"kind": "slack", "url": null}), json!({"kind": "ntfy", "topic": "lab"})] {
        let mut channel = medium.clone();
        channel["digest"] = json!("15m");
        let (world, ids) = asked(channel, 2).await;
        if medium["kind"] == "slack" {
            world.secret(&world.receiver.url.clone());
        }
        world.sql("UPDATE notices SET title = title || ' <https://evil.test|x> https://evil.test'").await;
        world.app.clock.advance(QUARTER + Duration::from_secs(1));
        world.deliver().await;
        let calls = world.receiver.calls();
        assert_eq!(calls.len(), 1, "{medium}: {calls:?}");
        for id in &ids {
            assert_eq!(calls[0].text.matches(&format!("https://chiffon.test/ui/requests/{id}")).count(), 1, "{medium}: {}", calls[0].text);
        }
        if medium["kind"] == "slack" {
            let text = calls[0].body["text"].as_str().expect("a text");
            assert!(!text.contains("https://evil") && text.matches('|').count() == 3, "{text}");
        }
    }
}

#[tokio::test]
async fn what_is_more_than_fits_is_told_in_several_messages() {
    let (world, _) = asked(json!({"digest": "15m"}), 1).await;
    world
        .sql(
            "INSERT INTO notices (id, channel, dedup_key, kind, title, body, path, due_at, created_at, held_until)
            SELECT gen_random_uuid(), channel, 'more/' || number, 'agent_lost', 'An agent', 'More', '/ui/fleet', due_at, created_at, held_until
            FROM notices, generate_series(1, 22) number",
        )
        .await;
    world.app.clock.advance(QUARTER + Duration::from_secs(1));
    world.deliver().await;
    world.deliver().await;
    let told = told(&world);
    assert_eq!(told.iter().map(|(_, requests)| requests.len()).collect::<Vec<_>>(), [10, 10, 3], "{told:?}");
    let mut ids: Vec<&String> = told.iter().map(|(id, _)| id).collect();
    ids.dedup();
    assert_eq!(ids.len(), 3);
    assert!(states(&world).await.iter().all(|state| state == "sent"));
}

#[tokio::test]
async fn quiet_hours_hold_what_is_not_urgent_until_they_end() {
    let now = SystemClock.now();
    let time = |hours| (now + TimeDelta::hours(hours)).format("%H:%M").to_string();
    for (different, calls_at_night) in [(json!({}), 0), (json!({"urgent": ["approval_needed"]}), 2), (json!({"urgent_risk": "low"}), 2)] {
        let mut channel = different.clone();
        channel["quiet"] = json!({"from": time(-2), "to": time(6), "time_zone": "UTC"});
        let (world, ids) = asked(channel, 2).await;
        assert_eq!(world.receiver.calls().len(), calls_at_night, "{different}");
        if calls_at_night == 0 {
            let held_until = world.all().await[0].held_until.expect("it is held");
            assert_eq!(held_until.format("%H:%M:%S").to_string(), format!("{}:00", time(6)));
            world.app.clock.advance(Duration::from_hours(6));
            world.deliver().await;
            assert_eq!(told(&world).remove(0).1, ids.iter().map(ToString::to_string).collect::<Vec<_>>());
        }
    }
}

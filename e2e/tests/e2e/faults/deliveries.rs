//! Deliveries as brokers may make them: all of them again, in another order; and a broker that takes a delivery away from whoever
//! holds it for too long.

use std::time::Duration;

use chiffon_e2e::{Stage, StageOptions, eventually};
use chiffon_nodes::Management;
use serde_json::Value;

use super::verdict::{all_is_well, nothing_is_left};

/// A queue that gets a copy of everything.
const SHADOW: &str = "shadow";
/// What is said about work, by its binding.
const SAID: [(&str, &str); 5] = [
    ("chiffon.work", "agent.infrastructure"),
    ("chiffon.work", "orchestrator.claims"),
    ("chiffon.work", "orchestrator.status"),
    ("chiffon.work", "orchestrator.results"),
    ("chiffon.control", "#"),
];

/// Everything that was said since the last look, added to what was said before.
async fn listen(broker: &Management, said: &mut Vec<Value>) {
    loop {
        let messages = broker.take_messages("/", SHADOW, 500).await.expect("the broker gives them");
        if messages.is_empty() {
            return;
        }
        said.extend(messages);
    }
}

async fn say_again<'m>(broker: &Management, said: impl Iterator<Item = &'m Value>) {
    for message in said {
        broker.publish_again("/", message).await.expect("the broker takes it");
    }
    // Copies of copies are not collected.
    listen(broker, &mut Vec::new()).await;
}

async fn queues_are_empty(stage: &Stage) {
    eventually("the queues are empty", || async {
        let listed = stage.broker().ctl(&["list_queues", "--silent", "name", "messages"]).await.map_err(|error| error.to_string())?;
        let full: Vec<&str> = listed
            .lines()
            .filter(|line| !line.ends_with("\t0") && !line.starts_with("orchestrator.heartbeats") && !line.starts_with(SHADOW))
            .collect();
        if full.is_empty() { Ok(()) } else { Err(listed.clone()) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_said_again_in_any_order_does_nothing_twice() {
    let mut stage = Stage::start(StageOptions { own_broker: true, ..StageOptions::default() }).await;
    let broker = stage.broker().management().expect("it has one");
    broker.shadow("/", SHADOW, &SAID).await.expect("a queue beside the others");
    let mut said = Vec::new();
    let host = stage.new_host();
    stage.hold_walk(&host, true);
    let id = stage.ask_and_approve(&host).await;
    stage.has_begun(&host).await;
    listen(&broker, &mut said).await;
    for _ in 0..2 {
        say_again(&broker, said.iter().rev()).await;
    }
    stage.hold_walk(&host, false);
    stage.request_when(&id, &["completed"]).await;
    nothing_is_left(&stage, "said again in mid-play").await;
    listen(&broker, &mut said).await;
    for (exchange, key) in SAID {
        let is_there = said.iter().any(|message| message["exchange"] == exchange && (key == "#" || message["routing_key"] == key));
        assert!(is_there, "something was said by {exchange} to {key}: {said:#?}");
    }

    let records = "SELECT 'task ' || id || ' ' || status || ' ' || attempt || ' ' || offer FROM tasks
        UNION ALL SELECT 'lines ' || count(*) FROM execution_logs UNION ALL SELECT 'attempts ' || count(*) FROM task_attempts
        UNION ALL SELECT 'commits ' || count(*) FROM git_outbox";
    let before = stage.rows(records).await.expect("rows");
    say_again(&broker, said.iter().rev()).await;
    say_again(&broker, said.iter()).await;
    queues_are_empty(&stage).await;
    stage.journal_is(&[]).await;
    let after = stage.rows(records).await.expect("rows");
    assert_eq!(after, before, "the records are as they were");
    let lines = stage.lines(&host);
    assert_eq!((lines.began.len(), lines.ended.len()), (1, 1), "walked once");
    all_is_well(&stage).await;
    stage.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_play_that_takes_longer_than_the_broker_waits_for_a_consumer_runs_once() {
    let mut stage = Stage::start(StageOptions { own_broker: true, ..StageOptions::default() }).await;
    let patience = "application:set_env(rabbit, consumer_timeout, 2000), application:set_env(rabbit, channel_tick_interval, 500).";
    stage.broker().ctl(&["eval", patience]).await.expect("it is set");
    let host = stage.new_host();
    stage.hold_walk(&host, true);
    let id = stage.ask_and_approve(&host).await;
    stage.has_begun(&host).await;
    // Three times as long as the broker waits.
    tokio::time::sleep(Duration::from_secs(7)).await;
    stage.hold_walk(&host, false);
    let done = stage.request_when(&id, &["completed", "failed"]).await;
    assert_eq!((&done["status"], &done["tasks"][0]["attempt"]), (&"completed".into(), &1.into()), "{done:#}");
    assert_eq!(stage.lines(&host).began.len(), 1, "nothing was delivered into a second run");
    let said = stage.agent().said();
    assert!(!said.contains("subscription was lost"), "no delivery is held while it runs:\n{said}");
    all_is_well(&stage).await;
    stage.stop();
}

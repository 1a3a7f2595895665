//! Queues that forget: heartbeats are bounded in age and in number.

use chiffon_bus::Verdict;
use chiffon_protocol::topology::{Argument, HEARTBEATS};

use crate::harness::{Broker, comes, message_to, nothing_comes, only, only_with, ready};

pub async fn an_old_heartbeat_is_forgotten(broker: &Broker) {
    let bus = broker.connect().await;
    let short = only_with(HEARTBEATS, |queue| {
        let kept = queue.arguments.insert("x-message-ttl".to_owned(), Argument::Number(300));
        assert_eq!(kept, Some(Argument::Number(30_000)));
    });
    bus.declare(&short).await.unwrap();
    bus.publish(message_to(HEARTBEATS, "1")).await.unwrap();
    ready(&*bus, HEARTBEATS, 1).await;
    ready(&*bus, HEARTBEATS, 0).await;
    let mut consumer = bus.consume(HEARTBEATS, 1).await.unwrap();
    nothing_comes(&mut consumer).await;
    bus.publish(message_to(HEARTBEATS, "2")).await.unwrap();
    let delivery = comes(&mut consumer).await;
    assert_eq!(delivery.message_id.as_deref(), Some("2"));
    assert!(delivery.settle(Verdict::Ack).await);
}

pub async fn of_too_many_heartbeats_the_oldest_are_dropped(broker: &Broker) {
    let bus = broker.connect().await;
    let small = only_with(HEARTBEATS, |queue| {
        queue.arguments.insert("x-max-length".to_owned(), Argument::Number(3));
    });
    bus.declare(&small).await.unwrap();
    assert_eq!(only(HEARTBEATS).queues[0].arguments.get("x-overflow"), Some(&Argument::Text("drop-head".to_owned())));
    for id in ["1", "2", "3", "4", "5"] {
        bus.publish(message_to(HEARTBEATS, id)).await.unwrap();
    }
    ready(&*bus, HEARTBEATS, 3).await;
    let kept = bus.peek(HEARTBEATS, 10).await.unwrap();
    let ids: Vec<_> = kept.iter().filter_map(|delivery| delivery.message_id.as_deref()).collect();
    assert_eq!(ids, ["3", "4", "5"]);
}

//! Subscriptions: bounded, shared, and without loss when they end.

use std::collections::BTreeSet;

use chiffon_bus::{BusError, Verdict};

use crate::harness::{Broker, QUEUE, comes, nothing_comes, publish, ready, work};

pub async fn no_more_than_the_prefetch_are_unsettled(broker: &Broker) {
    let bus = broker.connect().await;
    bus.declare(&work()).await.unwrap();
    publish(&*bus, &["1", "2", "3", "4", "5"]).await;
    let mut consumer = bus.consume(QUEUE, 2).await.unwrap();
    let (first, second) = (comes(&mut consumer).await, comes(&mut consumer).await);
    ready(&*bus, QUEUE, 3).await;
    nothing_comes(&mut consumer).await;
    assert!(first.settle(Verdict::Ack).await);
    let third = comes(&mut consumer).await;
    assert_eq!(third.message_id.as_deref(), Some("3"));
    nothing_comes(&mut consumer).await;
    assert!(second.settle(Verdict::Ack).await);
    assert!(third.settle(Verdict::Ack).await);
}

pub async fn two_consumers_share_a_queue(broker: &Broker) {
    let (one, other) = (broker.connect().await, broker.connect().await);
    one.declare(&work()).await.unwrap();
    let mut consumers = [one.consume(QUEUE, 3).await.unwrap(), other.consume(QUEUE, 3).await.unwrap()];
    let ids = ["1", "2", "3", "4", "5", "6"];
    publish(&*one, &ids).await;
    let mut seen = BTreeSet::new();
    let mut unsettled = Vec::new();
    // With room for three each and nothing settled, six can only be had by sharing.
    for consumer in &mut consumers {
        for _ in 0..3 {
            let delivery = comes(consumer).await;
            assert!(seen.insert(delivery.message_id.clone().unwrap()), "{delivery:?} came twice");
            unsettled.push(delivery);
        }
    }
    assert_eq!(seen, ids.iter().map(ToString::to_string).collect());
    for delivery in unsettled {
        assert!(delivery.settle(Verdict::Ack).await);
    }
}

pub async fn a_dropped_consumer_gives_back_what_it_had_not_handed_out(broker: &Broker) {
    let bus = broker.connect().await;
    bus.declare(&work()).await.unwrap();
    publish(&*bus, &["1", "2", "3", "4"]).await;
    let mut consumer = bus.consume(QUEUE, 3).await.unwrap();
    let held = comes(&mut consumer).await;
    ready(&*bus, QUEUE, 1).await;
    drop(consumer);
    // All but the one in hand, although its channel has to stay open for it.
    ready(&*bus, QUEUE, 3).await;
    drop(held);
    ready(&*bus, QUEUE, 4).await;
    let (_, consumers) = bus.depth(QUEUE).await.unwrap();
    assert_eq!(consumers, 0);
}

pub async fn a_delivery_can_be_settled_after_its_consumer_is_dropped(broker: &Broker) {
    let bus = broker.connect().await;
    bus.declare(&work()).await.unwrap();
    publish(&*bus, &["1"]).await;
    let mut consumer = bus.consume(QUEUE, 1).await.unwrap();
    let delivery = comes(&mut consumer).await;
    drop(consumer);
    let mut other = bus.consume(QUEUE, 1).await.unwrap();
    publish(&*bus, &["2"]).await;
    let second = comes(&mut other).await;
    assert_eq!(second.message_id.as_deref(), Some("2"));
    assert!(delivery.settle(Verdict::Ack).await);
    assert!(second.settle(Verdict::Ack).await);
    nothing_comes(&mut other).await;
    ready(&*bus, QUEUE, 0).await;
}

pub async fn a_queue_that_does_not_exist_is_refused(broker: &Broker) {
    let bus = broker.connect().await;
    bus.declare(&work()).await.unwrap();
    for error in [
        bus.consume("agent.desktop.nobody", 1).await.map(drop).unwrap_err(),
        bus.depth("agent.desktop.nobody").await.map(drop).unwrap_err(),
        bus.peek("agent.desktop.nobody", 1).await.map(drop).unwrap_err(),
    ] {
        assert!(matches!(&error, BusError::Refused(reason) if reason.contains("agent.desktop.nobody")), "{error:?}");
    }
    publish(&*bus, &["1"]).await;
    ready(&*bus, QUEUE, 1).await;
}

pub async fn looking_at_messages_leaves_them_where_they_are(broker: &Broker) {
    let bus = broker.connect().await;
    bus.declare(&work()).await.unwrap();
    publish(&*bus, &["1", "2", "3"]).await;
    ready(&*bus, QUEUE, 3).await;
    let seen = bus.peek(QUEUE, 2).await.unwrap();
    let ids: Vec<_> = seen.iter().filter_map(|delivery| delivery.message_id.as_deref()).collect();
    assert_eq!(ids, ["1", "2"]);
    drop(seen);
    ready(&*bus, QUEUE, 3).await;
    assert_eq!(bus.peek(QUEUE, 10).await.unwrap().len(), 3);
    ready(&*bus, QUEUE, 3).await;
    // One that is acked is taken out.
    let first = bus.peek(QUEUE, 1).await.unwrap().remove(0);
    assert!(first.settle(Verdict::Ack).await);
    ready(&*bus, QUEUE, 2).await;
}

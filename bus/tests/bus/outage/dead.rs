//! A broker that is killed, and one that was never there.

use std::time::{Duration, Instant};

use chiffon_bus::{BusError, Outgoing, Published, Status, Verdict};
use chiffon_protocol::topology::{CONTROL_EXCHANGE, Topology, control_queue};

use crate::harness::{Node, QUEUE, comes, eventually, message, message_to, publish, reaches, ready, work};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_broker_loses_nothing_that_it_confirmed() {
    let mut node = Node::start().await;
    let bus = node.connect().await;
    bus.declare(&work()).await.unwrap();
    bus.declare(&Topology::control("infra-1", 1)).await.unwrap();
    let mut work_in = bus.consume(QUEUE, 1).await.unwrap();
    let mut control = bus.consume(&control_queue("infra-1", 1), 1).await.unwrap();
    publish(&*bus, &["1", "2", "3"]).await;
    let held = comes(&mut work_in).await;
    ready(&*bus, QUEUE, 2).await;

    node.broker.kill().await;
    reaches(&*bus, "disconnected", |status| matches!(status, Status::Disconnected(_))).await;
    let begun = Instant::now();
    let error = bus.publish(message("4")).await.unwrap_err();
    assert!(matches!(error, BusError::Unavailable(_)), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(7), "a publish waited {:?}", begun.elapsed());
    assert!(!held.settle(Verdict::Ack).await, "an ack can't have reached a dead broker");

    node.broker.restart().await.unwrap();
    reaches(&*bus, "connected", |status| *status == Status::Connected).await;
    // The same subscriptions go on, on a control queue that was declared again.
    for expected in ["1", "2", "3"] {
        let delivery = comes(&mut work_in).await;
        assert_eq!(delivery.message_id.as_deref(), Some(expected));
        assert!(delivery.settle(Verdict::Ack).await);
    }
    let key = control_queue("infra-1", 1);
    let grant = Outgoing { exchange: CONTROL_EXCHANGE.to_owned(), ..message_to(&key, "grant") };
    assert_eq!(bus.publish(grant).await.unwrap(), Published::Routed);
    let delivery = comes(&mut control).await;
    assert_eq!(delivery.message_id.as_deref(), Some("grant"));
    assert!(delivery.settle(Verdict::Ack).await);
    bus.close(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_starts_without_its_broker_and_gets_it_later() {
    let mut node = Node::start().await;
    node.broker.kill().await;
    let bus = node.begin();
    let begun = Instant::now();
    let error = bus.consume(QUEUE, 1).await.map(drop).unwrap_err();
    assert!(matches!(error, BusError::Unavailable(_)), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(7), "a subscription waited {:?}", begun.elapsed());
    assert!(matches!(*bus.status().borrow(), Status::Disconnected(_)));

    node.broker.restart().await.unwrap();
    reaches(&*bus, "connected", |status| *status == Status::Connected).await;
    bus.declare(&work()).await.unwrap();
    publish(&*bus, &["1"]).await;
    let mut consumer = bus.consume(QUEUE, 1).await.unwrap();
    assert!(comes(&mut consumer).await.settle(Verdict::Ack).await);
    bus.close(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bus_without_a_broker_closes_at_once() {
    let mut node = Node::start().await;
    node.broker.kill().await;
    let bus = node.begin();
    let begun = Instant::now();
    bus.close(Duration::from_secs(5)).await;
    assert!(begun.elapsed() < Duration::from_secs(4), "closing took {:?}", begun.elapsed());
    eventually("closed", || async {
        match bus.publish(message("1")).await {
            Err(BusError::Closed) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
}

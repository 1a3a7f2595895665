//! A broker that takes away a channel or a queue while the connection goes on.

use std::time::Duration;

use chiffon_bus::{Status, Verdict};

use crate::harness::{Node, QUEUE, comes, publish, work};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_held_too_long_costs_its_channel_and_nothing_else() {
    let node = Node::start().await;
    node.ctl(&["eval", "application:set_env(rabbit, consumer_timeout, 1500), application:set_env(rabbit, channel_tick_interval, 500)."]);
    let bus = node.connect().await;
    bus.declare(&work()).await.unwrap();
    let mut consumer = bus.consume(QUEUE, 1).await.unwrap();
    publish(&*bus, &["1"]).await;
    let held = comes(&mut consumer).await;
    // The broker closes the channel (406), and the subscription goes on by another one.
    let again = comes(&mut consumer).await;
    assert_eq!(again.message_id.as_deref(), Some("1"));
    assert!(again.redelivered);
    assert!(!held.settle(Verdict::Ack).await, "the old delivery's channel is gone");
    assert!(again.settle(Verdict::Ack).await);
    assert_eq!(*bus.status().borrow(), Status::Connected);
    bus.close(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_queue_is_declared_again_by_who_consumes_it() {
    let node = Node::start().await;
    let bus = node.connect().await;
    bus.declare(&work()).await.unwrap();
    let mut consumer = bus.consume(QUEUE, 1).await.unwrap();
    node.ctl(&["delete_queue", QUEUE]);
    crate::harness::eventually("the queue with its consumer", || async {
        let (_, consumers) = bus.depth(QUEUE).await.map_err(|error| error.to_string())?;
        if consumers == 1 { Ok(()) } else { Err(format!("{consumers} consumers")) }
    })
    .await;
    publish(&*bus, &["1"]).await;
    assert!(comes(&mut consumer).await.settle(Verdict::Ack).await);
    bus.close(Duration::from_secs(5)).await;
}

//! A broker that takes away a channel, a queue or a connection, and goes on.

use std::time::Duration;

use chiffon_bus::{Outgoing, Published, Status, Verdict};
use chiffon_protocol::topology::{CONTROL_EXCHANGE, Topology, control_queue};

use crate::harness::{Node, QUEUE, comes, eventually, message_to, publish, reaches, work};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_held_too_long_costs_its_channel_and_nothing_else() {
    let node = Node::start().await;
    node.ctl(&["eval", "application:set_env(rabbit, consumer_timeout, 1500), application:set_env(rabbit, channel_tick_interval, 500)."])
        .await;
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
    node.ctl(&["delete_queue", QUEUE]).await;
    eventually("the queue with its consumer", || async {
        let (_, consumers) = bus.depth(QUEUE).await.map_err(|error| error.to_string())?;
        if consumers == 1 { Ok(()) } else { Err(format!("{consumers} consumers")) }
    })
    .await;
    publish(&*bus, &["1"]).await;
    assert!(comes(&mut consumer).await.settle(Verdict::Ack).await);
    bus.close(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_control_queue_of_a_lost_connection_is_declared_again() {
    let node = Node::start().await;
    let (agent, orchestrator) = (node.connect().await, node.connect().await);
    let key = control_queue("infra-1", 1);
    agent.declare(&Topology::control("infra-1", 1)).await.unwrap();
    let mut control = agent.consume(&key, 1).await.unwrap();
    for round in ["one", "two"] {
        let grant = Outgoing { exchange: CONTROL_EXCHANGE.to_owned(), ..message_to(&key, round) };
        eventually("the grant has somewhere to go", || async {
            match orchestrator.publish(grant.clone()).await {
                Ok(Published::Routed) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
        let delivery = comes(&mut control).await;
        assert_eq!(delivery.message_id.as_deref(), Some(round));
        assert!(delivery.settle(Verdict::Ack).await);
        node.ctl(&["close_all_connections", "an operator did it"]).await;
    }
    for bus in [agent, orchestrator] {
        reaches(&*bus, "connected", |status| *status == Status::Connected).await;
        bus.close(Duration::from_secs(5)).await;
    }
}

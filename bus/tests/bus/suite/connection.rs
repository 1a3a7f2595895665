//! Connections: what they declare, what belongs to them, and what their end means for others.

use std::time::Duration;

use chiffon_bus::{BusError, Outgoing, Published, Status, Verdict};
use chiffon_protocol::topology::{CONTROL_EXCHANGE, Topology, control_queue};
use tokio::time::timeout;

use crate::harness::{Broker, LONG, QUEUE, comes, eventually, message, message_to, publish, ready, work, work_with};

const SOON: Duration = Duration::from_secs(5);

pub async fn declaring_twice_changes_nothing(broker: &Broker) {
    let (one, other) = (broker.connect().await, broker.connect().await);
    one.declare(&work()).await.unwrap();
    publish(&*one, &["1"]).await;
    one.declare(&work()).await.unwrap();
    other.declare(&work()).await.unwrap();
    ready(&*other, QUEUE, 1).await;
}

pub async fn a_queue_that_exists_with_other_arguments_is_named(broker: &Broker) {
    let (one, other) = (broker.connect().await, broker.connect().await);
    one.declare(&work()).await.unwrap();
    let error = other.declare(&work_with(&[("x-delivery-limit", 3)])).await.unwrap_err();
    assert!(matches!(&error, BusError::Mismatch { name, .. } if name == QUEUE), "{error:?}");
    publish(&*other, &["1"]).await;
    ready(&*other, QUEUE, 1).await;
}

pub async fn an_exclusive_queue_is_closed_to_other_connections(broker: &Broker) {
    let (agent, other) = (broker.connect().await, broker.connect().await);
    agent.declare(&Topology::control("infra-1", 1)).await.unwrap();
    agent.declare(&Topology::control("infra-1", 1)).await.unwrap();
    let error = other.declare(&Topology::control("infra-1", 1)).await.unwrap_err();
    assert!(matches!(&error, BusError::Mismatch { name, .. } if *name == control_queue("infra-1", 1)), "{error:?}");
    let error = other.consume(&control_queue("infra-1", 1), 1).await.map(drop).unwrap_err();
    assert!(matches!(error, BusError::Refused(_)), "{error:?}");
}

pub async fn an_exclusive_queue_goes_with_its_connection(broker: &Broker) {
    let (agent, sender) = (broker.connect().await, broker.connect().await);
    agent.declare(&Topology::control("infra-1", 1)).await.unwrap();
    let key = control_queue("infra-1", 1);
    let grant = Outgoing { exchange: CONTROL_EXCHANGE.to_owned(), ..message_to(&key, "grant") };
    assert_eq!(sender.publish(grant.clone()).await.unwrap(), Published::Routed);
    agent.close(SOON).await;
    eventually("nothing takes grants any more", || async {
        match sender.publish(grant.clone()).await {
            Ok(Published::Unroutable) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
}

pub async fn closing_gives_back_what_was_unsettled(broker: &Broker) {
    let (leaving, staying) = (broker.connect().await, broker.connect().await);
    leaving.declare(&work()).await.unwrap();
    publish(&*leaving, &["1", "2", "3"]).await;
    let mut consumer = leaving.consume(QUEUE, 2).await.unwrap();
    let held = comes(&mut consumer).await;
    ready(&*staying, QUEUE, 1).await;
    leaving.close(SOON).await;
    ready(&*staying, QUEUE, 3).await;
    assert!(!held.settle(Verdict::Ack).await, "an ack after the end of its connection can't have worked");
    let mut consumer = staying.consume(QUEUE, 3).await.unwrap();
    let mut redelivered = Vec::new();
    for _ in 0..3 {
        let delivery = comes(&mut consumer).await;
        redelivered.push((delivery.message_id.clone().unwrap(), delivery.redelivered));
        assert!(delivery.settle(Verdict::Ack).await);
    }
    redelivered.sort();
    assert_eq!(redelivered, [("1".to_owned(), true), ("2".to_owned(), true), ("3".to_owned(), false)]);
}

pub async fn closing_ends_subscriptions_and_refuses_what_comes_after(broker: &Broker) {
    let bus = broker.connect().await;
    bus.declare(&work()).await.unwrap();
    let mut consumer = bus.consume(QUEUE, 1).await.unwrap();
    timeout(LONG, bus.close(SOON)).await.expect("closing comes to an end");
    let ended = timeout(LONG, consumer.next()).await.expect("the subscription ends with the bus");
    assert!(ended.is_none(), "{ended:?}");
    assert!(matches!(bus.publish(message("1")).await, Err(BusError::Closed)));
    assert!(matches!(bus.declare(&work()).await, Err(BusError::Closed)));
    assert!(matches!(bus.consume(QUEUE, 1).await, Err(BusError::Closed)));
    assert!(matches!(*bus.status().borrow(), Status::Disconnected(_)));
    // A second time does no harm.
    bus.close(SOON).await;
}

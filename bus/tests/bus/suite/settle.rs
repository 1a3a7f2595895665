//! Verdicts: each does what it says, and what has none comes back.

use std::collections::BTreeMap;

use chiffon_bus::{Outgoing, Verdict};
use chiffon_protocol::topology::{CODE_HEADER, DEAD_LETTERS, ORIGIN_HEADER, REASON_HEADER};

use crate::harness::{Broker, QUEUE, comes, message, nothing_comes, only, publish, ready, work, work_with};

pub async fn an_acked_message_is_gone(broker: &Broker) {
    let bus = broker.connect().await;
    bus.declare(&work()).await.unwrap();
    publish(&*bus, &["1"]).await;
    let mut consumer = bus.consume(QUEUE, 1).await.unwrap();
    assert!(comes(&mut consumer).await.settle(Verdict::Ack).await);
    drop(consumer);
    bus.close(std::time::Duration::from_secs(5)).await;
    let later = broker.connect().await;
    ready(&*later, QUEUE, 0).await;
    let mut consumer = later.consume(QUEUE, 1).await.unwrap();
    nothing_comes(&mut consumer).await;
}

pub async fn a_dropped_delivery_comes_back_as_redelivered(broker: &Broker) {
    let bus = broker.connect().await;
    bus.declare(&work()).await.unwrap();
    publish(&*bus, &["1"]).await;
    let mut consumer = bus.consume(QUEUE, 1).await.unwrap();
    let first = comes(&mut consumer).await;
    assert!(!first.redelivered);
    drop(first);
    let again = comes(&mut consumer).await;
    assert_eq!(again.message_id.as_deref(), Some("1"));
    assert!(again.redelivered);
    assert!(again.settle(Verdict::Ack).await);
}

pub async fn a_returned_message_goes_to_another_consumer(broker: &Broker) {
    let (one, other) = (broker.connect().await, broker.connect().await);
    one.declare(&work()).await.unwrap();
    let mut leaving = one.consume(QUEUE, 1).await.unwrap();
    publish(&*one, &["1"]).await;
    let delivery = comes(&mut leaving).await;
    let mut staying = other.consume(QUEUE, 1).await.unwrap();
    // Whoever stops ends the subscription first, then gives back.
    drop(leaving);
    assert!(delivery.settle(Verdict::Return).await);
    let again = comes(&mut staying).await;
    assert_eq!(again.message_id.as_deref(), Some("1"));
    assert!(again.redelivered);
    assert!(again.settle(Verdict::Ack).await);
}

pub async fn a_rejected_message_lies_in_the_dead_letters_with_its_reason(broker: &Broker) {
    let bus = broker.connect().await;
    bus.declare(&work()).await.unwrap();
    bus.declare(&only(DEAD_LETTERS)).await.unwrap();
    let headers = BTreeMap::from([("traceparent".to_owned(), "00-aa-bb-01".to_owned())]);
    bus.publish(Outgoing { headers, ..message("poison") }).await.unwrap();
    let mut consumer = bus.consume(QUEUE, 1).await.unwrap();
    let verdict = Verdict::Reject { code: 1207, reason: "its signature has expired".to_owned() };
    assert!(comes(&mut consumer).await.settle(verdict).await);

    let mut dead = bus.consume(DEAD_LETTERS, 1).await.unwrap();
    let letter = comes(&mut dead).await;
    assert_eq!(letter.message_id.as_deref(), Some("poison"));
    assert_eq!(letter.correlation_id.as_deref(), Some("0af7651916cd43dd8448eb211c80319c"));
    assert_eq!(letter.body, "poison");
    for (header, value) in
        [(REASON_HEADER, "its signature has expired"), (CODE_HEADER, "1207"), (ORIGIN_HEADER, QUEUE), ("traceparent", "00-aa-bb-01")]
    {
        assert_eq!(letter.headers.get(header).map(String::as_str), Some(value), "{header} in {:?}", letter.headers);
    }
    assert!(letter.settle(Verdict::Ack).await);
    nothing_comes(&mut consumer).await;
}

pub async fn a_rejected_message_that_cant_be_kept_is_not_lost(broker: &Broker) {
    let bus = broker.connect().await;
    // Without the queue for dead letters.
    bus.declare(&work()).await.unwrap();
    publish(&*bus, &["poison"]).await;
    let mut consumer = bus.consume(QUEUE, 1).await.unwrap();
    let verdict = Verdict::Reject { code: 1207, reason: "its signature has expired".to_owned() };
    assert!(!comes(&mut consumer).await.settle(verdict.clone()).await);
    // With it, the same verdict works.
    bus.declare(&only(DEAD_LETTERS)).await.unwrap();
    let again = comes(&mut consumer).await;
    assert_eq!(again.message_id.as_deref(), Some("poison"));
    assert!(again.redelivered);
    assert!(again.settle(verdict).await);
    ready(&*bus, DEAD_LETTERS, 1).await;
}

pub async fn a_message_that_keeps_coming_back_ends_in_the_dead_letters(broker: &Broker) {
    let bus = broker.connect().await;
    bus.declare(&only(DEAD_LETTERS)).await.unwrap();
    bus.declare(&work_with(&[("x-delivery-limit", 2)])).await.unwrap();
    publish(&*bus, &["restless"]).await;
    let mut consumer = bus.consume(QUEUE, 1).await.unwrap();
    for delivery in 0..3 {
        let again = comes(&mut consumer).await;
        assert_eq!(again.redelivered, delivery > 0, "delivery {delivery}");
        assert!(again.settle(Verdict::Return).await);
    }
    ready(&*bus, DEAD_LETTERS, 1).await;
    nothing_comes(&mut consumer).await;
    let letters = bus.peek(DEAD_LETTERS, 10).await.unwrap();
    assert_eq!(letters.len(), 1);
    let headers = &letters[0].headers;
    assert_eq!(headers.get(ORIGIN_HEADER).map(String::as_str), Some(QUEUE), "{headers:?}");
    assert_eq!(headers.get(REASON_HEADER).map(String::as_str), Some("delivery_limit"), "{headers:?}");
}

//! Publishing: the answer is true, and what arrives is what was sent.

use std::collections::BTreeMap;

use bytes::Bytes;
use chiffon_bus::{BusError, Outgoing, Published, Verdict};
use chiffon_protocol::topology::{CONTROL_EXCHANGE, Topology, control_queue};
use futures::future::join_all;

use crate::harness::{Broker, QUEUE, comes, message, message_to, nothing_comes, publish, ready, work};

pub async fn messages_arrive_in_the_order_in_which_they_were_published(broker: &Broker) {
    let bus = broker.connect().await;
    bus.declare(&work()).await.unwrap();
    publish(&*bus, &["1", "2", "3", "4", "5"]).await;
    let mut consumer = bus.consume(QUEUE, 2).await.unwrap();
    for expected in ["1", "2", "3", "4", "5"] {
        let delivery = comes(&mut consumer).await;
        assert_eq!(delivery.message_id.as_deref(), Some(expected));
        assert!(!delivery.redelivered);
        assert!(delivery.settle(Verdict::Ack).await);
    }
}

pub async fn a_message_that_no_queue_is_bound_for_is_told_as_unroutable(broker: &Broker) {
    let bus = broker.connect().await;
    bus.declare(&work()).await.unwrap();
    assert_eq!(bus.publish(message_to("agent.desktop.nobody", "1")).await.unwrap(), Published::Unroutable);
    assert_eq!(bus.publish(message("2")).await.unwrap(), Published::Routed);
}

pub async fn an_exchange_that_does_not_exist_is_refused_and_harms_no_later_message(broker: &Broker) {
    let bus = broker.connect().await;
    bus.declare(&work()).await.unwrap();
    let nowhere = Outgoing { exchange: "chiffon.nowhere".to_owned(), ..message("1") };
    let error = bus.publish(nowhere).await.unwrap_err();
    assert!(matches!(&error, BusError::Refused(reason) if reason.contains("chiffon.nowhere")), "{error:?}");
    publish(&*bus, &["2", "3"]).await;
    ready(&*bus, QUEUE, 2).await;
}

pub async fn headers_and_ids_survive(broker: &Broker) {
    let bus = broker.connect().await;
    bus.declare(&work()).await.unwrap();
    let headers = BTreeMap::from([
        ("traceparent".to_owned(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        ("chiffon-signature".to_owned(), "v1;key=ä;".to_owned() + &"x".repeat(600)),
    ]);
    bus.publish(Outgoing { headers: headers.clone(), ..message("7b0c") }).await.unwrap();
    let mut consumer = bus.consume(QUEUE, 1).await.unwrap();
    let delivery = comes(&mut consumer).await;
    assert_eq!(delivery.headers, headers);
    assert_eq!(delivery.message_id.as_deref(), Some("7b0c"));
    assert_eq!(delivery.correlation_id.as_deref(), Some("0af7651916cd43dd8448eb211c80319c"));
    assert_eq!(delivery.queue, QUEUE);
    assert_eq!(delivery.body, Bytes::from_static(b"7b0c"));
    assert!(delivery.settle(Verdict::Ack).await);
}

pub async fn a_body_of_a_megabyte_survives(broker: &Broker) {
    let bus = broker.connect().await;
    bus.declare(&work()).await.unwrap();
    let body: Bytes = (0..1_048_576_u32).map(|index| u8::try_from(index % 251).unwrap()).collect();
    bus.publish(Outgoing { body: body.clone(), ..message("big") }).await.unwrap();
    let mut consumer = bus.consume(QUEUE, 1).await.unwrap();
    let delivery = comes(&mut consumer).await;
    assert!(delivery.body == body, "a body of {} bytes came back with {} or with others", body.len(), delivery.body.len());
    assert!(delivery.settle(Verdict::Ack).await);
}

pub async fn many_messages_are_confirmed_side_by_side(broker: &Broker) {
    let bus = broker.connect().await;
    bus.declare(&work()).await.unwrap();
    let ids: Vec<String> = (0..300).map(|number| number.to_string()).collect();
    let answers = join_all(ids.iter().map(|id| bus.publish(message(id)))).await;
    for (id, answer) in ids.iter().zip(answers) {
        assert_eq!(answer.unwrap(), Published::Routed, "message {id}");
    }
    ready(&*bus, QUEUE, 300).await;
}

pub async fn a_control_message_reaches_the_queue_of_its_key_only(broker: &Broker) {
    let (agent, other, sender) = (broker.connect().await, broker.connect().await, broker.connect().await);
    agent.declare(&Topology::control("infra-1", 1)).await.unwrap();
    other.declare(&Topology::control("infra-1", 2)).await.unwrap();
    let mut wanted = agent.consume(&control_queue("infra-1", 1), 4).await.unwrap();
    let mut unwanted = other.consume(&control_queue("infra-1", 2), 4).await.unwrap();
    let key = control_queue("infra-1", 1);
    let grant = Outgoing { exchange: CONTROL_EXCHANGE.to_owned(), ..message_to(&key, "grant") };
    assert_eq!(sender.publish(grant).await.unwrap(), Published::Routed);
    let delivery = comes(&mut wanted).await;
    assert_eq!(delivery.message_id.as_deref(), Some("grant"));
    assert!(delivery.settle(Verdict::Ack).await);
    nothing_comes(&mut unwanted).await;
}

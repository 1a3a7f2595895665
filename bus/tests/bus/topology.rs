//! What is declared is what the broker has. Quorum queues accept unknown arguments silently, so only the broker's own report
//! shows a typing error (RELIABILITY 24).

use chiffon_bus::BusError;
use chiffon_protocol::kind::{DESKTOP, Kinds};
use chiffon_protocol::topology::{QueueType, Topology};
use serde_json::{Value, json};

use crate::harness::{Broker, QUEUE, message, message_to, work};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_broker_reports_the_quorum_topology_as_it_was_declared() {
    is_reported_as_declared("quorum", QueueType::Quorum).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_broker_reports_the_classic_topology_as_it_was_declared() {
    is_reported_as_declared("classic", QueueType::Classic).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_of_the_other_type_is_named() {
    let broker = Broker::rabbitmq("other-type").await;
    let bus = broker.connect().await;
    bus.declare(&Topology::of_agent(QueueType::Classic, &DESKTOP, "test")).await.unwrap();
    let error = bus.declare(&work()).await.unwrap_err();
    assert!(matches!(&error, BusError::Mismatch { name, reason } if name == QUEUE && reason.contains("x-")), "{error:?}");
    broker.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_are_persistent_unless_they_are_transient() {
    let broker = Broker::rabbitmq("persistence").await;
    let bus = broker.connect().await;
    bus.declare(&work()).await.unwrap();
    bus.publish(message("kept")).await.unwrap();
    bus.publish(chiffon_bus::Outgoing { transient: true, ..message_to(QUEUE, "fleeting") }).await.unwrap();

    let raw = lapin::Connection::connect(broker.url(), lapin::ConnectionProperties::default()).await.unwrap();
    let channel = raw.create_channel().await.unwrap();
    for (id, mode) in [("kept", 2), ("fleeting", 1)] {
        let got = channel.basic_get(QUEUE.into(), lapin::options::BasicGetOptions::default()).await.unwrap().unwrap();
        let properties = &got.delivery.properties;
        assert_eq!(properties.message_id().as_ref().map(lapin::types::ShortString::as_str), Some(id));
        assert_eq!(*properties.delivery_mode(), Some(mode), "{id}");
        assert_eq!(properties.content_type().as_ref().map(lapin::types::ShortString::as_str), Some("application/json"));
    }
    drop(raw.close(200, "done".into()).await);
    broker.finish().await;
}

async fn is_reported_as_declared(name: &str, queue_type: QueueType) {
    let broker = Broker::rabbitmq(name).await;
    let bus = broker.connect().await;
    let parts = [
        Topology::shared(queue_type, &Kinds::default()),
        Topology::of_agent(queue_type, &DESKTOP, "test"),
        Topology::control("infra-1", 7),
    ];
    for part in &parts {
        bus.declare(part).await.unwrap();
    }
    let (management, vhost) = broker.management();

    let queues = management.queue_arguments(vhost).await.unwrap();
    let declared = parts.iter().flat_map(|part| &part.queues);
    let expected = declared.clone().map(|queue| {
        json!({"name": queue.name, "durable": queue.durable, "exclusive": queue.exclusive, "auto_delete": false, "arguments": queue.arguments})
    });
    let ours = reported(&queues, &["name", "durable", "exclusive", "auto_delete", "arguments"]);
    assert_eq!(sorted(ours), sorted(expected));

    let exchanges = management.exchanges(vhost).await.unwrap();
    let ours = reported(&exchanges, &["name", "type", "durable", "arguments"]).filter(|one| is_ours(one, "name"));
    let expected = parts[0].exchanges.iter().map(|one| json!({"name": one.name, "type": one.kind, "durable": true, "arguments": {}}));
    assert_eq!(sorted(ours), sorted(expected));

    let bindings = management.bindings(vhost).await.unwrap();
    let ours = reported(&bindings, &["source", "destination", "routing_key"]).filter(|one| is_ours(one, "source"));
    let expected = declared.map(|queue| json!({"source": queue.exchange, "destination": queue.name, "routing_key": queue.routing_key}));
    assert_eq!(sorted(ours), sorted(expected));
    broker.finish().await;
}

/// The broker has exchanges of its own, `amq.*` and the nameless one.
fn is_ours(object: &Value, field: &str) -> bool {
    object[field].as_str().is_some_and(|name| !name.is_empty() && !name.starts_with("amq."))
}

fn reported(list: &Value, fields: &'static [&str]) -> impl Iterator<Item = Value> {
    let objects = list.as_array().expect("the broker reports a list").clone();
    objects.into_iter().map(move |object| fields.iter().map(|field| ((*field).to_owned(), object[*field].clone())).collect())
}

fn sorted(objects: impl Iterator<Item = Value>) -> Vec<String> {
    // Arguments come in any order; as a map they compare alike.
    let mut lines: Vec<String> = objects.map(|object| canonical(&object).to_string()).collect();
    lines.sort();
    lines
}

fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().map(|(name, value)| (name.clone(), canonical(value))).collect();
            fields.sort_by(|one, other| one.0.cmp(&other.0));
            Value::Object(fields.into_iter().collect())
        }
        other => other.clone(),
    }
}

//! Exchanges, bindings and queues that somebody deletes on a running broker: work goes on.

use std::sync::Arc;
use std::time::Duration;

use chiffon_bus::rabbit::{RabbitBus, RabbitOptions};
use chiffon_bus::{Bus, Consumer, Published, Verdict};
use chiffon_process::{Shutdown, Spawner};
use chiffon_protocol::topology::{CLAIMS, CONTROL_EXCHANGE, Topology, WORK_EXCHANGE, control_queue};
use lapin::options::{ExchangeDeleteOptions, QueueDeleteOptions};
use lapin::types::FieldTable;

use crate::harness::{Broker, Lost, Mute, QUEUE, comes, eventually, message, message_to, only, options, publish, work};

async fn raw(broker: &Broker) -> (lapin::Connection, lapin::Channel) {
    let connection = lapin::Connection::connect(broker.url(), lapin::ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    (connection, channel)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_publish_needs_and_somebody_deleted_is_declared_again() {
    let broker = Broker::rabbitmq("stripped").await;
    let tasks = Spawner::new(Shutdown::new());
    let often = RabbitOptions { declare_again_every: Duration::from_millis(500), ..options(broker.url()) };
    let bus = RabbitBus::connect(often, &tasks).await.unwrap();
    bus.declare(&work()).await.unwrap();
    bus.declare(&only(CLAIMS)).await.unwrap();
    let (mut work, mut claims) = (bus.consume(QUEUE, 8).await.unwrap(), bus.consume(CLAIMS, 8).await.unwrap());
    let (other, channel) = raw(&broker).await;

    channel.queue_unbind(QUEUE.into(), WORK_EXCHANGE.into(), QUEUE.into(), FieldTable::default()).await.unwrap();
    publish(&*bus, &["after the binding"]).await;
    assert!(comes(&mut work).await.settle(Verdict::Ack).await);

    channel.exchange_delete(WORK_EXCHANGE.into(), ExchangeDeleteOptions::default()).await.unwrap();
    publish(&*bus, &["after the exchange"]).await;
    assert!(comes(&mut work).await.settle(Verdict::Ack).await);
    assert_eq!(bus.publish(message_to(CLAIMS, "beside it")).await.unwrap(), Published::Routed, "the bindings of all its queues are back");
    assert!(comes(&mut claims).await.settle(Verdict::Ack).await);

    channel.queue_delete(QUEUE.into(), QueueDeleteOptions::default()).await.unwrap();
    publish(&*bus, &["after the queue"]).await;
    assert!(comes(&mut work).await.settle(Verdict::Ack).await);

    let nobody = bus.publish(message_to("agent.desktop.nobody", "1")).await.unwrap();
    assert_eq!(nobody, Published::Unroutable, "what was never declared is not made up");
    other.close(200, "done".into()).await.unwrap();
    bus.close(Duration::from_secs(5)).await;
    broker.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_only_listens_hears_again_after_a_while() {
    let broker = Broker::rabbitmq("deaf").await;
    let tasks = Spawner::new(Shutdown::new());
    let often = RabbitOptions { declare_again_every: Duration::from_millis(200), ..options(broker.url()) };
    let agent = RabbitBus::connect(often, &tasks).await.unwrap();
    agent.declare(&work()).await.unwrap();
    agent.declare(&Topology::control("infra-1", 7)).await.unwrap();
    let control = control_queue("infra-1", 7);
    let (mut work, mut orders) = (agent.consume(QUEUE, 8).await.unwrap(), agent.consume(&control, 8).await.unwrap());
    let (other, channel) = raw(&broker).await;
    for exchange in [WORK_EXCHANGE, CONTROL_EXCHANGE] {
        channel.exchange_delete(exchange.into(), ExchangeDeleteOptions::default()).await.unwrap();
    }
    let orchestrator = broker.connect().await;
    for (exchange, key, consumer) in [(WORK_EXCHANGE, QUEUE, &mut work), (CONTROL_EXCHANGE, control.as_str(), &mut orders)] {
        eventually("the agent is reached", || async {
            let sent = chiffon_bus::Outgoing { exchange: exchange.to_owned(), ..message_to(key, "hear") };
            match orchestrator.publish(sent).await {
                Ok(Published::Routed) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
        assert!(comes(consumer).await.settle(Verdict::Ack).await);
    }
    assert_eq!(orchestrator.publish(message("again")).await.unwrap(), Published::Routed);
    assert!(comes(&mut work).await.settle(Verdict::Ack).await);
    other.close(200, "done".into()).await.unwrap();
    agent.close(Duration::from_secs(5)).await;
    broker.finish().await;
}

/// A bus that is never told that its consumer's queue is gone, and looks after its queues this often.
async fn never_told(mute: &Mute, every: Duration, tasks: &Spawner) -> (Arc<dyn Bus>, Consumer) {
    let bus = RabbitBus::connect(RabbitOptions { declare_again_every: every, ..options(mute.url()) }, tasks).await.unwrap();
    bus.declare(&work()).await.unwrap();
    let consumer = bus.consume(QUEUE, 8).await.unwrap();
    (bus, consumer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_not_told_that_its_queue_was_deleted_consumes_again() {
    let broker = Broker::rabbitmq("untold").await;
    let (mute, tasks) = (Mute::before(broker.url(), Lost::Notices).await, Spawner::new(Shutdown::new()));
    let (bus, mut consumer) = never_told(&mute, Duration::from_millis(200), &tasks).await;
    let (other, channel) = raw(&broker).await;
    channel.queue_delete(QUEUE.into(), QueueDeleteOptions::default()).await.unwrap();
    publish(&*bus, &["after the queue"]).await;
    assert!(comes(&mut consumer).await.settle(Verdict::Ack).await);
    other.close(200, "done".into()).await.unwrap();
    bus.close(Duration::from_secs(5)).await;
    broker.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_not_told_that_its_queue_is_another_consumes_again() {
    let broker = Broker::rabbitmq("replaced").await;
    let (mute, tasks) = (Mute::before(broker.url(), Lost::Notices).await, Spawner::new(Shutdown::new()));
    let (bus, mut consumer) = never_told(&mute, Duration::from_millis(500), &tasks).await;
    let ((other, channel), orchestrator) = (raw(&broker).await, broker.connect().await);
    channel.queue_delete(QUEUE.into(), QueueDeleteOptions::default()).await.unwrap();
    orchestrator.declare(&work()).await.unwrap();
    publish(&*orchestrator, &["in the new queue"]).await;
    assert!(comes(&mut consumer).await.settle(Verdict::Ack).await);
    other.close(200, "done".into()).await.unwrap();
    bus.close(Duration::from_secs(5)).await;
    broker.finish().await;
}

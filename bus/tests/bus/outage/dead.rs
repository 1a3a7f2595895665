//! A broker that is killed, and one that was never there.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use chiffon_bus::rabbit::{RabbitBus, RabbitOptions};
use chiffon_bus::{BusError, Status, Verdict};
use chiffon_process::{Shutdown, Spawner};
use futures::future::join_all;
use tokio::task::JoinSet;

use crate::harness::{Broker, LONG, Lost, Mute, Node, QUEUE, comes, eventually, message, options, publish, reaches, work};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_broker_loses_nothing_that_it_confirmed() {
    let mut node = Node::start().await;
    let bus = node.connect().await;
    bus.declare(&work()).await.unwrap();
    let mut consumer = bus.consume(QUEUE, 1).await.unwrap();
    // What was declared within the last half second before a kill may be missing afterwards; an orderly stop writes it down.
    node.broker.restart().await.unwrap();
    reaches(&*bus, "connected", |status| *status == Status::Connected).await;
    publish(&*bus, &["first"]).await;
    let held = comes(&mut consumer).await;

    let ids: Vec<String> = (0..200).map(|number| number.to_string()).collect();
    let begun = Instant::now();
    let (answers, ()) = tokio::join!(join_all(ids.iter().map(|id| bus.publish(message(id)))), node.broker.kill());
    assert!(begun.elapsed() < Duration::from_secs(30), "a publish that was under way waited {:?}", begun.elapsed());
    reaches(&*bus, "disconnected", |status| matches!(status, Status::Disconnected(_))).await;
    let error = bus.publish(message("too late")).await.unwrap_err();
    assert!(matches!(error, BusError::Unavailable(_)), "{error:?}");
    assert!(!held.settle(Verdict::Ack).await, "an ack can't have reached a dead broker");

    node.broker.restart().await.unwrap();
    reaches(&*bus, "connected", |status| *status == Status::Connected).await;
    let mut missing: BTreeSet<&str> = BTreeSet::from(["first"]);
    missing.extend(ids.iter().zip(&answers).filter(|(_, answer)| answer.is_ok()).map(|(id, _)| id.as_str()));
    while !missing.is_empty() {
        let delivery = comes(&mut consumer).await;
        missing.remove(delivery.message_id.as_deref().unwrap());
        assert!(delivery.settle(Verdict::Ack).await);
    }
    bus.close(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_on_which_no_message_is_confirmed_is_left_for_another() {
    let broker = Broker::rabbitmq("unconfirmed").await;
    let (mute, tasks) = (Mute::before(broker.url(), Lost::FirstConfirms).await, Spawner::new(Shutdown::new()));
    let hasty = RabbitOptions { publish_timeout: Duration::from_secs(2), ..options(mute.url()) };
    let bus = RabbitBus::connect(hasty, &tasks).await.unwrap();
    bus.declare(&work()).await.unwrap();
    let error = bus.publish(message("1")).await.unwrap_err();
    assert!(matches!(&error, BusError::Unavailable(reason) if reason.contains("did not answer")), "{error:?}");
    assert_eq!(*bus.status().borrow(), Status::Connected);
    publish(&*bus, &["2"]).await;
    bus.close(Duration::from_secs(5)).await;
    broker.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verdict_comes_to_something_although_its_connection_ends_under_it() {
    let broker = Broker::rabbitmq("ending").await;
    let (mute, tasks) = (Mute::before(broker.url(), Lost::Nothing).await, Spawner::new(Shutdown::new()));
    let bus = RabbitBus::connect(options(mute.url()), &tasks).await.unwrap();
    bus.declare(&work()).await.unwrap();
    let mut consumer = bus.consume(QUEUE, 64).await.unwrap();
    let other = broker.connect().await;
    for round in 0..5_u32 {
        let mut held = Vec::new();
        publish(&*other, &["1"; 64]).await;
        while held.len() < 64 {
            held.push(comes(&mut consumer).await);
        }
        let mut settling = JoinSet::new();
        for (at, delivery) in held.into_iter().enumerate() {
            if at == 4 {
                mute.cut();
            }
            settling.spawn(delivery.settle(Verdict::Ack));
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_micros(u64::from(10 * (1 + round))) {
                std::hint::spin_loop();
            }
        }
        let settled = tokio::time::timeout(LONG, settling.join_all()).await;
        assert!(settled.is_ok(), "round {round}: a verdict never came to anything");
    }
    bus.close(Duration::from_secs(5)).await;
    broker.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_starts_without_its_broker_and_gets_it_later() {
    let mut node = Node::start().await;
    node.broker.kill().await;
    let bus = node.begin();
    let begun = Instant::now();
    let error = bus.consume(QUEUE, 1).await.map(drop).unwrap_err();
    assert!(matches!(error, BusError::Unavailable(_)), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(30), "a subscription waited {:?}", begun.elapsed());
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
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let bus = RabbitBus::start(options(&format!("amqp://{nobody}/")), &Spawner::new(Shutdown::new())).unwrap();
    let begun = Instant::now();
    bus.close(Duration::from_secs(5)).await;
    assert!(begun.elapsed() < Duration::from_secs(20), "closing took {:?}", begun.elapsed());
    eventually("closed", || async {
        match bus.publish(message("1")).await {
            Err(BusError::Closed) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
}

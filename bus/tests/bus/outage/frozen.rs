//! A broker that holds its connections and says nothing, and one that takes no messages.

use std::time::{Duration, Instant};

use chiffon_bus::{BusError, Status, Verdict};

use crate::harness::{Node, QUEUE, comes, message, publish, reaches, work};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_broker_is_noticed_and_used_again_when_it_thaws() {
    let node = Node::start().await;
    let bus = node.connect().await;
    bus.declare(&work()).await.unwrap();
    let mut consumer = bus.consume(QUEUE, 4).await.unwrap();
    publish(&*bus, &["1"]).await;
    assert!(comes(&mut consumer).await.settle(Verdict::Ack).await);

    node.broker.pause();
    let begun = Instant::now();
    let error = bus.publish(message("2")).await.unwrap_err();
    assert!(matches!(error, BusError::Unavailable(_)), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(30), "a publish waited {:?}", begun.elapsed());
    reaches(&*bus, "disconnected", |status| matches!(status, Status::Disconnected(_))).await;
    assert!(begun.elapsed() < Duration::from_secs(40), "it took {:?} to notice", begun.elapsed());

    node.broker.resume();
    reaches(&*bus, "connected", |status| *status == Status::Connected).await;
    publish(&*bus, &["3"]).await;
    // What was under way when it froze may have arrived, and then lies before.
    loop {
        let delivery = comes(&mut consumer).await;
        let id = delivery.message_id.clone().unwrap();
        assert!(delivery.settle(Verdict::Ack).await);
        match id.as_str() {
            "3" => break,
            "2" => {}
            other => panic!("message {other} was acked before"),
        }
    }
    bus.close(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_takes_no_messages_is_shown_as_blocked() {
    let node = Node::start().await;
    let bus = node.connect().await;
    bus.declare(&work()).await.unwrap();
    publish(&*bus, &["1"]).await;
    let mut consumer = bus.consume(QUEUE, 4).await.unwrap();

    node.ctl(&["set_vm_memory_high_watermark", "absolute", "1MB"]).await;
    // The first message after the alarm is what the broker answers with it.
    let begun = Instant::now();
    let error = bus.publish(message("2")).await.unwrap_err();
    assert!(matches!(error, BusError::Refused(_) | BusError::Unavailable(_)), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(30), "a publish waited {:?}", begun.elapsed());
    let status = reaches(&*bus, "blocked", |status| matches!(status, Status::Blocked(_))).await;
    assert!(matches!(&status, Status::Blocked(reason) if reason.contains("memory")), "{status:?}");
    let error = bus.publish(message("3")).await.unwrap_err();
    assert!(matches!(error, BusError::Refused(_)), "{error:?}");
    // Acks go by the other connection, which is not blocked.
    assert!(comes(&mut consumer).await.settle(Verdict::Ack).await);

    node.ctl(&["set_vm_memory_high_watermark", "0.4"]).await;
    reaches(&*bus, "connected", |status| *status == Status::Connected).await;
    publish(&*bus, &["4"]).await;
    bus.close(Duration::from_secs(5)).await;
}

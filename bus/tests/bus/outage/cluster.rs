//! A cluster of three that loses a node under load, gets it back and loses another one.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chiffon_bus::rabbit::RabbitBus;
use chiffon_bus::{Bus, Consumer, Published, Status, Verdict};
use chiffon_nodes::RabbitCluster;
use chiffon_process::{Shutdown, Spawner};
use futures::future::join_all;

use crate::harness::{LONG, QUEUE, eventually, log_to_the_test, message, options, reaches, work};

/// Publishers side by side.
const SENDERS: usize = 8;

/// What was promised and what has come, by message id.
#[derive(Default)]
struct Load {
    confirmed: Mutex<BTreeSet<String>>,
    received: Mutex<BTreeSet<String>>,
}

impl Load {
    fn confirmed(&self) -> usize {
        self.confirmed.lock().unwrap().len()
    }

    fn missing(&self) -> Vec<String> {
        let received = self.received.lock().unwrap();
        self.confirmed.lock().unwrap().difference(&received).cloned().collect()
    }

    /// Publishes until so many more are confirmed. What is not confirmed is given up.
    async fn send(&self, bus: &dyn Bus, phase: &str, more: usize) {
        let enough = self.confirmed() + more;
        let begun = Instant::now();
        join_all((0..SENDERS).map(|sender| async move {
            for number in 0.. {
                if self.confirmed() >= enough {
                    break;
                }
                let id = format!("{phase}-{sender}-{number}");
                match bus.publish(message(&id)).await {
                    Ok(Published::Routed) => drop(self.confirmed.lock().unwrap().insert(id)),
                    Ok(other) => panic!("message {id} was {other:?}"),
                    Err(error) => {
                        assert!(
                            begun.elapsed() < LONG,
                            "{phase}: {} of {enough} are confirmed after {LONG:?}; last: {error}",
                            self.confirmed()
                        );
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                }
            }
        }))
        .await;
    }

    async fn take(&self, mut consumer: Consumer) {
        while let Some(delivery) = consumer.next().await {
            let id = delivery.message_id.clone().unwrap();
            // An ack that is lost with its node brings the message back.
            if delivery.settle(Verdict::Ack).await {
                self.received.lock().unwrap().insert(id);
            }
        }
    }

    async fn nothing_is_missing(&self) {
        eventually("everything that was confirmed has come", || async {
            let missing = self.missing();
            if missing.is_empty() { Ok(()) } else { Err(format!("{} are missing: {missing:?}", missing.len())) }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_killed_under_load_costs_nothing_that_was_confirmed_and_counts_again_when_it_is_back() {
    log_to_the_test();
    let mut cluster = RabbitCluster::start_temporary().await.unwrap();
    let tasks = Spawner::new(Shutdown::new());
    let connect = || RabbitBus::start(options(&cluster.amqp_url("/")), &tasks).unwrap();
    // Both begin on the first node, where the queue's leader is, too.
    let (sending, taking) = (connect(), connect());
    taking.declare(&work()).await.unwrap();
    reaches(&*sending, "connected", |status| *status == Status::Connected).await;
    let load = Arc::new(Load::default());
    let consumer = taking.consume(QUEUE, 16).await.unwrap();
    tasks.spawn("consumer", {
        let load = load.clone();
        async move { load.take(consumer).await }
    });
    all_hold_the_queue(&cluster).await;

    load.send(&*sending, "before", 200).await;
    tokio::join!(load.send(&*sending, "while", 400), cluster.node(0).kill());
    load.send(&*sending, "after", 100).await;
    load.nothing_is_missing().await;

    cluster.node(0).restart().await.unwrap();
    all_hold_the_queue(&cluster).await;
    // Without the first node, the third one alone would be no majority.
    tokio::join!(load.send(&*sending, "again", 400), cluster.node(1).kill());
    load.send(&*sending, "last", 100).await;
    load.nothing_is_missing().await;

    for bus in [sending, taking] {
        bus.close(Duration::from_secs(5)).await;
    }
    assert!(tasks.finish(Duration::from_secs(10)).await, "the consumer ends with its bus");
}

/// Waits until each node has its copy of the queue.
async fn all_hold_the_queue(cluster: &RabbitCluster) {
    eventually("all three nodes hold the queue", || async {
        let queues = cluster.nodes()[2].queue_arguments("/").await.map_err(|error| error.to_string())?;
        let queue = queues.as_array().into_iter().flatten().find(|queue| queue["name"] == QUEUE).cloned().unwrap_or_default();
        if queue["online"].as_array().is_some_and(|online| online.len() == 3) { Ok(()) } else { Err(queue["online"].to_string()) }
    })
    .await;
}

//! Floods of what nobody trusted has signed: they hold up no result, and they are counted instead of kept.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use chiffon_bus::{Bus, BusError, Consumer, Delivery, Outgoing, Published, Settler, Status, Verdict};
use chiffon_engine::deliveries::dead_letters::DeadLettersInbox;
use chiffon_engine::deliveries::results::ResultsInbox;
use chiffon_engine::verbs::dead_letters::let_go;
use chiffon_harness::site::Site;
use chiffon_kernel::deliveries::{self, Inbox as _};
use chiffon_process::Spawner;
use chiffon_protocol::message::Outcome;
use chiffon_protocol::topology::{CODE_HEADER, DEAD_LETTERS, ORIGIN_HEADER, REASON_HEADER, RESULTS, Topology, WORK_EXCHANGE};
use tokio::sync::{mpsc, watch};

use chiffon_harness::wire::taken;

use super::dying::{die, lost_result};

/// A broker on a slow disk: a rejected message is there after this only.
const STORES_AFTER: Duration = Duration::from_millis(20);
const FLOOD: usize = 2_000;

#[derive(Debug)]
struct SlowDisk {
    bus: Arc<dyn Bus>,
    tasks: Spawner,
}

#[async_trait]
impl Bus for SlowDisk {
    async fn consume(&self, queue: &str, prefetch: u16) -> Result<Consumer, BusError> {
        let mut inner = self.bus.consume(queue, prefetch).await?;
        let (send, receive) = mpsc::channel(usize::from(prefetch));
        let tasks = self.tasks.clone();
        self.tasks.spawn("forward", async move {
            while let Some(delivery) = inner.next().await {
                if send.send(slowed(&tasks, delivery)).await.is_err() {
                    return;
                }
            }
        });
        Ok(Consumer::new(receive, || {}))
    }

    async fn declare(&self, topology: &Topology) -> Result<(), BusError> {
        self.bus.declare(topology).await
    }
    async fn publish(&self, message: Outgoing) -> Result<Published, BusError> {
        self.bus.publish(message).await
    }
    async fn peek(&self, queue: &str, limit: usize) -> Result<Vec<Delivery>, BusError> {
        self.bus.peek(queue, limit).await
    }
    async fn depth(&self, queue: &str) -> Result<(u32, u32), BusError> {
        self.bus.depth(queue).await
    }
    fn status(&self) -> watch::Receiver<Status> {
        self.bus.status()
    }
    async fn close(&self, within: Duration) {
        self.bus.close(within).await;
    }
    fn driver(&self) -> &'static str {
        "memory"
    }
}

fn slowed(tasks: &Spawner, delivery: Delivery) -> Delivery {
    let Delivery { queue, message_id, correlation_id, headers, body, redelivered, settler } = delivery;
    let (of, said, copy) = (queue.clone(), headers.clone(), body.clone());
    let tasks = tasks.clone();
    let settler = Settler::new(move |verdict, done| {
        let inner = Delivery { queue: of, message_id: None, correlation_id: None, headers: said, body: copy, redelivered, settler };
        tasks.spawn("settle", async move {
            if matches!(verdict, Verdict::Reject { .. }) {
                tokio::time::sleep(STORES_AFTER).await;
            }
            done.send(inner.settle(verdict).await).ok();
        });
    });
    Delivery { queue, message_id, correlation_id, headers, body, redelivered, settler }
}

fn from_a_stranger(number: usize, body: &Bytes) -> Outgoing {
    Outgoing {
        exchange: WORK_EXCHANGE.to_owned(),
        routing_key: RESULTS.to_owned(),
        message_id: number.to_string(),
        correlation_id: "flood".to_owned(),
        headers: BTreeMap::new(),
        body: body.clone(),
        transient: false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_letters_of_a_mebibyte_hold_up_no_result() {
    let mut site = Site::start().await;
    let (agent, work, request) = taken(&site).await;
    let bus = site.app.broker.connect();
    let body = Bytes::from(vec![b'x'; 1024 * 1024]);
    for number in 0..FLOOD {
        assert!(matches!(bus.publish(from_a_stranger(number, &body)).await, Ok(Published::Routed)));
    }
    agent.finish(&work, Outcome::Succeeded).await;
    let mut context = site.app.context.clone();
    let tasks = Spawner::new(context.shutdown.clone());
    context.engine.kernel.bus = Arc::new(SlowDisk { bus: site.app.broker.connect(), tasks: Spawner::new(context.shutdown.clone()) });
    let began = Instant::now();
    deliveries::spawn(&tasks, &context, Arc::new(ResultsInbox::new(context.engine.clone())));
    deliveries::spawn(&tasks, &context, Arc::new(DeadLettersInbox::new(context.engine.clone())));
    chiffon_testkit::until("the result behind the flood", Duration::from_secs(30), async || {
        let status = site.status(request, "one").await;
        if status == "completed" { Ok(()) } else { Err(status) }
    })
    .await;
    let took = began.elapsed();
    assert!(took < STORES_AFTER * u32::try_from(FLOOD).expect("small") / 3, "it took {took:?}: each letter was waited for");
    context.shutdown.stop();
    assert!(tasks.finish(Duration::from_secs(20)).await, "it stops");
    site.app.leave_behind();
}

/// A letter of a stranger.
fn letter(queue: &str, number: usize) -> Delivery {
    let headers = BTreeMap::from([
        (ORIGIN_HEADER.to_owned(), queue.to_owned()),
        (CODE_HEADER.to_owned(), "5012".to_owned()),
        (REASON_HEADER.to_owned(), format!("no key {number}")),
    ]);
    let settler = Settler::new(|_, done| done.send(true).unwrap_or_default());
    let body = Bytes::from(format!("flood {number}"));
    Delivery { queue: DEAD_LETTERS.to_owned(), message_id: None, correlation_id: None, headers, body, redelivered: false, settler }
}

#[tokio::test]
async fn a_flood_of_letters_is_one_row_for_each_queue_and_counted() {
    let site = Site::start().await;
    let mut context = site.app.context.clone();
    Arc::make_mut(&mut context.engine.settings).dead_letters.most_of_strangers = 5;
    let inbox = DeadLettersInbox::new(context.engine.clone());
    for number in 0..200 {
        let queue = if number % 2 == 0 { RESULTS } else { "orchestrator.status" };
        assert_eq!(inbox.handle(&[letter(queue, number)]).await.expect("it is kept"), [Verdict::Ack]);
    }
    let rows: Vec<(String, i32, String)> =
        sqlx::query_as("SELECT queue, times, reason FROM dead_letters ORDER BY times, id").fetch_all(site.app.pool()).await.expect("reads");
    assert_eq!(rows.len(), 7, "five that can be looked at, and one for each queue: {rows:?}");
    assert_eq!(rows.iter().map(|row| row.1).sum::<i32>(), 200, "{rows:?}");
    assert!(rows.last().is_some_and(|row| row.2.contains("dead_letters.most_of_strangers")), "{rows:?}");
}

#[tokio::test]
async fn letters_have_a_bound_in_bytes_and_strangers_go_first() {
    let site = Site::start().await;
    let (agent, work, _) = taken(&site).await;
    let (headers, body) = lost_result(&site, &agent, &work).await;
    die(&site, RESULTS, headers, body, "a fault", Some(5900)).await;
    site.bury().await;
    let mut context = site.app.context.clone();
    let inbox = DeadLettersInbox::new(context.engine.clone());
    for number in 10..20 {
        inbox.handle(&[letter(RESULTS, number)]).await.expect("it is kept");
    }
    let kept: i64 =
        sqlx::query_scalar("SELECT sum(octet_length(body))::bigint FROM dead_letters").fetch_one(site.app.pool()).await.expect("reads");
    Arc::make_mut(&mut context.engine.settings).dead_letters.max_bytes = u64::try_from(kept).expect("positive") - 9;
    assert_eq!(let_go::run(&context).await.expect("it lets go"), 2, "eight bytes each: one is not enough");
    Arc::make_mut(&mut context.engine.settings).dead_letters.max_bytes = u64::try_from(kept).expect("positive") - 80;
    assert_eq!(let_go::run(&context).await.expect("it lets go"), 8);
    let ours: Vec<bool> =
        sqlx::query_scalar("SELECT sender IS NOT NULL FROM dead_letters").fetch_all(site.app.pool()).await.expect("reads");
    assert_eq!(ours, [true], "the oldest is ours, and it is still there");
}

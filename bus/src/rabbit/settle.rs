//! What becomes of deliveries: one task does all verdicts, side by side, so that a delivery can be settled, or dropped, anywhere.
//!
//! A settled delivery's channel lives until the last of its deliveries is settled; closing it would return the others.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use lapin::options::{BasicAckOptions, BasicNackOptions};
use lapin::{Acker, BasicProperties, Channel, message};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::convert;
use super::publish::Publisher;
use crate::{Delivery, Published, Settler, Verdict};

/// How long a rejected message that could not be kept stays with us before it goes back. It holds its place in the prefetch
/// meanwhile, which is what keeps a broken dead-letter exchange from making a hot loop.
const PENANCE: Duration = Duration::from_secs(5);

/// How often a verdict that is on its way looks whether its channel still is.
const LOOK: Duration = Duration::from_millis(100);

/// A verdict on its way.
#[derive(Debug)]
pub struct Settlement {
    queue: String,
    properties: BasicProperties,
    body: Bytes,
    acker: Acker,
    channel: Arc<Channel>,
    verdict: Verdict,
    done: oneshot::Sender<bool>,
}

/// Where verdicts go.
pub type Settlements = mpsc::UnboundedSender<Settlement>;

/// A delivery of this channel in the bus's words.
pub fn delivery(settlements: &Settlements, queue: &str, channel: &Arc<Channel>, delivery: message::Delivery) -> Delivery {
    let message::Delivery { redelivered, properties, data, acker, .. } = delivery;
    let body = Bytes::from(data);
    let (message_id, correlation_id) =
        (convert::given(properties.message_id().as_ref()), convert::given(properties.correlation_id().as_ref()));
    let headers = convert::headers(&properties);
    let (settlements, channel, of, copy, watched) =
        (settlements.clone(), Arc::clone(channel), queue.to_owned(), body.clone(), acker.clone());
    let apply = move |verdict, done| {
        let settlement = Settlement { queue: of, properties, body: copy, acker, channel, verdict, done };
        // With the bus closed, its connection is gone and the broker delivers again.
        drop(settlements.send(settlement));
    };
    let settler = Settler::new(apply).alive_while(move || watched.usable());
    Delivery { queue: queue.to_owned(), message_id, correlation_id, headers, body, redelivered, settler }
}

/// Applies verdicts until the bus is closed. None waits for the broker longer than this.
pub async fn run(
    mut verdicts: mpsc::UnboundedReceiver<Settlement>,
    publisher: Arc<Publisher>,
    patience: Duration,
    closed: CancellationToken,
) {
    let mut under_way = FuturesUnordered::new();
    loop {
        tokio::select! {
            () = closed.cancelled() => return,
            Some(settlement) = verdicts.recv() => under_way.push(settlement.apply(&publisher, patience)),
            Some(()) = under_way.next() => {}
        }
    }
}

impl Settlement {
    async fn apply(self, publisher: &Publisher, patience: Duration) {
        let taken = match &self.verdict {
            Verdict::Ack => self.ack(patience).await,
            Verdict::Return => self.give_back(patience).await,
            Verdict::Reject { code, reason } => {
                // First kept, then dealt with: a crash between the two keeps it twice, which loses nothing.
                let copy = convert::dead_letter(&self.queue, &self.properties, self.body.clone(), *code, reason);
                let trouble = match publisher.send(&copy).await {
                    Ok(Published::Routed) => None,
                    Ok(Published::Unroutable) => Some("no queue is bound to it; `chiffon topology apply` declares one".to_owned()),
                    Err(error) => Some(error.to_string()),
                };
                match trouble {
                    None => self.ack(patience).await,
                    Some(trouble) => {
                        tracing::warn!(
                            queue = self.queue,
                            exchange = copy.exchange,
                            trouble,
                            "a rejected message could not be kept; it goes back"
                        );
                        tokio::time::sleep(PENANCE).await;
                        self.give_back(patience).await;
                        false
                    }
                }
            }
        };
        if self.done.send(taken).is_err() {
            tracing::trace!(queue = self.queue, taken, "nobody waited for what became of a verdict");
        }
    }

    async fn ack(&self, patience: Duration) -> bool {
        self.told(self.acker.ack(BasicAckOptions::default()), patience).await
    }

    async fn give_back(&self, patience: Duration) -> bool {
        self.told(self.acker.nack(BasicNackOptions { requeue: true, multiple: false }), patience).await
    }

    /// Whether the client has told the broker. It says `Ok(false)` for a delivery whose channel is gone, which is not acked, whatever
    /// the name says (RELIABILITY 24); and where the connection ends under a verdict it may say nothing for ever: that must not keep
    /// its consumer from what comes by the next connection.
    async fn told(&self, telling: impl Future<Output = lapin::Result<bool>>, patience: Duration) -> bool {
        let ended = async {
            while self.channel.status().connected() {
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::select! {
            biased;
            told = telling => told.unwrap_or(false),
            () = ended => false,
            () = tokio::time::sleep(patience) => false,
        }
    }
}

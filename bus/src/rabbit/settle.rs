//! What becomes of deliveries: one task does all verdicts, side by side, so that a delivery can be settled, or dropped, anywhere.
//!
//! A settled delivery's channel lives until the last of its deliveries is settled; closing it would return the others.

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

/// A verdict on its way.
#[derive(Debug)]
pub struct Settlement {
    queue: String,
    properties: BasicProperties,
    body: Bytes,
    acker: Acker,
    _channel: Arc<Channel>,
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
        let settlement = Settlement { queue: of, properties, body: copy, acker, _channel: channel, verdict, done };
        // With the bus closed, its connection is gone and the broker delivers again.
        drop(settlements.send(settlement));
    };
    let settler = Settler::new(apply).alive_while(move || watched.usable());
    Delivery { queue: queue.to_owned(), message_id, correlation_id, headers, body, redelivered, settler }
}

/// Applies verdicts until the bus is closed.
pub async fn run(mut verdicts: mpsc::UnboundedReceiver<Settlement>, publisher: Arc<Publisher>, closed: CancellationToken) {
    let mut under_way = FuturesUnordered::new();
    loop {
        tokio::select! {
            () = closed.cancelled() => return,
            Some(settlement) = verdicts.recv() => under_way.push(apply(settlement, &publisher)),
            Some(()) = under_way.next() => {}
        }
    }
}

async fn apply(settlement: Settlement, publisher: &Publisher) {
    let Settlement { queue, properties, body, acker, _channel, verdict, done } = settlement;
    let taken = match verdict {
        Verdict::Ack => ack(&acker).await,
        Verdict::Return => give_back(&acker).await,
        Verdict::Reject { code, reason } => {
            // First kept, then dealt with: a crash between the two keeps it twice, which loses nothing.
            let copy = convert::dead_letter(&queue, &properties, body, code, &reason);
            let trouble = match publisher.send(&copy).await {
                Ok(Published::Routed) => None,
                Ok(Published::Unroutable) => Some("no queue is bound to it; `chiffon topology apply` declares one".to_owned()),
                Err(error) => Some(error.to_string()),
            };
            match trouble {
                None => ack(&acker).await,
                Some(trouble) => {
                    tracing::warn!(queue, exchange = copy.exchange, trouble, "a rejected message could not be kept; it goes back");
                    tokio::time::sleep(PENANCE).await;
                    give_back(&acker).await;
                    false
                }
            }
        }
    };
    if done.send(taken).is_err() {
        tracing::trace!(queue, taken, "nobody waited for what became of a verdict");
    }
}

/// `Ok(false)` comes for a delivery whose channel is gone: it is not acked, whatever the name says (RELIABILITY 24).
async fn ack(acker: &Acker) -> bool {
    acker.ack(BasicAckOptions::default()).await.unwrap_or(false)
}

async fn give_back(acker: &Acker) -> bool {
    acker.nack(BasicNackOptions { requeue: true, multiple: false }).await.unwrap_or(false)
}

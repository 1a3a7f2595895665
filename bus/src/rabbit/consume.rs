//! Consuming: a task per subscription that subscribes again after every loss, and settles what it handed out.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chiffon_protocol::topology::{DEAD_EXCHANGE, ORIGIN_HEADER, REASON_HEADER};
use futures::StreamExt as _;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicGetOptions, BasicNackOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Acker, Channel, message};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{Shared, convert, publish};
use crate::{BusError, Consumer, Delivery, Outgoing, Settler, Verdict};

/// After a loss or a refusal, wait this long before subscribing again.
const PAUSE: Duration = Duration::from_millis(500);

/// Starts a subscription; it begins as soon as there is a connection.
pub fn start(shared: Arc<Shared>, queue: &str, prefetch: u16) -> Consumer {
    let (send, receive) = mpsc::channel(usize::from(prefetch.max(1)));
    let cancelled = CancellationToken::new();
    let subscription = Subscription { shared: shared.clone(), queue: queue.to_owned(), prefetch, send, cancelled: cancelled.clone() };
    shared.tasks.spawn("bus-consumer", subscription.run());
    Consumer::new(receive, move || cancelled.cancel())
}

struct Subscription {
    shared: Arc<Shared>,
    queue: String,
    prefetch: u16,
    send: mpsc::Sender<Delivery>,
    cancelled: CancellationToken,
}

impl Subscription {
    async fn run(self) {
        loop {
            tokio::select! {
                () = self.cancelled.cancelled() => return,
                () = self.shared.closed.cancelled() => return,
                () = self.subscribe() => {}
            }
            tokio::select! {
                () = self.cancelled.cancelled() => return,
                () = self.shared.closed.cancelled() => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    /// One life of the subscription, from subscribing to the loss of its channel.
    async fn subscribe(&self) {
        let mut links = self.shared.link.subscribe();
        let Some(link) = links.wait_for(Option::is_some).await.ok().and_then(|link| link.clone()) else { return };
        let (channel, mut deliveries) = match self.open(&link.consuming).await {
            Ok(opened) => opened,
            Err(error) => {
                tracing::warn!(queue = %self.queue, %error, "can't subscribe; trying again");
                return;
            }
        };
        while let Some(Ok(delivery)) = deliveries.next().await {
            let delivery = incoming(&self.shared, &self.queue, delivery);
            if self.send.send(delivery).await.is_err() {
                break;
            }
        }
        drop(channel);
    }

    async fn open(&self, connection: &lapin::Connection) -> Result<(Channel, lapin::Consumer), lapin::Error> {
        let channel = connection.create_channel().await?;
        channel.basic_qos(self.prefetch, BasicQosOptions::default()).await?;
        let consumer =
            channel.basic_consume(self.queue.as_str().into(), "".into(), BasicConsumeOptions::default(), FieldTable::default()).await?;
        Ok((channel, consumer))
    }
}

fn incoming(shared: &Arc<Shared>, queue: &str, delivery: message::Delivery) -> Delivery {
    let headers = convert::headers(&delivery.properties);
    let body = Bytes::from(delivery.data);
    let original = Outgoing {
        exchange: DEAD_EXCHANGE.to_owned(),
        routing_key: queue.to_owned(),
        message_id: convert::message_id(&delivery.properties).unwrap_or_default(),
        correlation_id: delivery.properties.correlation_id().as_ref().map(ToString::to_string).unwrap_or_default(),
        headers: headers.clone(),
        body: body.clone(),
        transient: false,
    };
    let (shared, acker) = (shared.clone(), delivery.acker);
    Delivery {
        queue: queue.to_owned(),
        message_id: convert::message_id(&delivery.properties),
        headers,
        body,
        redelivered: delivery.redelivered,
        settler: Settler::new(move |verdict, done| {
            let tasks = shared.tasks.clone();
            tasks.spawn("bus-settle", async move {
                done.send(settle(&shared, &acker, original, verdict).await).ok();
            });
        }),
    }
}

/// Does what the verdict says; `false` when the delivery's channel is gone, so that the broker will deliver it again.
async fn settle(shared: &Shared, acker: &Acker, original: Outgoing, verdict: Verdict) -> bool {
    match verdict {
        Verdict::Ack => acked(acker).await,
        Verdict::Return => acker.nack(BasicNackOptions { requeue: true, multiple: false }).await.unwrap_or(false),
        Verdict::Reject { code, reason } => {
            let mut copy = original;
            copy.headers.insert(ORIGIN_HEADER.to_owned(), copy.routing_key.clone());
            copy.headers.insert(REASON_HEADER.to_owned(), format!("{code} {reason}"));
            // First kept, then dealt with: a crash between the two keeps it twice, which loses nothing.
            while let Err(error) = publish::confirmed(shared, copy.clone()).await {
                if !acker.usable() || matches!(error, BusError::Closed) {
                    return false;
                }
                tracing::warn!(%error, "a rejected message can't be kept; trying again");
                tokio::time::sleep(PAUSE).await;
            }
            acked(acker).await
        }
    }
}

async fn acked(acker: &Acker) -> bool {
    // `Ok(false)` comes for a delivery of a channel that is gone: it is not acked (RELIABILITY 24).
    acker.ack(BasicAckOptions::default()).await.unwrap_or(false)
}

/// Looks at the first messages of a queue; they go back when they are dropped.
pub async fn peek(shared: &Arc<Shared>, queue: &str, limit: usize) -> Result<Vec<Delivery>, BusError> {
    let link = shared.link().await?;
    let unavailable = |error: lapin::Error| BusError::Unavailable(error.to_string());
    let channel = link.consuming.create_channel().await.map_err(unavailable)?;
    let mut taken = Vec::new();
    while taken.len() < limit {
        match channel.basic_get(queue.into(), BasicGetOptions::default()).await.map_err(unavailable)? {
            Some(got) => taken.push(looked_at(shared, queue, &channel, got.delivery)),
            None => break,
        }
    }
    Ok(taken)
}

/// Keeps the channel open until the last delivery that was taken from it is settled.
fn looked_at(shared: &Arc<Shared>, queue: &str, channel: &Channel, delivery: message::Delivery) -> Delivery {
    let mut delivery = incoming(shared, queue, delivery);
    let inner = delivery.settler;
    let channel = channel.clone();
    delivery.settler = Settler::new(move |verdict, done: oneshot::Sender<bool>| {
        inner.pass_on(verdict, done);
        drop(channel);
    });
    delivery
}

//! Subscriptions: each has a channel and a task of its own, and subscribes again after every loss.
//!
//! The broker tells a consumer that its queue is gone, but not always, and whoever is not told would wait for ever: it can't be asked
//! either, because it counts consumers to whom it gives messages that never arrive. So whoever hears nothing for a while subscribes anew.

use std::sync::Arc;
use std::time::Duration;

use chiffon_process::retry::Policy;
use futures::StreamExt as _;
use lapin::Channel;
use lapin::options::{BasicCancelOptions, BasicConsumeOptions, BasicGetOptions, BasicQosOptions};
use lapin::types::FieldTable;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{Shared, declare, failure, settle};
use crate::{BusError, Consumer, Delivery};

/// How long the broker may take to end a subscription before its channel is just dropped.
const FAREWELL: Duration = Duration::from_secs(2);

struct Subscription {
    shared: Arc<Shared>,
    queue: String,
    prefetch: u16,
    deliveries: mpsc::Sender<Delivery>,
    cancelled: CancellationToken,
}

struct Opened {
    /// Each delivery that is not settled yet has a share of it.
    channel: Arc<Channel>,
    consumer: lapin::Consumer,
}

enum End {
    Cancelled,
    Lost(String),
    /// Nothing came for a while, and nothing is unsettled.
    Silent,
}

/// Subscribes, and keeps the subscription until its consumer is dropped or the bus is closed.
pub async fn subscribe(shared: &Arc<Shared>, queue: &str, prefetch: u16) -> Result<Consumer, BusError> {
    let prefetch = prefetch.max(1);
    let (deliveries, receive) = mpsc::channel(usize::from(prefetch));
    let cancelled = shared.closing.child_token();
    let consumer = Consumer::new(receive, {
        let cancelled = cancelled.clone();
        move || cancelled.cancel()
    });
    let subscription = Subscription { shared: shared.clone(), queue: queue.to_owned(), prefetch, deliveries, cancelled };
    let opened = shared.within(subscription.open()).await?;
    shared.tasks.spawn_vital("bus-subscription", subscription.run(opened));
    Ok(consumer)
}

impl Subscription {
    async fn run(self, mut opened: Opened) {
        let mut delays = Policy::RECONNECT.delays();
        loop {
            match self.forward(&mut opened, &mut delays).await {
                End::Cancelled => return self.end(opened).await,
                End::Silent => {
                    let anew = tokio::select! {
                        () = self.cancelled.cancelled() => return self.end(opened).await,
                        anew = self.shared.within(self.open()) => anew,
                    };
                    match anew {
                        // The new one is there before the old one goes: the queue always has a consumer.
                        Ok(anew) => {
                            self.end(std::mem::replace(&mut opened, anew)).await;
                            continue;
                        }
                        Err(error) => tracing::warn!(queue = self.queue, %error, "can't subscribe anew; trying again"),
                    }
                }
                End::Lost(reason) => tracing::warn!(queue = self.queue, reason, "a subscription was lost; subscribing again"),
            }
            drop(opened);
            opened = loop {
                let delay = delays.next_delay().unwrap_or(Policy::RECONNECT.longest);
                tokio::select! {
                    () = self.cancelled.cancelled() => return,
                    () = tokio::time::sleep(delay) => {}
                }
                let again = tokio::select! {
                    () = self.cancelled.cancelled() => return,
                    again = self.shared.within(self.open()) => again,
                };
                match again {
                    Ok(opened) => break opened,
                    Err(error) => tracing::warn!(queue = self.queue, %error, "can't subscribe; trying again"),
                }
            };
        }
    }

    /// A channel with its limit and its consumer. A queue that is gone and that this bus has declared is declared again.
    async fn open(&self) -> Result<Opened, BusError> {
        let connection = self.shared.consuming.connected().await?;
        let first = self.try_open(&connection).await;
        let result = match first {
            Err(error) if failure::is_missing(&error) => match self.shared.wanted.of_queue(&self.queue) {
                Some(topology) => {
                    declare::keep(&connection, topology).await?;
                    self.try_open(&connection).await
                }
                None => Err(error),
            },
            other => other,
        };
        result.map_err(|error| failure::of(&error))
    }

    async fn try_open(&self, connection: &lapin::Connection) -> lapin::Result<Opened> {
        let channel = connection.create_channel().await?;
        channel.basic_qos(self.prefetch, BasicQosOptions::default()).await?;
        let queue = self.queue.as_str().into();
        let consumer = channel.basic_consume(queue, "".into(), BasicConsumeOptions::default(), FieldTable::default()).await?;
        Ok(Opened { channel: Arc::new(channel), consumer })
    }

    /// Hands deliveries on until the subscription is cancelled or lost.
    async fn forward(&self, opened: &mut Opened, delays: &mut chiffon_process::retry::Delays) -> End {
        loop {
            let next = tokio::select! {
                () = self.cancelled.cancelled() => return End::Cancelled,
                next = opened.consumer.next() => next,
                () = tokio::time::sleep(self.shared.look_after_every) => {
                    if !opened.channel.status().connected() {
                        return End::Lost("its channel ended without a word".to_owned());
                    }
                    if Arc::strong_count(&opened.channel) == 1 {
                        return End::Silent;
                    }
                    continue;
                }
            };
            let delivery = match next {
                Some(Ok(delivery)) => delivery,
                Some(Err(error)) => return End::Lost(error.to_string()),
                None => return End::Lost("the broker ended it; the queue may have been deleted".to_owned()),
            };
            delays.reset();
            let delivery = settle::delivery(&self.shared.settlements, &self.queue, &opened.channel, delivery);
            tokio::select! {
                () = self.cancelled.cancelled() => return End::Cancelled,
                sent = self.deliveries.send(delivery) => if sent.is_err() { return End::Cancelled },
            }
        }
    }

    /// Tells the broker to stop, and gives back what it had sent already: the channel stays open while somebody still has a
    /// delivery of it, so nothing goes back by itself.
    async fn end(&self, opened: Opened) {
        let Opened { channel, mut consumer } = opened;
        let parting = async {
            channel.basic_cancel(consumer.tag(), BasicCancelOptions::default()).await?;
            while let Some(delivery) = consumer.next().await {
                drop(settle::delivery(&self.shared.settlements, &self.queue, &channel, delivery?));
            }
            lapin::Result::Ok(())
        };
        match timeout(FAREWELL, parting).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(queue = self.queue, %error, "a subscription ended with its channel"),
            Err(_) => tracing::debug!(queue = self.queue, "the broker did not answer the end of a subscription"),
        }
    }
}

/// Takes the first messages of a queue; they go back when they are dropped.
pub async fn peek(shared: &Shared, queue: &str, limit: usize) -> Result<Vec<Delivery>, BusError> {
    let connection = shared.consuming.connected().await?;
    let channel = Arc::new(connection.create_channel().await.map_err(|error| failure::of(&error))?);
    let mut taken = Vec::new();
    while taken.len() < limit {
        let got = channel.basic_get(queue.into(), BasicGetOptions::default()).await.map_err(|error| failure::of(&error))?;
        let Some(got) = got else { break };
        taken.push(settle::delivery(&shared.settlements, queue, &channel, got.delivery));
    }
    Ok(taken)
}

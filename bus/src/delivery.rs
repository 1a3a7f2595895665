//! Messages that come in: a subscription, its deliveries, and the verdict that each of them must get exactly once.
//! How a verdict is carried out is the driver's business.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

/// A message that came in. Must be settled; one that is dropped unsettled is delivered again.
#[derive(Debug)]
pub struct Delivery {
    /// The queue it came from.
    pub queue: String,
    /// The sender's `message_id`, if it gave one.
    pub message_id: Option<String>,
    /// The sender's `correlation_id` (the trace id), if it gave one.
    pub correlation_id: Option<String>,
    /// String headers.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Bytes,
    /// The broker has delivered it before.
    pub redelivered: bool,
    /// Settles it.
    pub settler: Settler,
}

impl Delivery {
    /// Settles it; `false` when the broker has not taken the verdict and will deliver it again: the connection it came by is
    /// gone, or a rejected message could not be kept.
    pub async fn settle(mut self, verdict: Verdict) -> bool {
        let Some(apply) = self.settler.apply.take() else { return false };
        let (done, answer) = oneshot::channel();
        apply(verdict, done);
        answer.await.unwrap_or(false)
    }
}

/// What should become of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is dealt with.
    Ack,
    /// It is put back for another consumer, at once. Only for a stop: never in a loop (RELIABILITY 3).
    Return,
    /// It is poison: kept in `chiffon.dead-letters` with the code and the reason, then dealt with. When it can't be kept, it
    /// goes back to its queue, after a pause during which it still counts against the prefetch.
    Reject {
        /// The error code's number.
        code: u16,
        /// Why, for people.
        reason: String,
    },
}

type Apply = Box<dyn FnOnce(Verdict, oneshot::Sender<bool>) + Send + Sync>;
type Alive = Box<dyn Fn() -> bool + Send + Sync>;

/// One delivery's way to be settled: the driver's own action, done exactly once.
pub struct Settler {
    apply: Option<Apply>,
    alive: Option<Alive>,
}

impl fmt::Debug for Settler {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Settler({})", if self.apply.is_some() { "open" } else { "settled" })
    }
}

impl Settler {
    /// A settler that does this with the verdict, and answers whether the broker took it.
    pub fn new(apply: impl FnOnce(Verdict, oneshot::Sender<bool>) + Send + Sync + 'static) -> Self {
        Self { apply: Some(Box::new(apply)), alive: None }
    }

    /// The same, for a delivery that is worth nothing once this is false: a verdict can't reach the broker any more.
    #[must_use]
    pub fn alive_while(mut self, alive: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        self.alive = Some(Box::new(alive));
        self
    }

    fn is_alive(&self) -> bool {
        self.alive.as_ref().is_none_or(|alive| alive())
    }
}

impl Drop for Settler {
    fn drop(&mut self) {
        if let Some(apply) = self.apply.take() {
            apply(Verdict::Return, oneshot::channel().0);
        }
    }
}

/// A running subscription. It survives reconnects by itself; dropping it cancels it.
#[derive(Debug)]
pub struct Consumer {
    deliveries: mpsc::Receiver<Delivery>,
    _cancel: Cancel,
}

impl Consumer {
    /// A subscription whose deliveries come by this channel, ended by `cancel`.
    pub fn new(deliveries: mpsc::Receiver<Delivery>, cancel: impl FnOnce() + Send + 'static) -> Self {
        Self { deliveries, _cancel: Cancel(Some(Box::new(cancel))) }
    }

    /// The next delivery; `None` when the bus was closed. What lay here when its connection was lost is left out: the broker
    /// delivers it again.
    pub async fn next(&mut self) -> Option<Delivery> {
        loop {
            let delivery = self.deliveries.recv().await?;
            if delivery.settler.is_alive() {
                return Some(delivery);
            }
        }
    }
}

struct Cancel(Option<Box<dyn FnOnce() + Send>>);

impl fmt::Debug for Cancel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Cancel")
    }
}

impl Drop for Cancel {
    fn drop(&mut self) {
        if let Some(cancel) = self.0.take() {
            cancel();
        }
    }
}

//! The only crate that says AMQP. One trait, two drivers (RabbitMQ through lapin, and in-process), one conformance suite.
//!
//! Whoever uses the bus sees publish with a truthful answer, consume with an explicit verdict per delivery, and the
//! connection's state. Durability is never promised here: it lives in Postgres and in the agents' journals.

pub mod memory;
pub mod rabbit;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chiffon_protocol::topology::Topology;
use tokio::sync::{mpsc, oneshot, watch};

/// A message on its way out. Always persistent (except `transient`), always `application/json`.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// The exchange.
    pub exchange: String,
    /// The routing key.
    pub routing_key: String,
    /// The envelope's `message_id`.
    pub message_id: String,
    /// The trace id.
    pub correlation_id: String,
    /// `chiffon-signature`, `traceparent`, ...
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Bytes,
    /// Not kept over a restart of the broker (heartbeats).
    pub transient: bool,
}

/// What became of a published message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// The broker has it in at least one queue.
    Routed,
    /// The broker has it nowhere: no queue is bound for its key.
    Unroutable,
}

/// Why something on the bus did not work.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The broker can't be reached, or did not answer in time.
    #[error("the broker can't be reached: {0}")]
    Unavailable(String),
    /// The broker refused it (a full queue, a memory alarm, missing permissions).
    #[error("the broker refused it: {0}")]
    Refused(String),
    /// A queue or exchange exists with other arguments.
    #[error("`{name}` exists on the broker with other arguments: {reason}")]
    Mismatch {
        /// The queue or exchange.
        name: String,
        /// The broker's words.
        reason: String,
    },
    /// The address can't be read.
    #[error("`{url}` is not a broker's address: {reason}; it has the form amqp://user:password@host:5672/vhost")]
    Address {
        /// The address without its password.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The bus was closed by its owner.
    #[error("the bus is closed")]
    Closed,
}

/// Whether the broker can be reached at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// It can.
    Connected,
    /// It can't; the reason, for people. The driver keeps trying.
    Disconnected(String),
    /// It is there but takes nothing (a memory or disk alarm).
    Blocked(String),
}

/// A message that came in. Must be settled; one that is dropped unsettled is delivered again.
#[derive(Debug)]
pub struct Delivery {
    /// The queue it came from.
    pub queue: String,
    /// The sender's `message_id`, if it gave one.
    pub message_id: Option<String>,
    /// String headers.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Bytes,
    /// The broker has delivered it before.
    pub redelivered: bool,
    /// Settles it.
    pub settler: Settler,
}

/// What should become of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is dealt with.
    Ack,
    /// It is put back for another consumer, at once. Only for a stop: never in a loop (RELIABILITY 3).
    Return,
    /// It is poison: kept in `chiffon.dead-letters` with the code and the reason, then dealt with.
    Reject {
        /// The error code's number.
        code: u16,
        /// Why, for people.
        reason: String,
    },
}

/// One delivery's way to be settled: the driver's own action, done exactly once.
pub struct Settler {
    apply: Option<Box<dyn FnOnce(Verdict, oneshot::Sender<bool>) + Send + Sync>>,
}

impl fmt::Debug for Settler {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Settler({})", if self.apply.is_some() { "open" } else { "settled" })
    }
}

impl Settler {
    /// A settler that does this with the verdict, and answers whether the broker took it.
    pub fn new(apply: impl FnOnce(Verdict, oneshot::Sender<bool>) + Send + Sync + 'static) -> Self {
        Self { apply: Some(Box::new(apply)) }
    }

@@}

impl Delivery {
    /// Settles it; `false` when the connection it came by is gone, so that the broker will deliver it again.
    pub async fn settle(mut self, verdict: Verdict) -> bool {
        let Some(apply) = self.settler.apply.take() else { return false };
        let (done, answer) = oneshot::channel();
        apply(verdict, done);
        answer.await.unwrap_or(false)
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
    /// Deliveries in order.
    pub deliveries: mpsc::Receiver<Delivery>,
    _cancel: Cancel,
}

impl Consumer {
    /// A subscription whose deliveries come by this channel, ended by `cancel`.
    pub fn new(deliveries: mpsc::Receiver<Delivery>, cancel: impl FnOnce() + Send + 'static) -> Self {
        Self { deliveries, _cancel: Cancel(Some(Box::new(cancel))) }
    }

    /// The next delivery; `None` when the bus was closed.
    pub async fn next(&mut self) -> Option<Delivery> {
        self.deliveries.recv().await
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

/// A message broker.
#[async_trait]
pub trait Bus: Send + Sync + fmt::Debug {
    /// Declares exchanges, queues and bindings. Idempotent. Remembered: exclusive queues come back after a reconnect.
    async fn declare(&self, topology: &Topology) -> Result<(), BusError>;

    /// Publishes with confirm and `mandatory`, and waits for the answer. Never longer than the bus's publish timeout
    /// (10 s unless told otherwise), because an in-flight publish otherwise hangs for a whole outage (RELIABILITY 2).
    /// Many may be under way at once; they are pipelined.
    async fn publish(&self, message: Outgoing) -> Result<Published, BusError>;

    /// Subscribes to a queue with this many unsettled deliveries at most.
    async fn consume(&self, queue: &str, prefetch: u16) -> Result<Consumer, BusError>;

    /// Takes up to `limit` messages without removing them for others for longer than the look lasts: used for dead letters.
    async fn peek(&self, queue: &str, limit: usize) -> Result<Vec<Delivery>, BusError>;

    /// How many messages lie ready in a queue, and how many consumers it has.
    async fn depth(&self, queue: &str) -> Result<(u32, u32), BusError>;

    /// The connection's state, and its changes.
    fn status(&self) -> watch::Receiver<Status>;

    /// Ends all subscriptions and the connection, waiting at most this long for confirms under way.
    async fn close(&self, within: Duration);

    /// `rabbitmq` or `memory`, for people.
    fn driver(&self) -> &'static str;
}

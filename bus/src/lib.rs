//! The only crate that says AMQP. One trait, two drivers (RabbitMQ through lapin, and in-process), one conformance suite.
//!
//! Whoever uses the bus sees publish with a truthful answer, consume with an explicit verdict per delivery, and the
//! connection's state. Durability is never promised here: it lives in Postgres and in the agents' journals.

mod delivery;
mod error;
pub mod memory;
mod message;
pub mod rabbit;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use chiffon_protocol::topology::Topology;
use tokio::sync::watch;

pub use delivery::{Consumer, Delivery, Settler, Verdict};
pub use error::BusError;
pub use message::{Outgoing, Published};

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

/// A message broker.
#[async_trait]
pub trait Bus: Send + Sync + fmt::Debug {
    /// Declares exchanges, queues and bindings. Idempotent. Remembered: exclusive queues come back after a reconnect.
    async fn declare(&self, topology: &Topology) -> Result<(), BusError>;

    /// Publishes with confirm and `mandatory`, and waits for the answer. Never longer than the bus's publish timeout
    /// (10 s unless told otherwise), because an in-flight publish otherwise hangs for a whole outage (RELIABILITY 2).
    /// Many may be under way at once; they are pipelined. After an error the message may have arrived all the same.
    async fn publish(&self, message: Outgoing) -> Result<Published, BusError>;

    /// Subscribes to a queue with this many unsettled deliveries at most. Waits for a connection no longer than a publish does.
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

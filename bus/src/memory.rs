//! The in-process driver: what RabbitMQ does for Chiffon, without a broker. Nothing here survives the process, and nothing
//! has to: every state that waits for a message is announced again from Postgres (RELIABILITY 1).
//!
//! Each user of the bus has a connection of its own, so that closing one gives back exactly its deliveries and takes away
//! exactly its exclusive queues.

mod broker;
mod routing;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chiffon_protocol::topology::Topology;
use tokio::sync::{mpsc, oneshot, watch};

use crate::{Bus, BusError, Consumer, Delivery, Outgoing, Published, Settler, Status, Verdict};
use broker::{Broker, Handout, Message};

/// A broker in this process.
#[derive(Debug, Clone, Default)]
pub struct MemoryBus {
    broker: Arc<Mutex<Broker>>,
}

impl MemoryBus {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty one, to be shared by all parts of a process.
    pub fn shared() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// A connection for one of them.
    pub fn connect(&self) -> Arc<dyn Bus> {
        let id = self.lock().open_connection();
        Arc::new(Connection { broker: self.clone(), id, status: watch::Sender::new(Status::Connected) })
    }

    fn lock(&self) -> MutexGuard<'_, Broker> {
        self.broker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands out what can be handed out now; sending happens outside the lock.
    fn pump(&self, queue: &str) {
        loop {
            let Some(handout) = self.lock().next_handout(queue) else { return };
            let Handout { tag, to, message } = handout;
            let delivery = self.delivery(queue, tag, message);
            // A full or closed channel drops the delivery, and dropping it gives it back.
            drop(to.try_send(delivery));
        }
    }

    fn delivery(&self, queue: &str, tag: u64, message: Message) -> Delivery {
        let (this, name) = (self.clone(), queue.to_owned());
        Delivery {
            queue: queue.to_owned(),
            message_id: Some(message.outgoing.message_id).filter(|id| !id.is_empty()),
            correlation_id: Some(message.outgoing.correlation_id).filter(|id| !id.is_empty()),
            headers: message.outgoing.headers,
            body: message.outgoing.body,
            redelivered: message.redelivered,
            settler: Settler::new(move |verdict, done| this.settle(&name, tag, verdict, done)),
        }
    }

    fn settle(&self, queue: &str, tag: u64, verdict: Verdict, done: oneshot::Sender<bool>) {
        let touched = {
            let mut broker = self.lock();
            match verdict {
                Verdict::Ack => broker.ack(tag).map(|()| Vec::new()),
                Verdict::Return => broker.give_back(tag),
                Verdict::Reject { code, reason } => broker.reject(tag, code, &reason),
            }
        };
        done.send(touched.is_some()).ok();
        for touched in touched.into_iter().flatten() {
            self.pump(&touched);
        }
        self.pump(queue);
    }
}

#[derive(Debug)]
struct Connection {
    broker: MemoryBus,
    id: u64,
    status: watch::Sender<Status>,
}

impl Connection {
    fn open(&self) -> Result<MutexGuard<'_, Broker>, BusError> {
        let broker = self.broker.lock();
        if broker.is_open(self.id) { Ok(broker) } else { Err(BusError::Closed) }
    }
}

#[async_trait]
impl Bus for Connection {
    async fn declare(&self, topology: &Topology) -> Result<(), BusError> {
        self.open()?.declare(self.id, topology)
    }

    async fn publish(&self, message: Outgoing) -> Result<Published, BusError> {
        let queues = self.open()?.publish(&message)?;
        for queue in &queues {
            self.broker.pump(queue);
        }
        Ok(if queues.is_empty() { Published::Unroutable } else { Published::Routed })
    }

    async fn consume(&self, queue: &str, prefetch: u16) -> Result<Consumer, BusError> {
        let (send, receive) = mpsc::channel(usize::from(prefetch.max(1)));
        let consumer = self.open()?.subscribe(self.id, queue, send, usize::from(prefetch.max(1)))?;
        self.broker.pump(queue);
        let (broker, name) = (self.broker.clone(), queue.to_owned());
        Ok(Consumer::new(receive, move || {
            broker.lock().unsubscribe(&name, consumer);
            broker.pump(&name);
        }))
    }

    async fn peek(&self, queue: &str, limit: usize) -> Result<Vec<Delivery>, BusError> {
        let taken = self.open()?.take(self.id, queue, limit)?;
        Ok(taken.into_iter().map(|(tag, message)| self.broker.delivery(queue, tag, message)).collect())
    }

    async fn depth(&self, queue: &str) -> Result<(u32, u32), BusError> {
        self.open()?.depth(queue)
    }

    fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    async fn close(&self, _within: Duration) {
        let queues = self.broker.lock().close(self.id);
        self.status.send_replace(Status::Disconnected("closed".to_owned()));
        for queue in queues {
            self.broker.pump(&queue);
        }
    }

    fn driver(&self) -> &'static str {
        "memory"
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let queues = self.broker.lock().close(self.id);
        for queue in queues {
            self.broker.pump(&queue);
        }
    }
}

//! The broker's state and its rules: routing, limits, fair handing out, giving back. Synchronous, behind one lock.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::Duration;

use chiffon_protocol::topology::{Argument, CODE_HEADER, DEAD_EXCHANGE, ORIGIN_HEADER, Queue as QueueSpec, REASON_HEADER, Topology};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::routing::leads;
use crate::{BusError, Delivery, Outgoing};

/// A message in a queue.
#[derive(Debug, Clone)]
pub struct Message {
    /// What was published.
    pub outgoing: Outgoing,
    /// Somebody has had it before.
    pub redelivered: bool,
    /// How often it was given back; looking at it does not count.
    returns: u32,
    /// Where it stands in its queue, also after it was given back.
    position: u64,
    expires: Option<Instant>,
}

/// A message on its way to a consumer.
#[derive(Debug)]
pub struct Handout {
    /// Its number while it is unsettled.
    pub tag: u64,
    /// The consumer.
    pub to: mpsc::Sender<Delivery>,
    /// The message.
    pub message: Message,
}

#[derive(Debug)]
struct Subscriber {
    id: u64,
    connection: u64,
    send: mpsc::Sender<Delivery>,
    prefetch: usize,
    unsettled: usize,
}

#[derive(Debug)]
struct Queue {
    spec: QueueSpec,
    owner: Option<u64>,
    ready: VecDeque<Message>,
    subscribers: Vec<Subscriber>,
    next: usize,
}

#[derive(Debug)]
struct Unsettled {
    queue: String,
    subscriber: Option<u64>,
    connection: u64,
    message: Message,
}

/// The broker.
#[derive(Debug, Default)]
pub struct Broker {
    last_id: u64,
    connections: HashSet<u64>,
    exchanges: BTreeMap<String, &'static str>,
    queues: HashMap<String, Queue>,
    unsettled: HashMap<u64, Unsettled>,
}

impl Queue {
    fn number(&self, argument: &str) -> Option<i64> {
        match self.spec.arguments.get(argument) {
            Some(Argument::Number(number)) => Some(*number),
            _ => None,
        }
    }

    fn dead_letter_exchange(&self) -> Option<String> {
        match self.spec.arguments.get("x-dead-letter-exchange") {
            Some(Argument::Text(name)) => Some(name.clone()),
            _ => None,
        }
    }

    fn add(&mut self, outgoing: Outgoing, position: u64) {
        let ttl = self.number("x-message-ttl").and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis);
        let expires = ttl.map(|ttl| Instant::now() + ttl);
        self.ready.push_back(Message { outgoing, redelivered: false, returns: 0, position, expires });
        if let Some(limit) = self.number("x-max-length").and_then(|limit| usize::try_from(limit).ok()) {
            while self.ready.len() > limit {
                self.ready.pop_front();
            }
        }
    }

    /// Puts a message where it stood, so that giving back keeps the order.
    fn put_back(&mut self, message: Message) {
        let index = self.ready.partition_point(|other| other.position < message.position);
        self.ready.insert(index, message);
    }

    fn forget_expired(&mut self) {
        let now = Instant::now();
        self.ready.retain(|message| message.expires.is_none_or(|expires| expires > now));
    }

    /// The next subscriber in turn that has room.
    fn free_subscriber(&mut self) -> Option<&mut Subscriber> {
        let count = self.subscribers.len();
        let index = (0..count).map(|step| (self.next + step) % count).find(|index| {
            let subscriber = &self.subscribers[*index];
            subscriber.unsettled < subscriber.prefetch && !subscriber.send.is_closed()
        })?;
        self.next = (index + 1) % count;
        self.subscribers.get_mut(index)
    }
}

impl Broker {
    fn new_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    pub fn open_connection(&mut self) -> u64 {
        let id = self.new_id();
        self.connections.insert(id);
        id
    }

    pub fn is_open(&self, connection: u64) -> bool {
        self.connections.contains(&connection)
    }

    pub fn declare(&mut self, connection: u64, topology: &Topology) -> Result<(), BusError> {
        for exchange in &topology.exchanges {
            let kind = *self.exchanges.entry(exchange.name.clone()).or_insert(exchange.kind);
            if kind != exchange.kind {
                return Err(BusError::Mismatch { name: exchange.name.clone(), reason: format!("its type is `{kind}`") });
            }
        }
        for spec in &topology.queues {
            let owner = spec.exclusive.then_some(connection);
            if let Some(existing) = self.queues.get(&spec.name) {
                let reason = if existing.owner != owner {
                    "it belongs exclusively to another connection"
                } else if existing.spec != *spec {
                    "inequivalent arguments"
                } else {
                    continue;
                };
                return Err(BusError::Mismatch { name: spec.name.clone(), reason: reason.to_owned() });
            }
            let queue = Queue { spec: spec.clone(), owner, ready: VecDeque::new(), subscribers: Vec::new(), next: 0 };
            self.queues.insert(spec.name.clone(), queue);
        }
        Ok(())
    }

    /// Puts a message into the queues that its key leads to; their names.
    pub fn publish(&mut self, message: &Outgoing) -> Result<Vec<String>, BusError> {
        let Some(kind) = self.exchanges.get(&message.exchange).copied() else {
            return Err(BusError::Refused(format!("there is no exchange `{}`", message.exchange)));
        };
        let position = self.new_id();
        let mut reached = Vec::new();
        for queue in self.queues.values_mut().filter(|queue| queue.spec.exchange == message.exchange) {
            if leads(kind, &queue.spec.routing_key, &message.routing_key) {
                queue.add(message.clone(), position);
                reached.push(queue.spec.name.clone());
            }
        }
        Ok(reached)
    }

    pub fn subscribe(&mut self, connection: u64, name: &str, send: mpsc::Sender<Delivery>, prefetch: usize) -> Result<u64, BusError> {
        let id = self.new_id();
        let queue = self.queue(name)?;
        if queue.owner.is_some_and(|owner| owner != connection) {
            return Err(BusError::Refused(format!("`{name}` belongs exclusively to another connection")));
        }
        queue.subscribers.push(Subscriber { id, connection, send, prefetch, unsettled: 0 });
        Ok(id)
    }

    pub fn unsubscribe(&mut self, name: &str, subscriber: u64) {
        if let Some(queue) = self.queues.get_mut(name) {
            queue.subscribers.retain(|other| other.id != subscriber);
        }
    }

    /// The next message that a consumer of the queue has room for.
    pub fn next_handout(&mut self, name: &str) -> Option<Handout> {
        let tag = self.new_id();
        let queue = self.queues.get_mut(name)?;
        queue.forget_expired();
        if queue.ready.is_empty() {
            return None;
        }
        let subscriber = queue.free_subscriber()?;
        subscriber.unsettled += 1;
        let (to, id, connection) = (subscriber.send.clone(), subscriber.id, subscriber.connection);
        let message = queue.ready.pop_front()?;
        let unsettled = Unsettled { queue: name.to_owned(), subscriber: Some(id), connection, message: message.clone() };
        self.unsettled.insert(tag, unsettled);
        Some(Handout { tag, to, message })
    }

    /// Takes messages without a subscription.
    pub fn take(&mut self, connection: u64, name: &str, limit: usize) -> Result<Vec<(u64, Message)>, BusError> {
        let queue = self.queue(name)?;
        queue.forget_expired();
        let count = limit.min(queue.ready.len());
        let messages: Vec<Message> = queue.ready.drain(..count).collect();
        Ok(messages
            .into_iter()
            .map(|message| {
                let tag = self.new_id();
                let unsettled = Unsettled { queue: name.to_owned(), subscriber: None, connection, message: message.clone() };
                self.unsettled.insert(tag, unsettled);
                (tag, message)
            })
            .collect())
    }

    fn settled(&mut self, tag: u64) -> Option<Unsettled> {
        let unsettled = self.unsettled.remove(&tag)?;
        if let Some(queue) = self.queues.get_mut(&unsettled.queue) {
            let owner = queue.subscribers.iter_mut().find(|subscriber| Some(subscriber.id) == unsettled.subscriber);
            if let Some(subscriber) = owner {
                subscriber.unsettled = subscriber.unsettled.saturating_sub(1);
            }
        }
        Some(unsettled)
    }

    pub fn ack(&mut self, tag: u64) -> Option<()> {
        self.settled(tag).map(|_| ())
    }

    /// Puts a delivery back to the front, or to the dead letters when it came back too often; the queues that it reached.
    pub fn give_back(&mut self, tag: u64) -> Option<Vec<String>> {
        let unsettled = self.settled(tag)?;
        Some(self.put_back(unsettled))
    }

    fn put_back(&mut self, unsettled: Unsettled) -> Vec<String> {
        let Unsettled { queue: name, mut message, subscriber, .. } = unsettled;
        let Some(queue) = self.queues.get_mut(&name) else { return Vec::new() };
        message.redelivered = true;
        message.returns += u32::from(subscriber.is_some());
        let limit = queue.number("x-delivery-limit");
        if limit.is_none_or(|limit| i64::from(message.returns) <= limit) {
            queue.put_back(message);
            return vec![name];
        }
        let Some(exchange) = queue.dead_letter_exchange() else { return Vec::new() };
        let headers = [(REASON_HEADER, "delivery_limit".to_owned()), (ORIGIN_HEADER, name)];
        self.dead_letter(message.outgoing, exchange, &headers)
    }

    /// Moves a delivery to the dead letters with its reason; the queues that it reached.
    pub fn reject(&mut self, tag: u64, code: u16, reason: &str) -> Option<Vec<String>> {
        let unsettled = self.settled(tag)?;
        let headers = [(REASON_HEADER, reason.to_owned()), (CODE_HEADER, code.to_string()), (ORIGIN_HEADER, unsettled.queue.clone())];
        let reached = self.dead_letter(unsettled.message.outgoing.clone(), DEAD_EXCHANGE.to_owned(), &headers);
        if reached.is_empty() {
            // It can't be kept: it goes back, and the verdict was not carried out.
            self.put_back(unsettled);
            return None;
        }
        Some(reached)
    }

    fn dead_letter(&mut self, mut message: Outgoing, exchange: String, headers: &[(&str, String)]) -> Vec<String> {
        message.headers.extend(headers.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
        message.exchange = exchange;
        self.publish(&message).unwrap_or_default()
    }

    pub fn depth(&mut self, name: &str) -> Result<(u32, u32), BusError> {
        let queue = self.queue(name)?;
        queue.forget_expired();
        let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        Ok((count(queue.ready.len()), count(queue.subscribers.len())))
    }

    /// Ends a connection: its deliveries go back, its exclusive queues go away. The queues that have something new.
    pub fn close(&mut self, connection: u64) -> Vec<String> {
        self.connections.remove(&connection);
        self.queues.retain(|_, queue| queue.owner != Some(connection));
        for queue in self.queues.values_mut() {
            queue.subscribers.retain(|subscriber| subscriber.connection != connection);
        }
        let tags: Vec<u64> =
            self.unsettled.iter().filter(|(_, unsettled)| unsettled.connection == connection).map(|(tag, _)| *tag).collect();
        let mut reached = Vec::new();
        for tag in tags {
            if let Some(unsettled) = self.unsettled.remove(&tag) {
                reached.extend(self.put_back(unsettled));
            }
        }
        reached
    }

    fn queue(&mut self, name: &str) -> Result<&mut Queue, BusError> {
        self.queues.get_mut(name).ok_or_else(|| BusError::Refused(format!("there is no queue `{name}`")))
    }
}

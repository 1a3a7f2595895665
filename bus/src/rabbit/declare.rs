//! Declaring exchanges, queues and bindings, and remembering them: exclusive queues go with their connection, and a broker
//! may come back without its disk.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chiffon_protocol::topology::{Argument, Exchange, Queue, Topology};
use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ExchangeKind};

use super::failure;
use crate::BusError;

/// A quorum queue that is declared in the moment of its deletion keeps consumers that get nothing, and are told nothing: the broker
/// counts them, and gives them messages (RabbitMQ 3.10). They are to hear of its end first.
const BREATH: Duration = Duration::from_secs(1);

/// What was declared through this bus.
#[derive(Debug)]
pub struct Wanted(Mutex<Topology>);

impl Wanted {
    pub fn new() -> Self {
        Self(Mutex::new(Topology { exchanges: Vec::new(), queues: Vec::new() }))
    }

    /// Remembers what is not yet, and says what that was.
    pub fn add(&self, topology: &Topology) -> Topology {
        let mut wanted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let exchanges: Vec<Exchange> =
            topology.exchanges.iter().filter(|one| !wanted.exchanges.iter().any(|known| known.name == one.name)).cloned().collect();
        let queues: Vec<Queue> =
            topology.queues.iter().filter(|one| !wanted.queues.iter().any(|known| known.name == one.name)).cloned().collect();
        wanted.exchanges.extend_from_slice(&exchanges);
        wanted.queues.extend_from_slice(&queues);
        Topology { exchanges, queues }
    }

    /// Forgets what could not be declared.
    pub fn forget(&self, topology: &Topology) {
        let mut wanted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        wanted.exchanges.retain(|known| !topology.exchanges.contains(known));
        wanted.queues.retain(|known| !topology.queues.contains(known));
    }

    /// The declaration of one queue, with all exchanges.
    pub fn of_queue(&self, name: &str) -> Option<Topology> {
        let wanted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = wanted.queues.iter().find(|queue| queue.name == name)?;
        Some(Topology { exchanges: wanted.exchanges.clone(), queues: vec![queue.clone()] })
    }

    /// What carries messages with this key on this exchange: all exchanges, and the queues that are bound for it.
    pub fn of_key(&self, exchange: &str, routing_key: &str) -> Option<Topology> {
        Some(self.matching(|queue| queue.exchange == exchange && queue.routing_key == routing_key)).filter(|found| !found.queues.is_empty())
    }

    /// What an exchange takes with it when it is deleted: itself, and the bindings of its queues.
    pub fn of_exchange(&self, exchange: &str) -> Option<Topology> {
        Some(self.matching(|queue| queue.exchange == exchange)).filter(|found| found.exchanges.iter().any(|known| known.name == exchange))
    }

    fn matching(&self, fits: impl Fn(&Queue) -> bool) -> Topology {
        let wanted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let queues = wanted.queues.iter().filter(|queue| fits(queue)).cloned().collect();
        Topology { exchanges: wanted.exchanges.clone(), queues }
    }

    pub fn all(&self) -> Topology {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Declares everything on a new connection. A shared queue that somebody has changed meanwhile is reported and left alone;
    /// an exclusive one that the broker still holds for our old connection is waited for, by failing.
    pub async fn declare_again(&self, connection: &Connection) -> Result<(), String> {
        let all = self.all();
        match apply(connection, &all).await {
            Ok(()) => return Ok(()),
            Err(BusError::Mismatch { .. } | BusError::Refused(_)) => {}
            Err(error) => return Err(error.to_string()),
        }
        for queue in all.queues {
            let exclusive = queue.exclusive;
            match apply(connection, &Topology { exchanges: Vec::new(), queues: vec![queue] }).await {
                Ok(()) => {}
                Err(error @ (BusError::Mismatch { .. } | BusError::Refused(_))) if !exclusive => {
                    tracing::error!(%error, "a queue could not be declared again after a reconnect; it is used as it is");
                }
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(())
    }
}

/// Declares a topology on a channel of its own, because a refused declaration closes the channel.
pub async fn apply(connection: &Connection, topology: &Topology) -> Result<(), BusError> {
    let channel = connection.create_channel().await.map_err(|error| failure::of(&error))?;
    for exchange in &topology.exchanges {
        declare_exchange(&channel, exchange).await.map_err(|error| failure::of_declaration(&exchange.name, &error))?;
    }
    for queue in &topology.queues {
        declare_queue(&channel, queue).await.map_err(|error| failure::of_declaration(&queue.name, &error))?;
    }
    Ok(())
}

/// Puts back what is missing of a topology: a queue that is there is only bound again, and one that is not, not at once.
pub async fn keep(connection: &Connection, topology: Topology) -> Result<(), BusError> {
    let Topology { exchanges, queues } = topology;
    apply(connection, &Topology { exchanges, queues: Vec::new() }).await?;
    let channel = connection.create_channel().await.map_err(|error| failure::of(&error))?;
    let mut missing = Vec::new();
    for queue in queues {
        match look_at(connection, &queue.name).await {
            Ok(_) => bind(&channel, &queue).await.map_err(|error| failure::of_declaration(&queue.name, &error))?,
            Err(error) if failure::is_missing(&error) => missing.push(queue),
            Err(error) => return Err(failure::of_declaration(&queue.name, &error)),
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    tokio::time::sleep(BREATH).await;
    apply(connection, &Topology { exchanges: Vec::new(), queues: missing }).await
}

async fn declare_exchange(channel: &Channel, exchange: &Exchange) -> lapin::Result<()> {
    let kind = match exchange.kind {
        "direct" => ExchangeKind::Direct,
        "topic" => ExchangeKind::Topic,
        "fanout" => ExchangeKind::Fanout,
        other => ExchangeKind::Custom(other.to_owned()),
    };
    let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    channel.exchange_declare(exchange.name.as_str().into(), kind, options, FieldTable::default()).await
}

async fn declare_queue(channel: &Channel, queue: &Queue) -> lapin::Result<()> {
    let mut arguments = FieldTable::default();
    for (key, value) in &queue.arguments {
        let value = match value {
            Argument::Text(text) => AMQPValue::LongString(text.as_str().into()),
            Argument::Number(number) => AMQPValue::LongLongInt(*number),
        };
        arguments.insert(key.as_str().into(), value);
    }
    let options = QueueDeclareOptions { durable: queue.durable, exclusive: queue.exclusive, ..QueueDeclareOptions::default() };
    channel.queue_declare(queue.name.as_str().into(), options, arguments).await?;
    bind(channel, queue).await
}

async fn bind(channel: &Channel, queue: &Queue) -> lapin::Result<()> {
    let (name, exchange, key) = (queue.name.as_str().into(), queue.exchange.as_str().into(), queue.routing_key.as_str().into());
    channel.queue_bind(name, exchange, key, QueueBindOptions::default(), FieldTable::default()).await
}

/// Ready messages and consumers of a queue.
pub async fn depth(connection: &Connection, queue: &str) -> Result<(u32, u32), BusError> {
    let found = look_at(connection, queue).await.map_err(|error| failure::of(&error))?;
    Ok((found.message_count(), found.consumer_count()))
}

/// A queue as the broker has it, on a channel of its own, because one that is missing closes the channel.
async fn look_at(connection: &Connection, queue: &str) -> lapin::Result<lapin::Queue> {
    let channel = connection.create_channel().await?;
    let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(queue.into(), options, FieldTable::default()).await
}

//! Declaring exchanges, queues and bindings; a queue that exists with other arguments is named.

use chiffon_protocol::topology::{Argument, Queue, Topology};
use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ExchangeKind};

use crate::BusError;

/// Declares a topology on a channel of its own, because a refused declaration closes the channel.
pub async fn on(connection: &Connection, topology: &Topology) -> Result<(), BusError> {
    let channel = connection.create_channel().await.map_err(unavailable)?;
    for exchange in &topology.exchanges {
        let kind = match exchange.kind {
            "topic" => ExchangeKind::Topic,
            "fanout" => ExchangeKind::Fanout,
            _ => ExchangeKind::Direct,
        };
        let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        channel
            .exchange_declare(exchange.name.as_str().into(), kind, options, FieldTable::default())
            .await
            .map_err(|error| refused(&exchange.name, &error))?;
    }
    for queue in &topology.queues {
        declare_queue(&channel, queue).await.map_err(|error| refused(&queue.name, &error))?;
    }
    channel.close(200, "declared".into()).await.map_err(unavailable)
}

async fn declare_queue(channel: &Channel, queue: &Queue) -> Result<(), lapin::Error> {
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
    let (exchange, key) = (queue.exchange.as_str().into(), queue.routing_key.as_str().into());
    channel.queue_bind(queue.name.as_str().into(), exchange, key, QueueBindOptions::default(), FieldTable::default()).await
}

/// Ready messages and consumers of a queue.
pub async fn depth(connection: &Connection, queue: &str) -> Result<(u32, u32), BusError> {
    let channel = connection.create_channel().await.map_err(unavailable)?;
    let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let declared =
        channel.queue_declare(queue.into(), options, FieldTable::default()).await.map_err(|error| BusError::Refused(error.to_string()))?;
    drop(channel.close(200, "looked".into()).await);
    Ok((declared.message_count(), declared.consumer_count()))
}

fn refused(name: &str, error: &lapin::Error) -> BusError {
    let reason = error.to_string();
    // https://www.rabbitmq.com/docs/channels#common-channel-errors: 406 for other arguments, 405 for another connection's exclusive queue.
    let is_mismatch = ["PRECONDITION", "PreconditionFailed", "RESOURCE_LOCKED", "RESOURCE-LOCKED"].iter().any(|word| reason.contains(word));
    if is_mismatch { BusError::Mismatch { name: name.to_owned(), reason } } else { BusError::Unavailable(reason) }
}

fn unavailable(error: lapin::Error) -> BusError {
    BusError::Unavailable(error.to_string())
}

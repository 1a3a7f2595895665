//! The outbox: what has to be published, written in the transaction that made it true (RELIABILITY 2).

use std::collections::BTreeMap;
use std::time::Duration;

use chiffon_protocol::topology::{CONTROL_EXCHANGE, WORK_EXCHANGE};
use chiffon_protocol::{Envelope, signature};
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::Error;

/// The channel on which new outbox rows are announced.
pub const CHANNEL: &str = "chiffon_outbox";

/// What is said on it when there is something to plan instead.
pub const TO_PLAN: &str = "planner";

/// How long a relay has for what it has in hand: a little longer than the usual limit for a publish (`bus.publish_timeout`), so that a row
/// is seldom sent twice while its first try is under way; what a killed relay had in hand rests for so long.
pub const LEASE: Duration = Duration::from_secs(12);

/// Which offer a message makes, so that an unroutable one can be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// The task.
    pub task_id: Uuid,
    /// Its attempt.
    pub attempt: i32,
    /// The offer's number.
    pub offer: i32,
}

/// A message to be sent.
#[derive(Debug, Clone)]
pub struct Message {
    /// The envelope's id, or a new one where it has none.
    pub message_id: Uuid,
    /// Where to.
    pub exchange: &'static str,
    /// Where to.
    pub routing_key: String,
    /// Whom the orchestrator's signature names.
    pub recipient: String,
    /// What it says; of what is sent again, its trace only.
    pub envelope: Value,
    /// What it belongs to.
    pub request_id: Option<Uuid>,
    /// For offered work.
    pub offer: Option<Offer>,
    /// What somebody else has said, to be sent as it was.
    pub again: Option<Again>,
}

impl Message {
    /// What the orchestrator itself says on a queue of work, to whoever consumes it.
    pub fn work(queue: &str, envelope: &Envelope) -> Self {
        Self::new(WORK_EXCHANGE, queue, queue, envelope)
    }

    /// What it says to one agent, on that one's control queue.
    pub fn control(queue: &str, agent_id: &str, envelope: &Envelope) -> Self {
        Self::new(CONTROL_EXCHANGE, queue, agent_id, envelope)
    }

    /// What somebody else has said, again on the queue on which it was; the orchestrator's own signature stands beside theirs.
    pub fn again(queue: &str, message_id: Uuid, trace_id: &str, again: Again) -> Self {
        Self {
            message_id,
            exchange: WORK_EXCHANGE,
            routing_key: queue.to_owned(),
            recipient: signature::again(queue),
            envelope: json!({"trace_id": trace_id}),
            request_id: None,
            offer: None,
            again: Some(again),
        }
    }

    fn new(exchange: &'static str, routing_key: &str, recipient: &str, envelope: &Envelope) -> Self {
        Self {
            message_id: envelope.message_id,
            exchange,
            routing_key: routing_key.to_owned(),
            recipient: recipient.to_owned(),
            envelope: envelope.to_value(),
            request_id: (!envelope.request_id.is_nil()).then_some(envelope.request_id),
            offer: None,
            again: None,
        }
    }
}

/// A message that is sent again, byte for byte and under its sender's own signature.
#[derive(Debug, Clone)]
pub struct Again {
    /// Its headers.
    pub headers: Value,
    /// Its bytes.
    pub body: Vec<u8>,
}

/// A message that a relay has leased.
#[derive(Debug, Clone)]
pub struct Leased {
    /// Its row.
    pub id: i64,
    /// The envelope's id.
    pub message_id: Uuid,
    /// Where to.
    pub exchange: String,
    /// Where to.
    pub routing_key: String,
    /// Whom the signature names.
    pub recipient: String,
    /// The envelope as JSON.
    pub envelope: Value,
    /// For offered work.
    pub task_id: Option<Uuid>,
    /// For offered work.
    pub attempt: Option<i32>,
    /// For offered work.
    pub offer: Option<i32>,
    /// The bytes of a message that is sent again as it was.
    pub body: Option<Vec<u8>>,
    /// Its headers.
    pub headers: Option<Value>,
}

impl Leased {
    /// The trace it belongs to.
    pub fn trace_id(&self) -> &str {
        self.envelope["trace_id"].as_str().unwrap_or_default()
    }
}

/// Messages with the ids of their rows.
pub fn rows(messages: Vec<Message>, ids: &[(Uuid, i64)]) -> Vec<Leased> {
    let ids: BTreeMap<Uuid, i64> = ids.iter().copied().collect();
    let leased = |message: Message| {
        let (body, headers) = message.again.map(|again| (again.body, again.headers)).unzip();
        Some(Leased {
            id: ids.get(&message.message_id).copied()?,
            message_id: message.message_id,
            exchange: message.exchange.to_owned(),
            routing_key: message.routing_key,
            recipient: message.recipient,
            envelope: message.envelope,
            task_id: message.offer.map(|offer| offer.task_id),
            attempt: message.offer.map(|offer| offer.attempt),
            offer: message.offer.map(|offer| offer.offer),
            body,
            headers,
        })
    };
    messages.into_iter().filter_map(leased).collect()
}

/// Leases the oldest rows that nobody else sends, by Postgres time.
pub async fn lease(connection: &mut PgConnection, limit: i64, lease: Duration) -> Result<Vec<Leased>, Error> {
    Ok(sqlx::query_as!(
        Leased,
        "UPDATE outbox
        SET leased_until = now() + make_interval(secs => $2), tries = tries + 1
        WHERE id IN (
            SELECT id
            FROM outbox
            WHERE leased_until IS NULL OR leased_until < now()
            ORDER BY id
            LIMIT $1
            FOR UPDATE SKIP LOCKED
        )
        RETURNING id, message_id, exchange, routing_key, recipient, envelope, task_id, attempt, offer, body, headers",
        limit,
        lease.as_secs_f64(),
    )
    .fetch_all(connection)
    .await?)
}

/// Forgets rows that the broker has confirmed.
pub async fn delete(connection: &mut PgConnection, ids: &[i64]) -> Result<(), Error> {
    sqlx::query!(
        "DELETE FROM outbox
        WHERE id = ANY ($1)",
        ids,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Gives rows back that were not sent, to be sent by another relay at once.
pub async fn give_back(connection: &mut PgConnection, ids: &[i64]) -> Result<(), Error> {
    sqlx::query!("UPDATE outbox SET leased_until = NULL WHERE id = ANY ($1)", ids).execute(connection).await?;
    Ok(())
}

/// Gives rows back that could not be sent, to be sent again after a delay.
pub async fn release(connection: &mut PgConnection, ids: &[i64], error: &str, delay: Duration) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE outbox
        SET leased_until = now() + make_interval(secs => $3), last_error = $2
        WHERE id = ANY ($1)",
        ids,
        error,
        delay.as_secs_f64(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

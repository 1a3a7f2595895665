//! The outbox: what has to be published, written in the transaction that made it true (RELIABILITY 2).

use std::time::Duration;

use chiffon_protocol::Envelope;
use chiffon_protocol::topology::WORK_EXCHANGE;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Error;

/// The channel on which new outbox rows are announced.
pub const CHANNEL: &str = "chiffon_outbox";

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
pub struct NewMessage<'m> {
    /// Where to.
    pub exchange: &'m str,
    /// Where to.
    pub routing_key: &'m str,
    /// Whom the signature names.
    pub recipient: &'m str,
    /// What it says.
    pub envelope: &'m Envelope,
    /// For offered work.
    pub offer: Option<Offer>,
}

/// Adds a message and wakes the relay when the transaction commits.
///
/// # Panics
/// Never: envelopes always serialize.
pub async fn add(connection: &mut PgConnection, message: &NewMessage<'_>, at: DateTime<Utc>) -> Result<(), Error> {
    let envelope: Value = serde_json::from_slice(&message.envelope.to_bytes()).expect("an envelope is JSON");
    let request_id = (!message.envelope.request_id.is_nil()).then_some(message.envelope.request_id);
    sqlx::query!(
        "INSERT INTO outbox (message_id, exchange, routing_key, recipient, envelope, request_id, task_id, attempt, offer, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        message.envelope.message_id,
        message.exchange,
        message.routing_key,
        message.recipient,
        envelope,
        request_id,
        message.offer.map(|offer| offer.task_id),
        message.offer.map(|offer| offer.attempt),
        message.offer.map(|offer| offer.offer),
        at,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!("SELECT pg_notify($1, '')", CHANNEL).execute(connection).await?;
    Ok(())
}

/// A message that is sent again, byte for byte and under its sender's own signature.
#[derive(Debug, Clone)]
pub struct Again<'m> {
    /// The queue it goes to.
    pub queue: &'m str,
    /// Whom the orchestrator's own signature beside the sender's names.
    pub recipient: &'m str,
    /// The envelope's id, or a new one where it has none.
    pub message_id: Uuid,
    /// The envelope's trace.
    pub trace_id: &'m str,
    /// Its headers.
    pub headers: &'m Value,
    /// Its bytes.
    pub body: &'m [u8],
}

/// Adds a message that is sent again and wakes the relay when the transaction commits.
pub async fn add_again(connection: &mut PgConnection, again: &Again<'_>, at: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO outbox (message_id, exchange, routing_key, recipient, envelope, body, headers, created_at)
        VALUES ($1, $2, $3, $4, jsonb_build_object('trace_id', $5::text), $6, $7, $8)",
        again.message_id,
        WORK_EXCHANGE,
        again.queue,
        again.recipient,
        again.trace_id,
        again.body,
        again.headers,
        at,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!("SELECT pg_notify($1, '')", CHANNEL).execute(connection).await?;
    Ok(())
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

//! What a transaction leaves behind beside what it changes: rows of the audit log, events for live views, and messages. However many there
//! are, they are written by one statement for all, after one that reads where their chains stand (RELIABILITY 2, 21, 23).

use std::collections::BTreeMap;

use chiffon_protocol::canonical;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Error;
use super::outbox::Message;
use crate::domain::audit::{AuditEvent, SYSTEM_CHAIN, Seal, row_hash};

/// What is to be left.
#[derive(Debug, Default)]
pub struct Trail {
    /// Rows of the chains of requests, each chain's in its order.
    pub audit: Vec<(Uuid, AuditEvent)>,
    /// Rows of the chain of what belongs to no request.
    pub system: Vec<AuditEvent>,
    /// Events of requests: the request, `request | task | message | plan | log | commit`, and what changed.
    pub events: Vec<(Uuid, &'static str, Value)>,
    /// What is to be sent.
    pub messages: Vec<Message>,
}

impl Trail {
    /// Whether there is nothing to be written.
    pub fn is_empty(&self) -> bool {
        self.audit.is_empty() && self.system.is_empty() && self.events.is_empty() && self.messages.is_empty()
    }
}

/// Where the histories of a request stand.
struct Root {
    id: Uuid,
    audit_seq: i64,
    audit_head: Option<Vec<u8>>,
    event_seq: i64,
    status: String,
    finished_at: Option<DateTime<Utc>>,
}

/// Rows of the audit log, as columns.
#[derive(Default)]
struct Audit {
    chains: Vec<String>,
    seqs: Vec<i64>,
    actors: Vec<String>,
    names: Vec<String>,
    data: Vec<Value>,
    prevs: Vec<Option<Vec<u8>>>,
    hashes: Vec<Vec<u8>>,
}

impl Audit {
    /// Adds a row behind this head, which is that row's afterwards.
    fn add(&mut self, chain: &str, (seq, head): (&mut i64, &mut Option<Vec<u8>>), event: &AuditEvent, at: DateTime<Utc>) {
        *seq += 1;
        let hash = row_hash(head.as_deref(), chain, *seq, at, &event.actor, event.event, &event.data);
        self.chains.push(chain.to_owned());
        self.seqs.push(*seq);
        self.actors.push(event.actor.clone());
        self.names.push(event.event.to_owned());
        self.data.push(event.data.clone());
        self.prevs.push(head.replace(hash.clone()));
        self.hashes.push(hash);
    }
}

/// Writes all of it at this time. The rows of its requests are locked by then or now, in the order of their ids, and the system chain
/// last: it is one row for all, and nothing may wait for anything else while it is held.
///
/// The head of a request that has ended goes into the system chain, once.
pub async fn write(connection: &mut PgConnection, trail: &Trail, at: DateTime<Utc>) -> Result<(), Error> {
    let mut roots = roots(connection, trail).await?;
    let mut audit = Audit::default();
    for (request_id, event) in &trail.audit {
        let root = roots.get_mut(request_id).ok_or(sqlx::Error::RowNotFound)?;
        audit.add(&request_id.to_string(), (&mut root.audit_seq, &mut root.audit_head), event, at);
    }
    let mut events = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (request_id, kind, data) in &trail.events {
        let root = roots.get_mut(request_id).ok_or(sqlx::Error::RowNotFound)?;
        root.event_seq += 1;
        events.0.push(*request_id);
        events.1.push(root.event_seq);
        events.2.push((*kind).to_owned());
        events.3.push(data.clone());
    }
    let system = system(connection, trail, &roots, &mut audit, at).await?;
    let (ids, audit_seqs, audit_heads, event_seqs) = columns(roots);
    let messages = Messages::of(&trail.messages);
    sqlx::query!(
        "WITH audited AS (
            INSERT INTO audit_log (chain, seq, at, actor, event, data, prev_hash, hash)
            SELECT chain, seq, $1, actor, event, data, prev_hash, hash
            FROM unnest($2::text[], $3::bigint[], $4::text[], $5::text[], $6::jsonb[], $7::bytea[], $8::bytea[])
                AS rows (chain, seq, actor, event, data, prev_hash, hash)
        ), told AS (
            INSERT INTO request_events (request_id, seq, at, kind, data)
            SELECT request_id, seq, $1, kind, data
            FROM unnest($9::uuid[], $10::bigint[], $11::text[], $12::jsonb[]) AS rows (request_id, seq, kind, data)
        ), sent AS (
            INSERT INTO outbox (message_id, exchange, routing_key, recipient, envelope, request_id, task_id, attempt, offer, body, headers,
                created_at)
            SELECT message_id, exchange, routing_key, recipient, envelope, request_id, task_id, attempt, offer, body, headers, $1
            FROM unnest($13::uuid[], $14::text[], $15::text[], $16::text[], $17::jsonb[], $18::uuid[], $19::uuid[], $20::int[], $21::int[],
                $22::bytea[], $23::jsonb[])
                WITH ORDINALITY
                AS rows (message_id, exchange, routing_key, recipient, envelope, request_id, task_id, attempt, offer, body, headers, number)
            ORDER BY number
        ), headed AS (
            UPDATE audit_heads
            SET seq = $24, head = $25
            WHERE chain = $26 AND $24::bigint IS NOT NULL
        )
        UPDATE requests
        SET audit_seq = root.audit_seq, audit_head = root.audit_head, event_seq = root.event_seq
        FROM unnest($27::uuid[], $28::bigint[], $29::bytea[], $30::bigint[]) AS root (id, audit_seq, audit_head, event_seq)
        WHERE requests.id = root.id",
        at,
        &audit.chains,
        &audit.seqs,
        &audit.actors,
        &audit.names,
        &audit.data,
        &audit.prevs as &[Option<Vec<u8>>],
        &audit.hashes,
        &events.0,
        &events.1,
        &events.2,
        &events.3,
        &messages.ids,
        &messages.exchanges,
        &messages.routing_keys,
        &messages.recipients,
        &messages.envelopes,
        &messages.requests as &[Option<Uuid>],
        &messages.tasks as &[Option<Uuid>],
        &messages.attempts as &[Option<i32>],
        &messages.offers as &[Option<i32>],
        &messages.bodies as &[Option<Vec<u8>>],
        &messages.headers as &[Option<Value>],
        system.as_ref().map(|(seq, _)| *seq),
        system.and_then(|(_, head)| head),
        SYSTEM_CHAIN,
        &ids,
        &audit_seqs,
        &audit_heads as &[Option<Vec<u8>>],
        &event_seqs,
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn roots(connection: &mut PgConnection, trail: &Trail) -> Result<BTreeMap<Uuid, Root>, Error> {
    let mut ids: Vec<Uuid> = trail.audit.iter().map(|(id, _)| *id).chain(trail.events.iter().map(|(id, ..)| *id)).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows = sqlx::query_as!(
        Root,
        "SELECT id, audit_seq, audit_head, event_seq, status, finished_at
        FROM requests
        WHERE id = ANY ($1)
        ORDER BY id
        FOR UPDATE",
        &ids,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|root| (root.id, root)).collect())
}

/// The system chain's rows, and where it stands after them; `None` where it gets none.
async fn system(
    connection: &mut PgConnection,
    trail: &Trail,
    roots: &BTreeMap<Uuid, Root>,
    audit: &mut Audit,
    at: DateTime<Utc>,
) -> Result<Option<(i64, Option<Vec<u8>>)>, Error> {
    let was_audited = |root: &&Root| trail.audit.iter().any(|(id, _)| *id == root.id);
    let ended = roots.values().filter(|root| root.finished_at.is_some()).filter(was_audited);
    let seals = ended.map(|root| {
        let head = root.audit_head.as_deref().map(canonical::hex).unwrap_or_default();
        Seal { chain: root.id.to_string(), seq: root.audit_seq, head, status: root.status.clone() }.event()
    });
    let rows: Vec<AuditEvent> = trail.system.iter().cloned().chain(seals).collect();
    if rows.is_empty() {
        return Ok(None);
    }
    let stands = sqlx::query!("SELECT seq, head FROM audit_heads WHERE chain = $1 FOR UPDATE", SYSTEM_CHAIN).fetch_one(connection).await?;
    let (mut seq, mut head) = (stands.seq, stands.head);
    for event in &rows {
        audit.add(SYSTEM_CHAIN, (&mut seq, &mut head), event, at);
    }
    Ok(Some((seq, head)))
}

type RootColumns = (Vec<Uuid>, Vec<i64>, Vec<Option<Vec<u8>>>, Vec<i64>);

fn columns(roots: BTreeMap<Uuid, Root>) -> RootColumns {
    let mut columns = RootColumns::default();
    for root in roots.into_values() {
        columns.0.push(root.id);
        columns.1.push(root.audit_seq);
        columns.2.push(root.audit_head);
        columns.3.push(root.event_seq);
    }
    columns
}

/// Rows of the outbox, as columns.
#[derive(Default)]
struct Messages {
    ids: Vec<Uuid>,
    exchanges: Vec<String>,
    routing_keys: Vec<String>,
    recipients: Vec<String>,
    envelopes: Vec<Value>,
    requests: Vec<Option<Uuid>>,
    tasks: Vec<Option<Uuid>>,
    attempts: Vec<Option<i32>>,
    offers: Vec<Option<i32>>,
    bodies: Vec<Option<Vec<u8>>>,
    headers: Vec<Option<Value>>,
}

impl Messages {
    fn of(messages: &[Message]) -> Self {
        let mut columns = Self::default();
        for message in messages {
            columns.ids.push(message.message_id);
            columns.exchanges.push(message.exchange.to_owned());
            columns.routing_keys.push(message.routing_key.clone());
            columns.recipients.push(message.recipient.clone());
            columns.envelopes.push(message.envelope.clone());
            columns.requests.push(message.request_id);
            columns.tasks.push(message.offer.map(|offer| offer.task_id));
            columns.attempts.push(message.offer.map(|offer| offer.attempt));
            columns.offers.push(message.offer.map(|offer| offer.offer));
            columns.bodies.push(message.again.as_ref().map(|again| again.body.clone()));
            columns.headers.push(message.again.as_ref().map(|again| again.headers.clone()));
        }
        columns
    }
}

//! What a transaction leaves behind beside what it changes: rows of the audit log, events for live views, and messages. However many there
//! are, they are written by one statement for all, after one that reads where their chains stand (RELIABILITY 2, 21, 23).

use std::collections::{BTreeMap, BTreeSet};

use chiffon_protocol::canonical;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Error;
use super::outbox::{LEASE, Message};
use crate::domain::audit::{AuditEvent, SYSTEM_CHAIN, Seal, row_hash};

/// What is to be left.
#[derive(Debug, Default)]
pub struct Trail {
    /// Streams that begin with this, each with what it is of.
    pub opened: Vec<(Uuid, &'static str)>,
    /// Rows of the chains of streams, each chain's in its order.
    pub audit: Vec<(Uuid, AuditEvent)>,
    /// Rows of the chain of what belongs to no stream.
    pub system: Vec<AuditEvent>,
    /// Events of streams: the stream, `request | task | message | plan | log | commit`, and what changed.
    pub events: Vec<(Uuid, &'static str, Value)>,
    /// What is to be sent.
    pub messages: Vec<Message>,
}

impl Trail {
    /// Whether there is nothing to be written.
    pub fn is_empty(&self) -> bool {
        self.opened.is_empty() && self.audit.is_empty() && self.system.is_empty() && self.events.is_empty() && self.messages.is_empty()
    }
}

/// Where the histories of a thing stand.
struct Stream {
    id: Uuid,
    kind: String,
    audit_seq: i64,
    audit_head: Option<Vec<u8>>,
    event_seq: i64,
    feed_position: i64,
    /// How it ended, where it has.
    ended: Option<String>,
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

/// Writes all of it at this time. The rows of its requests, and then those of its streams, are locked by then or now, in the order of their
/// ids, and the system chain last: it is one row for all, and nothing may wait for anything else while it is held.
///
/// The head of a request that has ended goes into the system chain, once. Rows of messages are leased for whoever they are handed over to.
/// Gives back each message's id and that of its row.
pub async fn write(
    connection: &mut PgConnection,
    trail: &Trail,
    is_handed_over: bool,
    at: DateTime<Utc>,
) -> Result<Vec<(Uuid, i64)>, Error> {
    let mut streams = streams(connection, trail).await?;
    let mut audit = Audit::default();
    for (stream_id, event) in &trail.audit {
        let stream = streams.get_mut(stream_id).ok_or(sqlx::Error::RowNotFound)?;
        audit.add(&stream_id.to_string(), (&mut stream.audit_seq, &mut stream.audit_head), event, at);
    }
    let mut events = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (stream_id, kind, data) in &trail.events {
        let stream = streams.get_mut(stream_id).ok_or(sqlx::Error::RowNotFound)?;
        stream.event_seq += 1;
        events.0.push(*stream_id);
        events.1.push(stream.event_seq);
        events.2.push((*kind).to_owned());
        events.3.push(data.clone());
        events.4.push(stream.feed_position);
    }
    let system = system(connection, trail, &streams, &mut audit, at).await?;
    let streams = Columns::of(streams, trail);
    let messages = Messages::of(&trail.messages);
    let rows = sqlx::query!(
        "WITH feed AS (
            SELECT feed_position_now() AS here
        ), audited AS (
            INSERT INTO audit_log (chain, seq, at, actor, event, data, prev_hash, hash)
            SELECT chain, seq, $1, actor, event, data, prev_hash, hash
            FROM unnest($2::text[], $3::bigint[], $4::text[], $5::text[], $6::jsonb[], $7::bytea[], $8::bytea[])
                AS rows (chain, seq, actor, event, data, prev_hash, hash)
        ), told AS (
            INSERT INTO request_events (request_id, seq, at, kind, data, feed_position)
            SELECT stream_id, seq, $1, kind, data, GREATEST(before, here)
            FROM unnest($9::uuid[], $10::bigint[], $11::text[], $12::jsonb[], $13::bigint[]) AS rows (stream_id, seq, kind, data, before)
            CROSS JOIN feed
        ), sent AS (
            INSERT INTO outbox (message_id, exchange, routing_key, recipient, envelope, request_id, task_id, attempt, offer, body, headers,
                created_at, leased_until, tries)
            SELECT message_id, exchange, routing_key, recipient, envelope, request_id, task_id, attempt, offer, body, headers, $1,
                now() + make_interval(secs => $35), CASE WHEN $35::float8 IS NULL THEN 0 ELSE 1 END
            FROM unnest($14::uuid[], $15::text[], $16::text[], $17::text[], $18::jsonb[], $19::uuid[], $20::uuid[], $21::int[], $22::int[],
                $23::bytea[], $24::jsonb[])
                WITH ORDINALITY
                AS rows (message_id, exchange, routing_key, recipient, envelope, request_id, task_id, attempt, offer, body, headers, number)
            ORDER BY number
            RETURNING id, message_id
        ), headed AS (
            UPDATE audit_heads
            SET seq = $25, head = $26
            WHERE chain = $27 AND $25::bigint IS NOT NULL
        ), moved AS (
            INSERT INTO streams (id, kind, audit_seq, audit_head, event_seq, feed_position)
            SELECT id, kind, audit_seq, audit_head, event_seq, CASE WHEN tells THEN GREATEST(before, here) ELSE before END
            FROM unnest($28::uuid[], $29::text[], $30::bigint[], $31::bytea[], $32::bigint[], $33::bigint[], $34::boolean[])
                AS rows (id, kind, audit_seq, audit_head, event_seq, before, tells)
            CROSS JOIN feed
            ON CONFLICT (id) DO UPDATE
            SET audit_seq = EXCLUDED.audit_seq, audit_head = EXCLUDED.audit_head, event_seq = EXCLUDED.event_seq,
                feed_position = EXCLUDED.feed_position
        )
        SELECT message_id, id FROM sent",
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
        &events.4,
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
        &streams.ids,
        &streams.kinds,
        &streams.audit_seqs,
        &streams.audit_heads as &[Option<Vec<u8>>],
        &streams.event_seqs,
        &streams.feed_positions,
        &streams.tells,
        is_handed_over.then_some(LEASE.as_secs_f64()),
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.message_id, row.id)).collect())
}

/// Where the streams stand: those that begin here at nothing, and the others as their locked rows say.
async fn streams(connection: &mut PgConnection, trail: &Trail) -> Result<BTreeMap<Uuid, Stream>, Error> {
    let begun = |(id, kind): &(Uuid, &'static str)| {
        let (id, kind) = (*id, (*kind).to_owned());
        (id, Stream { id, kind, audit_seq: 0, audit_head: None, event_seq: 0, feed_position: 0, ended: None })
    };
    let mut streams: BTreeMap<Uuid, Stream> = trail.opened.iter().map(begun).collect();
    let named = trail.audit.iter().map(|(id, _)| *id).chain(trail.events.iter().map(|(id, ..)| *id));
    let mut ids: Vec<Uuid> = named.filter(|id| !streams.contains_key(id)).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(streams);
    }
    // The rows of requests are locked before any of their streams: nobody takes a stream's lock without its request's.
    let rows = sqlx::query_as!(
        Stream,
        r#"WITH locked AS MATERIALIZED (
            SELECT id, CASE WHEN finished_at IS NOT NULL THEN status END AS ended
            FROM requests
            WHERE id = ANY ($1)
            ORDER BY id
            FOR UPDATE
        )
        SELECT s.id, s.kind, s.audit_seq, s.audit_head, s.event_seq, s.feed_position, locked.ended AS "ended?"
        FROM streams s
        LEFT JOIN locked ON locked.id = s.id
        WHERE s.id = ANY ($1)
        ORDER BY s.id
        FOR UPDATE OF s"#,
        &ids,
    )
    .fetch_all(connection)
    .await?;
    streams.extend(rows.into_iter().map(|stream| (stream.id, stream)));
    Ok(streams)
}

/// The system chain's rows, and where it stands after them; `None` where it gets none.
async fn system(
    connection: &mut PgConnection,
    trail: &Trail,
    streams: &BTreeMap<Uuid, Stream>,
    audit: &mut Audit,
    at: DateTime<Utc>,
) -> Result<Option<(i64, Option<Vec<u8>>)>, Error> {
    let was_audited = |stream: &&Stream| trail.audit.iter().any(|(id, _)| *id == stream.id);
    let seals = streams.values().filter(was_audited).filter_map(|stream| {
        let head = stream.audit_head.as_deref().map(canonical::hex).unwrap_or_default();
        Some(Seal { chain: stream.id.to_string(), seq: stream.audit_seq, head, status: stream.ended.clone()? }.event())
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

/// Where streams stand afterwards, as columns.
#[derive(Default)]
struct Columns {
    ids: Vec<Uuid>,
    kinds: Vec<String>,
    audit_seqs: Vec<i64>,
    audit_heads: Vec<Option<Vec<u8>>>,
    event_seqs: Vec<i64>,
    feed_positions: Vec<i64>,
    tells: Vec<bool>,
}

impl Columns {
    fn of(streams: BTreeMap<Uuid, Stream>, trail: &Trail) -> Self {
        let telling: BTreeSet<Uuid> = trail.events.iter().map(|(id, ..)| *id).collect();
        let mut columns = Self::default();
        for stream in streams.into_values() {
            columns.tells.push(telling.contains(&stream.id));
            columns.ids.push(stream.id);
            columns.kinds.push(stream.kind);
            columns.audit_seqs.push(stream.audit_seq);
            columns.audit_heads.push(stream.audit_head);
            columns.event_seqs.push(stream.event_seq);
            columns.feed_positions.push(stream.feed_position);
        }
        columns
    }
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

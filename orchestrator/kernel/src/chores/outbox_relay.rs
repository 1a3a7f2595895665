//! Publishes what stands in the outbox (RELIABILITY 2): handed over by the transaction that wrote it, or leased in a short statement; signed
//! and published outside it, side by side, and forgotten once the broker has confirmed it. A crash in between sends twice, which the
//! receivers allow.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chiffon_bus::{BusError, Outgoing, Published};
use chiffon_process::Traces;
use chiffon_process::traces::{OnQueue, SpanId};
use chiffon_protocol::topology::CONTROL_EXCHANGE;
use chiffon_protocol::{Envelope, ErrorCode, Problem, signature};
use chrono::{DateTime, Utc};
use futures::future::join_all;
use tokio::sync::Notify;
use uuid::Uuid;

use super::{Chore, TickReport};
use crate::store::outbox::{self, LEASE, Leased};
use crate::verbs::Context;
use crate::verbs::returned::Returned;

/// The agent's name.
pub const NAME: &str = "outbox_relay";
/// Messages under way at once.
const BATCH: u16 = 128;
/// How long a message rests that the broker did not take.
const REST: Duration = Duration::from_secs(1);

/// Publishes the outbox.
#[derive(Debug)]
pub struct OutboxRelay {
    context: Context,
    offers: Arc<dyn Returned>,
    /// When it last looked at the outbox, by [`Clock::elapsed`](chiffon_process::Clock::elapsed).
    looked_at: Mutex<Option<Duration>>,
}

/// What became of a row.
enum Sent {
    Confirmed,
    Unroutable,
    Failed(BusError),
}

impl OutboxRelay {
    /// A relay.
    pub fn new(context: Context, offers: Arc<dyn Returned>) -> Self {
        Self { context, offers, looked_at: Mutex::default() }
    }

    /// What is to be sent next: what was handed over, and else the oldest rows of the outbox.
    async fn next_batch(&self) -> Result<Vec<Leased>, Problem> {
        let handed = self.context.handed.take(usize::from(BATCH));
        if !handed.is_empty() || !self.is_to_look() {
            return Ok(handed);
        }
        let mut connection = self.context.store.acquire().await?;
        let rows = outbox::lease(&mut connection, i64::from(BATCH), LEASE).await?;
        if !rows.is_empty() {
            self.context.handed.look();
        }
        Ok(rows)
    }

    /// Whether something may lie in the outbox that nobody hands over: left there by this process, announced by another, or by one that
    /// died, which only the period finds.
    fn is_to_look(&self) -> bool {
        let now = self.context.clock.elapsed();
        let mut looked_at = self.looked_at.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = looked_at.is_none_or(|before| now >= before + self.context.settings.tick);
        let is_to_look = self.context.handed.take_look() || is_due;
        if is_to_look {
            *looked_at = Some(now);
        }
        is_to_look
    }

    /// Sends a batch; how many there were, and the first trouble with the broker.
    async fn send_batch(&self) -> Result<(usize, Option<BusError>), Problem> {
        let rows = self.next_batch().await?;
        if rows.is_empty() {
            return Ok((0, None));
        }
        let sent = join_all(rows.iter().map(|row| self.publish(row))).await;
        let (mut confirmed, mut unsent, mut returned, mut trouble) = (Vec::new(), Vec::new(), Vec::new(), None);
        for (row, sent) in rows.iter().zip(sent) {
            match sent {
                Sent::Confirmed => confirmed.push(row.id),
                Sent::Unroutable => returned.push(row),
                Sent::Failed(error) => {
                    unsent.push(row.id);
                    trouble = trouble.or(Some(error));
                }
            }
        }
        self.note(&confirmed, &unsent, trouble.as_ref()).await?;
        // Taking back needs a connection of its own: none is held meanwhile.
        for row in returned {
            self.take_back(row).await?;
            self.note(&[row.id], &[], None).await?;
        }
        Ok((rows.len(), trouble))
    }

    /// Forgets what the broker has, and lets rest what it did not take.
    async fn note(&self, confirmed: &[i64], unsent: &[i64], trouble: Option<&BusError>) -> Result<(), Problem> {
        let mut connection = self.context.store.acquire().await?;
        if !confirmed.is_empty() {
            outbox::delete(&mut connection, confirmed).await?;
        }
        if let Some(error) = trouble {
            outbox::release(&mut connection, unsent, &error.to_string(), REST).await?;
        }
        Ok(())
    }

    async fn publish(&self, row: &Leased) -> Sent {
        let began = self.context.clock.now();
        match self.context.bus.publish(self.signed(row)).await {
            Ok(published) => {
                let went_through = published == Published::Routed;
                self.trace(row, began, went_through);
                self.context.background.published(&row.routing_key, went_through, self.context.clock.now());
                if went_through { Sent::Confirmed } else { Sent::Unroutable }
            }
            Err(error) => Sent::Failed(error),
        }
    }

    fn signed(&self, row: &Leased) -> Outgoing {
        let expires = self.context.clock.now() + self.context.settings.signature_valid_for;
        let trace_id = row.trace_id();
        let (body, mut headers, ours) = match &row.body {
            None => (row.envelope.to_string().into_bytes(), BTreeMap::new(), signature::HEADER),
            // Said by somebody else: their signature stays, and ours stands beside it.
            Some(body) => (body.clone(), texts(row.headers.as_ref()), signature::AGAIN_HEADER),
        };
        headers.insert(ours.to_owned(), signature::sign(&self.context.key, &row.recipient, expires, &body));
        let span = SpanId::of_message(row.message_id);
        let traceparent = match self.request_of(row) {
            Some(_) => self.context.traces.traceparent(trace_id, span),
            None => Traces::no_parent(trace_id, span),
        };
        headers.insert("traceparent".to_owned(), traceparent);
        Outgoing {
            exchange: row.exchange.clone(),
            routing_key: row.routing_key.clone(),
            message_id: row.message_id.to_string(),
            correlation_id: trace_id.to_owned(),
            headers,
            body: body.into(),
            transient: false,
        }
    }

    /// The request whose trace the sending belongs to, where somebody takes it.
    fn request_of(&self, row: &Leased) -> Option<Uuid> {
        self.context.traces.keeps(row.trace_id()).then_some(())?;
        let request_id = match &row.body {
            // That something is stored is said of every line of a log: a span of it says nothing.
            None if row.envelope["message_type"] == "result_ack" => return None,
            None => row.envelope["request_id"].as_str()?.parse().ok()?,
            Some(body) => Envelope::parse(body).ok()?.request_id,
        };
        Some(request_id).filter(|request_id: &Uuid| !request_id.is_nil())
    }

    fn trace(&self, row: &Leased, began: DateTime<Utc>, went_through: bool) {
        let Some(request_id) = self.request_of(row) else { return };
        self.context.traces.add(row.trace_id(), || {
            let message_id = row.message_id.to_string();
            // An agent's control queue has its start's number in its name.
            let destination = if row.exchange == CONTROL_EXCHANGE { &row.exchange } else { &row.routing_key };
            OnQueue { destination, routing_key: &row.routing_key, message_id: &message_id }
                .sent(SpanId::of_message(row.message_id), began, self.context.clock.now())
                .under(SpanId::of_request(request_id))
                .with_some("chiffon.message.type", row.envelope["message_type"].as_str())
                .failed((!went_through).then_some("unroutable"))
        });
    }

    /// Nobody has a queue for it. Work goes back to waiting, with the reason; anything else was for an agent that is gone and
    /// will ask again, or a wake that is found without it.
    async fn take_back(&self, row: &Leased) -> Result<(), Problem> {
        if let (Some(task_id), Some(attempt), Some(offer)) = (row.task_id, row.attempt, row.offer) {
            self.offers.returned(task_id, attempt, offer).await?;
        } else {
            tracing::info!(routing_key = row.routing_key, message_id = %row.message_id, "a message had no queue to go to");
        }
        Ok(())
    }
}

fn texts(headers: Option<&serde_json::Value>) -> BTreeMap<String, String> {
    headers.and_then(|headers| serde_json::from_value(headers.clone()).ok()).unwrap_or_default()
}

#[async_trait]
impl Chore for OutboxRelay {
    fn name(&self) -> &'static str {
        NAME
    }

    fn wake(&self) -> &Notify {
        &self.context.wakes.outbox
    }

    /// Sends until nothing is left.
    async fn tick(&self) -> Result<TickReport, Problem> {
        let mut done = 0;
        loop {
            let (sent, trouble) = self.send_batch().await?;
            if let Some(error) = trouble {
                let message = format!("{error}; what could not be sent stays in the outbox and is sent again");
                return Err(Problem::new(ErrorCode::BrokerUnavailable, message));
            }
            done += sent;
            if sent == 0 {
                return Ok(TickReport::or_idle(done));
            }
        }
    }
}

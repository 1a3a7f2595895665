//! `orchestrator.requests`: an orchestrator's delivery only wakes a planner (RELIABILITY 19): what it says is not believed, Postgres
//! is asked. A principal's is a request (RELIABILITY 20).

use async_trait::async_trait;
use chiffon_bus::{Delivery, Verdict};
use chiffon_kernel::deliveries::{Inbox, misplaced, signer, verdict};
use chiffon_kernel::store::principal_keys::{self, Found};
use chiffon_process::traces::SpanId;
use chiffon_protocol::key::Keyring;
use chiffon_protocol::message::Message;
use chiffon_protocol::signature::{self, SignatureError};
use chiffon_protocol::topology::REQUESTS;
use chiffon_protocol::{Envelope, ErrorCode, Problem};

use crate::verbs::planning_desk::PlanningDesk;
use crate::verbs::{Context, submit_message};

/// Takes in wakes and requests.
#[derive(Debug)]
pub struct RequestsInbox {
    desk: PlanningDesk,
}

impl RequestsInbox {
    /// An inbox that wakes this desk.
    pub fn new(desk: PlanningDesk) -> Self {
        Self { desk }
    }
}

#[async_trait]
impl Inbox for RequestsInbox {
    fn queue(&self) -> &'static str {
        REQUESTS
    }

    async fn handle(&self, deliveries: &[Delivery]) -> Result<Vec<Verdict>, Problem> {
        let mut verdicts = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            verdicts.push(handle(&self.desk, delivery).await?);
        }
        Ok(verdicts)
    }
}

/// Verifies a delivery and does what its signer may have done: an orchestrator wakes a planner, whose planning goes on after the
/// acknowledgement; a principal asks. `Err` is trouble that passes (the database is away): the caller pauses, and the delivery
/// stays unsettled meanwhile.
pub async fn handle(desk: &PlanningDesk, delivery: &Delivery) -> Result<Verdict, Problem> {
    let context = desk.context();
    let claimed = delivery.headers.get(signature::HEADER).and_then(|header| signature::claimed_key(header));
    match claimed {
        Some(key_id) if key_id != context.key.id() => {
            let found = {
                let mut connection = context.store.acquire().await?;
                principal_keys::find(&mut connection, key_id).await?
            };
            match found {
                Some(found) => asked(context, delivery, &found).await,
                None => Ok(reject(ErrorCode::SignatureInvalid, SignatureError::UnknownKey { kid: key_id.to_owned() }.to_string())),
            }
        }
        _ => wake(desk, delivery).await,
    }
}

/// A wake: the orchestrators share one key.
async fn wake(desk: &PlanningDesk, delivery: &Delivery) -> Result<Verdict, Problem> {
    let context = desk.context();
    let ring = Keyring::new([context.key.public()]);
    if let Err(error) = signer::of(context, &ring, delivery, REQUESTS) {
        // Late is not forged: the round stands in Postgres, and is planned from there.
        if matches!(error, SignatureError::Expired { .. }) {
            return Ok(Verdict::Ack);
        }
        return Ok(reject(ErrorCode::SignatureInvalid, error.to_string()));
    }
    let envelope = match Envelope::parse(&delivery.body) {
        Ok(envelope) => envelope,
        Err(error) => return Ok(reject(error.code(), error.to_string())),
    };
    let Message::PlanWanted(wanted) = envelope.message else { return Ok(misplaced(&envelope, REQUESTS)) };
    desk.take(envelope.request_id, wanted.round).await?;
    Ok(Verdict::Ack)
}

/// A principal's request. One whose signature has expired is not let go: nobody says it again.
async fn asked(context: &Context, delivery: &Delivery, found: &Found) -> Result<Verdict, Problem> {
    let ring = Keyring::new([found.key]);
    if let Err(error) = signer::of(context, &ring, delivery, REQUESTS) {
        return Ok(reject(ErrorCode::SignatureInvalid, error.to_string()));
    }
    let envelope = match Envelope::parse(&delivery.body) {
        Ok(envelope) => envelope,
        Err(error) => return Ok(reject(error.code(), error.to_string())),
    };
    let Message::UserRequest(asked) = &envelope.message else { return Ok(misplaced(&envelope, REQUESTS)) };
    let sending = delivery.headers.get("traceparent").and_then(|given| SpanId::of_parent(given, &envelope.trace_id));
    Ok(verdict(submit_message::run(context, &found.principal, &envelope, asked, sending).await?))
}

fn reject(code: ErrorCode, reason: String) -> Verdict {
    Verdict::Reject { code: code.number(), reason }
}

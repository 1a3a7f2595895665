//! `orchestrator.requests`: a delivery only wakes a planner (RELIABILITY 19). What it says is not believed; Postgres is asked.

use async_trait::async_trait;
use chiffon_bus::{Delivery, Verdict};
use chiffon_protocol::key::Keyring;
use chiffon_protocol::message::Message;
use chiffon_protocol::topology::REQUESTS;
use chiffon_protocol::{Envelope, ErrorCode, Problem, signature};

use super::{Inbox, signer};
use crate::service::planning_desk::PlanningDesk;

/// Takes in wakes.
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

/// Verifies a delivery and leases the round that it names. The planning itself goes on after the acknowledgement.
/// `Err` is trouble that passes (the database is away): the caller pauses, and the delivery stays unsettled meanwhile.
pub async fn handle(desk: &PlanningDesk, delivery: &Delivery) -> Result<Verdict, Problem> {
    let context = desk.context();
    // Only the orchestrators themselves write to this queue; they share one key.
    let ring = Keyring::new([context.key.public()]);
    if let Err(error) = signer::of(context, &ring, delivery, REQUESTS) {
        // Late is not forged: the round is announced again by its `resend_at`, under a fresh signature.
        if matches!(error, signature::SignatureError::Expired { .. }) {
            return Ok(Verdict::Ack);
        }
        return Ok(reject(ErrorCode::SignatureInvalid, error.to_string()));
    }
    let envelope = match Envelope::parse(&delivery.body) {
        Ok(envelope) => envelope,
        Err(error) => return Ok(reject(error.code(), error.to_string())),
    };
    let Message::PlanWanted(wanted) = envelope.message else {
        let reason = format!("`{}` does not belong on {REQUESTS}", envelope.message.type_name());
        return Ok(reject(ErrorCode::InvalidMessage, reason));
    };
    desk.take(envelope.request_id, wanted.round).await?;
    Ok(Verdict::Ack)
}

fn reject(code: ErrorCode, reason: String) -> Verdict {
    Verdict::Reject { code: code.number(), reason }
}

//! `orchestrator.claims`: hellos, claims and declines, one after the other, so that a hello is known before its claims.

use async_trait::async_trait;
use chiffon_bus::{Delivery, Verdict};
use chiffon_kernel::deliveries::{Inbox, misplaced, received, verdict};
use chiffon_protocol::topology::CLAIMS;
use chiffon_protocol::{Message, Problem};

use crate::deliveries::strangers;
use crate::verbs::heartbeat::HelloRequests;
use crate::verbs::{Context, claim, decline, hello};

/// Takes in what agents ask and announce.
#[derive(Debug)]
pub struct ClaimsInbox {
    context: Context,
    hellos: HelloRequests,
}

impl ClaimsInbox {
    /// An inbox.
    pub fn new(context: Context) -> Self {
        Self { context, hellos: HelloRequests::default() }
    }

    async fn take(&self, delivery: &Delivery) -> Result<Verdict, Problem> {
        let received = match received(&self.context, delivery, CLAIMS) {
            Ok(received) => received,
            Err(_) if strangers::take(&self.context, &self.hellos, delivery, CLAIMS).await? => return Ok(Verdict::Ack),
            Err(verdict) => return Ok(verdict),
        };
        let outcome = match &received.envelope.message {
            Message::AgentHello(hello) => hello::run(&self.context, &received.signer, hello).await?,
            Message::WorkClaim(claim) => claim::run(&self.context, &received.signer, claim).await?,
            Message::WorkDecline(decline) => decline::run(&self.context, &received.signer, decline).await?,
            _ => return Ok(misplaced(&received.envelope, CLAIMS)),
        };
        Ok(verdict(outcome))
    }
}

#[async_trait]
impl Inbox for ClaimsInbox {
    fn queue(&self) -> &'static str {
        CLAIMS
    }

    async fn handle(&self, deliveries: &[Delivery]) -> Result<Vec<Verdict>, Problem> {
        let mut verdicts = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            verdicts.push(self.take(delivery).await?);
        }
        Ok(verdicts)
    }
}

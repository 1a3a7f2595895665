//! `orchestrator.claims`: hellos, claims and declines in their order, so that a hello is known before its claims; claims that follow one
//! another in one transaction.

use async_trait::async_trait;
use chiffon_bus::{Delivery, Verdict};
use chiffon_kernel::deliveries::{Inbox, Received, misplaced, received, verdict};
use chiffon_protocol::message::WorkClaim;
use chiffon_protocol::topology::CLAIMS;
use chiffon_protocol::{Envelope, Message, Problem};

use crate::deliveries::strangers;
use crate::verbs::claim::{self, Signed};
use crate::verbs::heartbeat::HelloRequests;
use crate::verbs::{Context, decline, hello};

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

    /// Deals with what is no claim.
    async fn take(&self, delivery: &Delivery, read: Result<Received, Verdict>) -> Result<Verdict, Problem> {
        let received = match read {
            Ok(received) => received,
            Err(_) if strangers::take(&self.context, &self.hellos, delivery, CLAIMS).await? => return Ok(Verdict::Ack),
            Err(verdict) => return Ok(verdict),
        };
        let outcome = match &received.envelope.message {
            Message::AgentHello(hello) => hello::run(&self.context, &received.signer, hello).await?,
            Message::WorkDecline(decline) => decline::run(&self.context, &received.signer, decline).await?,
            _ => return Ok(misplaced(&received.envelope, CLAIMS)),
        };
        Ok(verdict(outcome))
    }

    /// Answers the claims that came one after the other.
    async fn answer(&self, claims: &mut Vec<(usize, String, WorkClaim)>, verdicts: &mut [Verdict]) -> Result<(), Problem> {
        let claims = std::mem::take(claims);
        if claims.is_empty() {
            return Ok(());
        }
        let signed: Vec<Signed<'_>> = claims.iter().map(|(_, signer, claim)| Signed { signer, claim }).collect();
        for ((at, ..), outcome) in claims.iter().zip(claim::run(&self.context, &signed).await?) {
            verdicts[*at] = verdict(outcome);
        }
        Ok(())
    }
}

#[async_trait]
impl Inbox for ClaimsInbox {
    fn queue(&self) -> &'static str {
        CLAIMS
    }

    fn batch(&self) -> usize {
        64
    }

    async fn handle(&self, deliveries: &[Delivery]) -> Result<Vec<Verdict>, Problem> {
        let (mut verdicts, mut claims) = (vec![Verdict::Ack; deliveries.len()], Vec::new());
        for (at, delivery) in deliveries.iter().enumerate() {
            match received(&self.context, delivery, CLAIMS) {
                Ok(Received { signer, envelope: Envelope { message: Message::WorkClaim(claim), .. } }) => claims.push((at, signer, claim)),
                read => {
                    // After the claims before it: each says how things stood when it was sent.
                    self.answer(&mut claims, &mut verdicts).await?;
                    verdicts[at] = self.take(delivery, read).await?;
                }
            }
        }
        self.answer(&mut claims, &mut verdicts).await?;
        Ok(verdicts)
    }
}

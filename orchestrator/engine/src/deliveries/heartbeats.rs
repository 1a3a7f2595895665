//! `orchestrator.heartbeats`: many at once, in one transaction. Its trouble is what the lease reaper must know of.

use std::sync::Arc;

use async_trait::async_trait;
use chiffon_bus::{Delivery, Verdict};
use chiffon_kernel::deliveries::{Inbox, misplaced, received};
use chiffon_protocol::message::Heartbeat;
use chiffon_protocol::topology::HEARTBEATS;
use chiffon_protocol::{Message, Problem};

use crate::deliveries::strangers;
use crate::verbs::Context;
use crate::verbs::heartbeat::{self, Beat, HelloRequests};
use crate::verbs::intake::Intake;

/// Takes in heartbeats.
#[derive(Debug)]
pub struct HeartbeatsInbox {
    context: Context,
    intake: Arc<Intake>,
    hellos: HelloRequests,
}

impl HeartbeatsInbox {
    /// An inbox that notes in `intake` whether it works.
    pub fn new(context: Context, intake: Arc<Intake>) -> Self {
        Self { context, intake, hellos: HelloRequests::default() }
    }
}

#[async_trait]
impl Inbox for HeartbeatsInbox {
    fn queue(&self) -> &'static str {
        HEARTBEATS
    }

    fn batch(&self) -> usize {
        256
    }

    async fn handle(&self, deliveries: &[Delivery]) -> Result<Vec<Verdict>, Problem> {
        let mut verdicts = vec![Verdict::Ack; deliveries.len()];
        let mut heartbeats: Vec<(String, Heartbeat)> = Vec::new();
        for (at, delivery) in deliveries.iter().enumerate() {
            match received(&self.context, delivery, HEARTBEATS) {
                Err(_) if strangers::take(&self.context, &self.hellos, delivery, HEARTBEATS).await? => {}
                Err(verdict) => verdicts[at] = verdict,
                Ok(received) => match received.envelope.message {
                    Message::Heartbeat(heartbeat) => heartbeats.push((received.signer, heartbeat)),
                    _ => verdicts[at] = misplaced(&received.envelope, HEARTBEATS),
                },
            }
        }
        if !heartbeats.is_empty() {
            let beats: Vec<Beat<'_>> = heartbeats.iter().map(|(signer, heartbeat)| Beat { signer, heartbeat }).collect();
            heartbeat::run(&self.context, &self.hellos, &beats).await?;
        }
        Ok(verdicts)
    }

    fn works(&self, works: bool) {
        if works {
            self.intake.works(self.context.clock.elapsed());
        } else {
            self.intake.is_troubled();
        }
    }
}

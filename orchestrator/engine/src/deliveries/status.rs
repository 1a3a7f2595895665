//! `orchestrator.status`: progress and log lines, many at once in one transaction.

use async_trait::async_trait;
use chiffon_bus::{Delivery, Verdict};
use chiffon_kernel::deliveries::{Inbox, misplaced, verdict};
use chiffon_protocol::message::WorkStatus;
use chiffon_protocol::topology::STATUS;
use chiffon_protocol::{Message, Problem};

use super::reports::received_report;
use crate::verbs::Context;
use crate::verbs::status::{self, Report};

/// Takes in progress.
#[derive(Debug)]
pub struct StatusInbox {
    context: Context,
}

impl StatusInbox {
    /// An inbox.
    pub fn new(context: Context) -> Self {
        Self { context }
    }
}

#[async_trait]
impl Inbox for StatusInbox {
    fn queue(&self) -> &'static str {
        STATUS
    }

    fn batch(&self) -> usize {
        64
    }

    async fn handle(&self, deliveries: &[Delivery]) -> Result<Vec<Verdict>, Problem> {
        let mut verdicts = vec![Verdict::Ack; deliveries.len()];
        let mut statuses: Vec<(usize, String, WorkStatus)> = Vec::new();
        for (at, delivery) in deliveries.iter().enumerate() {
            match received_report(&self.context, delivery, STATUS).await? {
                Err(verdict) => verdicts[at] = verdict,
                Ok(received) => match received.envelope.message {
                    Message::WorkStatus(status) => statuses.push((at, received.signer, status)),
                    _ => verdicts[at] = misplaced(&received.envelope, STATUS),
                },
            }
        }
        if !statuses.is_empty() {
            let reports: Vec<Report<'_>> = statuses.iter().map(|(_, signer, status)| Report { signer, status }).collect();
            for ((at, ..), outcome) in statuses.iter().zip(status::run(&self.context, &reports).await?) {
                verdicts[*at] = verdict(outcome);
            }
        }
        Ok(verdicts)
    }
}

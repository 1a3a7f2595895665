//! `orchestrator.results`: how attempts ended, and what agents report as errors of their own.

use async_trait::async_trait;
use chiffon_bus::{Delivery, Verdict};
use chiffon_kernel::deliveries::{Inbox, misplaced, verdict};
use chiffon_protocol::topology::RESULTS;
use chiffon_protocol::{Message, Problem};

use super::reports::received_report;
use crate::verbs::{Context, result};

/// Takes in results.
#[derive(Debug)]
pub struct ResultsInbox {
    context: Context,
}

impl ResultsInbox {
    /// An inbox.
    pub fn new(context: Context) -> Self {
        Self { context }
    }

    async fn take(&self, delivery: &Delivery) -> Result<Verdict, Problem> {
        let received = match received_report(&self.context, delivery, RESULTS).await? {
            Ok(received) => received,
            Err(verdict) => return Ok(verdict),
        };
        match received.envelope.message {
            Message::WorkResult(report) => Ok(verdict(result::run(&self.context, &received.signer, &report).await?)),
            Message::ErrorReport(report) => {
                tracing::warn!(key = received.signer, code = report.code, message = report.message, "an agent reports an error");
                Ok(Verdict::Ack)
            }
            _ => Ok(misplaced(&received.envelope, RESULTS)),
        }
    }
}

#[async_trait]
impl Inbox for ResultsInbox {
    fn queue(&self) -> &'static str {
        RESULTS
    }

    async fn handle(&self, deliveries: &[Delivery]) -> Result<Vec<Verdict>, Problem> {
        let mut verdicts = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            verdicts.push(self.take(delivery).await?);
        }
        Ok(verdicts)
    }
}

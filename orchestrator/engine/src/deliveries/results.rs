//! `orchestrator.results`: how attempts ended, many at once in one transaction, and what agents report as errors of their own.

use async_trait::async_trait;
use chiffon_bus::{Delivery, Verdict};
use chiffon_kernel::deliveries::{Inbox, misplaced, verdict};
use chiffon_protocol::message::WorkResult;
use chiffon_protocol::topology::RESULTS;
use chiffon_protocol::{Message, Problem};

use super::reports::received_report;
use crate::verbs::Context;
use crate::verbs::result::{self, Signed};

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
}

#[async_trait]
impl Inbox for ResultsInbox {
    fn queue(&self) -> &'static str {
        RESULTS
    }

    fn batch(&self) -> usize {
        64
    }

    async fn handle(&self, deliveries: &[Delivery]) -> Result<Vec<Verdict>, Problem> {
        let mut verdicts = vec![Verdict::Ack; deliveries.len()];
        let mut results: Vec<(usize, String, WorkResult)> = Vec::new();
        for (at, delivery) in deliveries.iter().enumerate() {
            let received = match received_report(&self.context, delivery, RESULTS).await? {
                Ok(received) => received,
                Err(verdict) => {
                    verdicts[at] = verdict;
                    continue;
                }
            };
            match received.envelope.message {
                Message::WorkResult(result) => results.push((at, received.signer, result)),
                Message::ErrorReport(report) => {
                    tracing::warn!(key = received.signer, code = report.code, message = report.message, "an agent reports an error");
                }
                _ => verdicts[at] = misplaced(&received.envelope, RESULTS),
            }
        }
        if !results.is_empty() {
            let signed: Vec<Signed<'_>> = results.iter().map(|(_, signer, result)| Signed { signer, result }).collect();
            for ((at, ..), outcome) in results.iter().zip(result::run(&self.context, &signed).await?) {
                verdicts[*at] = verdict(outcome);
            }
        }
        Ok(verdicts)
    }
}

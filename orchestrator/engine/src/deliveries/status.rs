//! `orchestrator.status`: progress and log lines, many at once; those of one attempt in one transaction.

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

/// A report and the place of its delivery in the batch.
struct Placed {
    at: usize,
    signer: String,
    status: WorkStatus,
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
        let mut by_attempt: Vec<Vec<Placed>> = Vec::new();
        for (at, delivery) in deliveries.iter().enumerate() {
            match received_report(&self.context, delivery, STATUS).await? {
                Err(verdict) => verdicts[at] = verdict,
                Ok(received) => match received.envelope.message {
                    Message::WorkStatus(status) => add(&mut by_attempt, Placed { at, signer: received.signer, status }),
                    _ => verdicts[at] = misplaced(&received.envelope, STATUS),
                },
            }
        }
        for reports in by_attempt {
            let borrowed: Vec<Report<'_>> =
                reports.iter().map(|report| Report { signer: &report.signer, status: &report.status }).collect();
            let outcomes = status::run(&self.context, &borrowed).await?;
            for (report, outcome) in reports.iter().zip(outcomes) {
                verdicts[report.at] = verdict(outcome);
            }
        }
        Ok(verdicts)
    }
}

fn add(by_attempt: &mut Vec<Vec<Placed>>, report: Placed) {
    let is_same = |group: &&mut Vec<Placed>| {
        group.first().is_some_and(|first| first.status.task_id == report.status.task_id && first.status.attempt == report.status.attempt)
    };
    match by_attempt.iter_mut().find(is_same) {
        Some(group) => group.push(report),
        None => by_attempt.push(vec![report]),
    }
}

//! `chiffon.dead-letters`: every letter goes into Postgres, and none is ever rejected, because there is nowhere to reject it to.

use async_trait::async_trait;
use chiffon_bus::{Delivery, Verdict};
use chiffon_kernel::deliveries::Inbox;
use chiffon_protocol::topology::DEAD_LETTERS;
use chiffon_protocol::{ErrorCode, Problem};

use crate::verbs::Context;
use crate::verbs::dead_letters::keep::{self, Incoming};

/// Takes in dead letters.
#[derive(Debug)]
pub struct DeadLettersInbox {
    context: Context,
}

impl DeadLettersInbox {
    /// An inbox.
    pub fn new(context: Context) -> Self {
        Self { context }
    }
}

#[async_trait]
impl Inbox for DeadLettersInbox {
    fn queue(&self) -> &'static str {
        DEAD_LETTERS
    }

    /// Any trouble is one to be waited for: what can't be kept stays on the queue.
    async fn handle(&self, deliveries: &[Delivery]) -> Result<Vec<Verdict>, Problem> {
        let mut verdicts = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            let incoming = Incoming { headers: &delivery.headers, body: &delivery.body, redelivered: delivery.redelivered };
            keep::run(&self.context, &incoming).await.map_err(|error| {
                let message = format!("a dead letter can't be kept and stays on {DEAD_LETTERS}: {error}");
                Problem::new(ErrorCode::DatabaseUnavailable, message)
            })?;
            verdicts.push(Verdict::Ack);
        }
        Ok(verdicts)
    }
}

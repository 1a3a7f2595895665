//! Puts the digests of logs into the audit as soon as they are whole (RELIABILITY 21). Any replica may: a log is sealed once.

use async_trait::async_trait;
use chiffon_kernel::chores::{Chore, TickReport};
use chiffon_kernel::verbs::Context;
use chiffon_protocol::Problem;
use tokio::sync::Notify;

use crate::verbs::seal_logs;

/// The agent's name.
pub const NAME: &str = "log_sealer";

/// Seals logs.
#[derive(Debug)]
pub struct LogSealer {
    context: Context,
    never: Notify,
}

impl LogSealer {
    /// A sealer of logs.
    pub fn new(context: Context) -> Self {
        Self { context, never: Notify::new() }
    }
}

#[async_trait]
impl Chore for LogSealer {
    fn name(&self) -> &'static str {
        NAME
    }

    /// Nobody waits for a seal, so its period is enough.
    fn wake(&self) -> &Notify {
        &self.never
    }

    async fn tick(&self) -> Result<TickReport, Problem> {
        Ok(TickReport::or_idle(seal_logs::run(&self.context).await?))
    }
}

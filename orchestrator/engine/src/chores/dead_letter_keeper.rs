//! Looks after dead letters: tries again what died of a fault of ours, and lets go of what is too old or too much.

use async_trait::async_trait;
use chiffon_kernel::chores::{Chore, TickReport};
use chiffon_protocol::Problem;
use tokio::sync::Notify;

use crate::verbs::Context;
use crate::verbs::dead_letters::{by_itself, let_go};

/// The agent's name.
pub const NAME: &str = "dead_letter_keeper";

/// Keeps dead letters.
#[derive(Debug)]
pub struct DeadLetterKeeper {
    context: Context,
    never: Notify,
}

impl DeadLetterKeeper {
    /// A keeper.
    pub fn new(context: Context) -> Self {
        Self { context, never: Notify::new() }
    }
}

#[async_trait]
impl Chore for DeadLetterKeeper {
    fn name(&self) -> &'static str {
        NAME
    }

    /// Only time makes work for it.
    fn wake(&self) -> &Notify {
        &self.never
    }

    async fn tick(&self) -> Result<TickReport, Problem> {
        let sent = by_itself::after_faults(&self.context).await?;
        Ok(TickReport::or_idle(sent + let_go::run(&self.context).await?))
    }
}

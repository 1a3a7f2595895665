//! Looks at how things stand: what waits for long, who is not heard, what is spent, and what soon counts no more.

use std::time::Duration;

use async_trait::async_trait;
use chiffon_kernel::chores::{Chore, TickReport};
use chiffon_protocol::Problem;
use tokio::sync::Notify;

use crate::verbs::{Context, look};

/// The agent's name.
pub const NAME: &str = "lookout";
/// Between two looks: nothing that it tells is a matter of seconds.
const PERIOD: Duration = Duration::from_mins(1);
/// The address of this Chiffon is called in it.
const LIMIT: Duration = Duration::from_mins(1);

/// Looks.
#[derive(Debug)]
pub struct Lookout {
    context: Context,
    never: Notify,
}

impl Lookout {
    /// One for these channels.
    pub fn new(context: Context) -> Self {
        Self { context, never: Notify::new() }
    }
}

#[async_trait]
impl Chore for Lookout {
    fn name(&self) -> &'static str {
        NAME
    }

    /// Nothing but its period wakes it.
    fn wake(&self) -> &Notify {
        &self.never
    }

    fn period(&self, _: &chiffon_kernel::verbs::Context) -> Duration {
        PERIOD
    }

    fn limit(&self, _: &chiffon_kernel::verbs::Context) -> Duration {
        LIMIT
    }

    async fn tick(&self) -> Result<TickReport, Problem> {
        Ok(TickReport::of(look::run(&self.context).await?))
    }
}

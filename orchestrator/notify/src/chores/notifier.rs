//! Makes notices of what the feed tells, and lets old ones go.

use std::time::Duration;

use async_trait::async_trait;
use chiffon_kernel::chores::{Chore, TickReport};
use chiffon_protocol::Problem;
use chrono::TimeDelta;
use tokio::sync::Notify;

use crate::store::notices;
use crate::verbs::{Context, follow};

/// The agent's name.
pub const NAME: &str = "notifier";
/// What was settled is kept for so long.
const KEPT_FOR: TimeDelta = TimeDelta::days(30);

/// Reads on, and makes notices.
#[derive(Debug)]
pub struct Notifier {
    context: Context,
    never: Notify,
}

impl Notifier {
    /// One for these channels.
    pub fn new(context: Context) -> Self {
        Self { context, never: Notify::new() }
    }
}

#[async_trait]
impl Chore for Notifier {
    fn name(&self) -> &'static str {
        NAME
    }

    /// Nothing but its period wakes it.
    fn wake(&self) -> &Notify {
        &self.never
    }

    fn period(&self, context: &chiffon_kernel::verbs::Context) -> Duration {
        context.settings.tick
    }

    async fn tick(&self) -> Result<TickReport, Problem> {
        let done = follow::run(&self.context).await?;
        let now = self.context.clock.now();
        let mut connection = self.context.store.acquire().await?;
        let names: Vec<String> = self.context.settings.channels.iter().map(|channel| channel.name.clone()).collect();
        notices::withdraw_others(&mut connection, &names, now).await?;
        notices::forget(&mut connection, now - KEPT_FOR).await?;
        Ok(TickReport::of(done))
    }
}

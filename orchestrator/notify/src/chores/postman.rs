//! Delivers what is due.

use std::time::Duration;

use async_trait::async_trait;
use chiffon_kernel::chores::{Chore, TickReport};
use chiffon_protocol::Problem;
use tokio::sync::Notify;

use crate::verbs::{Context, deliver};

/// The agent's name.
pub const NAME: &str = "postman";
/// A look has tries of ten seconds in it, of all channels at once.
const LIMIT: Duration = Duration::from_mins(5);

/// Delivers.
#[derive(Debug)]
pub struct Postman {
    context: Context,
    never: Notify,
}

impl Postman {
    /// One for these channels.
    pub fn new(context: Context) -> Self {
        Self { context, never: Notify::new() }
    }
}

#[async_trait]
impl Chore for Postman {
    fn name(&self) -> &'static str {
        NAME
    }

    /// Nothing but its period wakes it.
    fn wake(&self) -> &Notify {
        &self.never
    }

    fn limit(&self, _: &chiffon_kernel::verbs::Context) -> Duration {
        LIMIT
    }

    async fn tick(&self) -> Result<TickReport, Problem> {
        Ok(TickReport::of(deliver::run(&self.context).await?))
    }
}

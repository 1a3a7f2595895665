//! Sends ready tasks to agents, after taking back offers that nobody claimed. Woken by everything that could make a task ready:
//! an approval, a result, a hello, a heartbeat, a decline.

use async_trait::async_trait;
use chiffon_protocol::Problem;
use tokio::sync::Notify;

use super::{Chore, TickReport};
use crate::verbs::{Context, dispatch, unclaimed};

/// The agent's name.
pub const NAME: &str = "dispatcher";

/// Sends ready tasks to agents.
#[derive(Debug)]
pub struct Dispatcher {
    context: Context,
}

impl Dispatcher {
    /// A dispatcher.
    pub fn new(context: Context) -> Self {
        Self { context }
    }
}

#[async_trait]
impl Chore for Dispatcher {
    fn name(&self) -> &'static str {
        NAME
    }

    fn wake(&self) -> &Notify {
        &self.context.wakes.dispatcher
    }

    async fn tick(&self) -> Result<TickReport, Problem> {
        let withdrawn = unclaimed::run(&self.context).await?;
        let offered = dispatch::run(&self.context).await?;
        Ok(TickReport::of(withdrawn + offered))
    }
}

//! Asks the provider again for who is signed in, when it is time.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chiffon_kernel::chores::{Chore, TickReport};
use chiffon_kernel::verbs::Context;
use chiffon_protocol::Problem;
use tokio::sync::Notify;

use crate::verbs::provider::Provider;
use crate::verbs::refresh;

/// How often it looks whether it is time for anybody.
const PERIOD: Duration = Duration::from_secs(10);
/// A slow provider takes its time.
const LIMIT: Duration = Duration::from_mins(1);

/// Asks again.
#[derive(Debug)]
pub struct Refresher {
    context: Context,
    provider: Option<Arc<Provider>>,
    never: Notify,
}

impl Refresher {
    /// One for this provider; without one, it ends what came by one before.
    pub fn new(context: Context, provider: Option<Arc<Provider>>) -> Self {
        Self { context, provider, never: Notify::new() }
    }
}

#[async_trait]
impl Chore for Refresher {
    fn name(&self) -> &'static str {
        "oidc_refresher"
    }

    /// Only time makes work for it.
    fn wake(&self) -> &Notify {
        &self.never
    }

    fn period(&self, _: &Context) -> Duration {
        PERIOD
    }

    fn limit(&self, _: &Context) -> Duration {
        LIMIT
    }

    async fn tick(&self) -> Result<TickReport, Problem> {
        let due = refresh::due(&self.context, self.provider.as_deref()).await?;
        // Without a provider there is nothing that time would bring forward.
        Ok(if self.provider.is_some() { TickReport::of(due) } else { TickReport::or_idle(due) })
    }
}

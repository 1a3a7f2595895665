//! Ends requests whose plan nobody has approved in time.

use async_trait::async_trait;
use chiffon_protocol::Problem;
use tokio::sync::Notify;

use super::{BackgroundAgent, TickReport};
use crate::service::{Context, expire};
use crate::store::requests;

/// The agent's name.
pub const NAME: &str = "approval_expirer";
const BATCH: i64 = 100;

/// Ends what nobody approved.
#[derive(Debug)]
pub struct ApprovalExpirer {
    context: Context,
    never: Notify,
}

impl ApprovalExpirer {
    /// An expirer.
    pub fn new(context: Context) -> Self {
        Self { context, never: Notify::new() }
    }
}

#[async_trait]
impl BackgroundAgent for ApprovalExpirer {
    fn name(&self) -> &'static str {
        NAME
    }

    /// Only time makes plans expire, so nothing wakes it but its period.
    fn wake(&self) -> &Notify {
        &self.never
    }

    async fn tick(&self) -> Result<TickReport, Problem> {
        let mut connection = self.context.store.acquire().await?;
        let due = requests::list_expired(&mut connection, self.context.clock.now(), BATCH).await?;
        drop(connection);
        let mut expired = 0;
        for request_id in due {
            expired += usize::from(expire::run(&self.context, request_id).await?);
        }
        Ok(TickReport::of(expired))
    }
}

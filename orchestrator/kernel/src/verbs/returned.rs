//! Offers that came back, because no queue was there for them: whoever publishes tells it to whoever offered.

use async_trait::async_trait;
use chiffon_protocol::Problem;
use uuid::Uuid;

/// Who hears of it.
#[async_trait]
pub trait Returned: Send + Sync + std::fmt::Debug {
    /// This offer of this attempt came back.
    async fn returned(&self, task_id: Uuid, attempt: i32, offer: i32) -> Result<(), Problem>;
}

//! Whoever ordered work hears of it in the transaction that changed it. The engine knows no more of it than this.

use async_trait::async_trait;
use chiffon_kernel::store;
use chiffon_kernel::verbs::work::Work;
use uuid::Uuid;

use super::Context;

/// What the engine tells and asks of whoever ordered the work of a run. Each call is part of the caller's transaction.
#[async_trait]
pub trait Run: Send + Sync + std::fmt::Debug {
    /// Tasks of these have changed: each looks at how they stand and moves on. Idempotent: what is counts, not what happened.
    async fn settle(&self, context: &Context, work: &mut Work, run_ids: &[Uuid]) -> Result<(), store::Error>;

    /// Tells its people something about its work, unless it has ended.
    async fn say(&self, work: &mut Work, run_id: Uuid, text: &str) -> Result<(), store::Error>;

    /// An agent has said hello: what waited for one may go on.
    async fn agent_came(&self, work: &mut Work) -> Result<(), store::Error>;

    /// An action has other content by now than the plan of this run: the same steps are planned again, if that is so and nothing of it
    /// was begun; whether they are.
    async fn plan_again(&self, context: &Context, work: &mut Work, run_id: Uuid) -> Result<bool, store::Error>;

    /// Whether the same steps can be planned again although an agent has had this task, because it has refused it and nothing was begun.
    async fn can_plan_again(&self, work: &mut Work, run_id: Uuid, refused: Uuid) -> Result<bool, store::Error>;

    /// Plans them again because of this. The caller has found that it [can be](Self::can_plan_again), and ended what was refused.
    async fn plan_again_because(&self, context: &Context, work: &mut Work, run_id: Uuid, what: &str) -> Result<(), store::Error>;
}

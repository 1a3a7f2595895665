//! Whoever ordered work hears of it in the transaction that changed it. The engine knows no more of it than this.

use std::time::Duration;

use async_trait::async_trait;
use chiffon_kernel::store;
use chiffon_kernel::verbs::work::Work;
use chiffon_plans::domain::asks::OnFailure;
use chiffon_protocol::{ErrorCode, Problem};
use uuid::Uuid;

use super::Context;
use crate::store::tasks::Task;

/// What is to become of a task whose turn has come.
#[derive(Debug, Clone, PartialEq)]
pub enum Start {
    /// It goes.
    Go,
    /// It is not to run, for this reason. The steps after it go on, and the run does not fail for it.
    LeaveOut(String),
    /// Nobody can say: it fails with this problem.
    Fail(Problem),
}

/// An attempt of which its owner says that it has failed.
#[derive(Debug, Clone, Copy)]
pub struct FailedAttempt<'f> {
    /// The task, with the attempt.
    pub task: &'f Task,
    /// How many attempts of it may have executed something, this one included.
    pub tries: u32,
    /// What went wrong.
    pub code: ErrorCode,
}

/// What follows such an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Follow {
    /// Another attempt after this pause, of this many at most.
    Again {
        /// The pause.
        after: Duration,
        /// The most attempts.
        of: u32,
    },
    /// None, for this reason.
    Nothing(String),
}

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

    /// Whether a task of which it [is to be asked](crate::domain::task::Asks) goes. Asked once, when all before it is over; its answer is
    /// part of the transaction.
    async fn may_start(&self, context: &Context, work: &mut Work, task: &Task) -> Result<Start, store::Error>;

    /// What follows an attempt that has failed, of a task of which it is to be asked. The engine has found that another may follow.
    async fn after_failure(&self, context: &Context, work: &mut Work, failed: FailedAttempt<'_>) -> Result<Follow, store::Error>;

    /// What becomes of the steps after a task that has failed for good, of which it is to be asked.
    async fn on_failure(&self, context: &Context, work: &mut Work, task: &Task) -> Result<OnFailure, store::Error>;

    /// Plans them again because of this. The caller has found that it [can be](Self::can_plan_again), and ended what was refused.
    async fn plan_again_because(&self, context: &Context, work: &mut Work, run_id: Uuid, what: &str) -> Result<(), store::Error>;
}

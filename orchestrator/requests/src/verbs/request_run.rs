//! A request as the engine knows it: the run that ordered the work.

use std::sync::Arc;

use async_trait::async_trait;
use chiffon_engine::store::tasks::Task;
use chiffon_engine::verbs as engine;
use chiffon_engine::verbs::run::{FailedAttempt, Follow, Run, Start};
use chiffon_kernel::store;
use chiffon_kernel::verbs as kernel;
use chiffon_kernel::verbs::work::Work;
use chiffon_plans::domain::asks::OnFailure;
use uuid::Uuid;

use super::{Context, Means, advance_request, answer_asks, plan_again, transition, wake_planning};
use crate::store::requests;

/// The contexts of all that a request needs, one on the other, with requests as the engine's runs.
pub fn assembled(kernel: kernel::Context, means: Means) -> Context {
    let settings = Arc::new(means.settings.engine.clone());
    let engine = engine::Context { kernel, settings, run: Arc::new(Requests::new(means.clone())) };
    Context::new(engine, means)
}

/// The runs that are requests.
#[derive(Debug, Clone)]
pub struct Requests {
    means: Means,
}

impl Requests {
    /// With these means.
    fn new(means: Means) -> Self {
        Self { means }
    }

    fn context(&self, engine: &engine::Context) -> Context {
        Context::new(engine.clone(), self.means.clone())
    }
}

#[async_trait]
impl Run for Requests {
    async fn settle(&self, context: &engine::Context, work: &mut Work, run_ids: &[Uuid]) -> Result<(), store::Error> {
        advance_request::run(&self.context(context), work, run_ids).await
    }

    async fn say(&self, work: &mut Work, run_id: Uuid, text: &str) -> Result<(), store::Error> {
        let row = requests::lock(work, run_id).await?.filter(|row| !row.status.is_finished());
        match row {
            Some(row) => transition::say(work, &row, None, text).await,
            None => Ok(()),
        }
    }

    async fn agent_came(&self, work: &mut Work) -> Result<(), store::Error> {
        wake_planning::after_hello(work).await.map(drop)
    }

    async fn plan_again(&self, context: &engine::Context, work: &mut Work, run_id: Uuid) -> Result<bool, store::Error> {
        plan_again::run(&self.context(context), work, run_id).await
    }

    async fn can_plan_again(&self, work: &mut Work, run_id: Uuid, refused: Uuid) -> Result<bool, store::Error> {
        plan_again::is_possible(work, run_id, refused).await
    }

    async fn may_start(&self, _: &engine::Context, work: &mut Work, task: &Task) -> Result<Start, store::Error> {
        answer_asks::may_start(work, task).await
    }

    async fn after_failure(&self, _: &engine::Context, work: &mut Work, failed: FailedAttempt<'_>) -> Result<Follow, store::Error> {
        answer_asks::after_failure(work, failed).await
    }

    async fn on_failure(&self, _: &engine::Context, work: &mut Work, task: &Task) -> Result<OnFailure, store::Error> {
        answer_asks::on_failure(work, task).await
    }

    async fn plan_again_because(&self, context: &engine::Context, work: &mut Work, run_id: Uuid, what: &str) -> Result<(), store::Error> {
        plan_again::because(&self.context(context), work, run_id, what).await
    }
}

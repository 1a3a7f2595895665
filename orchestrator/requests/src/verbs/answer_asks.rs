//! What a request answers when the engine asks about a task: from the step of its plan, which is what was approved.

use std::time::Duration;

use chiffon_engine::domain::task::{doubled, spread};
use chiffon_engine::store::dispatch::{PlanPart, plan_part};
use chiffon_engine::store::tasks::Task;
use chiffon_engine::verbs::run::{FailedAttempt, Follow, Start};
use chiffon_kernel::store;
use chiffon_kernel::verbs::work::Work;
use chiffon_plans::domain::asks::{self, Class, OnFailure, Retry};
use chiffon_plans::domain::plan::Step;

/// Whether a task goes, by the output at which its step's `when` looks: of a step of the run, or of a discovery before the approval.
pub(super) async fn may_start(work: &mut Work, task: &Task) -> Result<Start, store::Error> {
    let PlanPart { document, mut outputs, .. } = plan_part(work, task.plan_id, task.purpose.as_str()).await?;
    let found = document.steps.iter().filter_map(|step| Some((step.step_id.clone(), step.frozen_outputs.clone()?)));
    outputs.extend(found);
    let step = step_of(document.step(&task.step_id), task)?;
    Ok(match asks::is_to_run(step, &outputs) {
        Ok(true) => Start::Go,
        Ok(false) => Start::LeaveOut(format!("its condition does not hold: {}", step.when.as_deref().unwrap_or_default())),
        Err(problem) => Start::Fail(problem),
    })
}

/// What follows an attempt that has failed, by its step's `retry`.
pub(super) async fn after_failure(work: &mut Work, failed: FailedAttempt<'_>) -> Result<Follow, store::Error> {
    let document = plan_part(work, failed.task.plan_id, failed.task.purpose.as_str()).await?.document;
    let step = step_of(document.step(&failed.task.step_id), failed.task)?;
    Ok(step.retry.as_ref().map_or_else(|| Follow::Nothing("its plan says nothing about that".to_owned()), |retry| follow(retry, failed)))
}

fn follow(retry: &Retry, failed: FailedAttempt<'_>) -> Follow {
    let of = retry.max_attempts.min(asks::MOST_ATTEMPTS);
    if failed.tries >= of {
        return Follow::Nothing(format!("that were all of its {of} attempts"));
    }
    if !retry.on.contains(&Class::of(failed.code)) {
        return Follow::Nothing(format!("what went wrong ({}) is not what its plan wants to be tried again", failed.code));
    }
    let seconds = |seconds: u64| Duration::from_secs(seconds.min(asks::LONGEST_DELAY_SECONDS));
    let pause = doubled(seconds(retry.initial_delay_seconds), seconds(retry.max_delay_seconds), failed.tries);
    let after = if retry.jitter { spread(pause, failed.task.id, failed.tries) } else { pause };
    Follow::Again { after, of }
}

/// What becomes of the steps after a task that has failed for good, by its step's `on_failure`.
pub(super) async fn on_failure(work: &mut Work, task: &Task) -> Result<OnFailure, store::Error> {
    let document = plan_part(work, task.plan_id, task.purpose.as_str()).await?.document;
    Ok(step_of(document.step(&task.step_id), task)?.on_failure.unwrap_or(OnFailure::Abort))
}

/// The plan of a task has its step.
fn step_of<'s>(step: Option<&'s Step>, task: &Task) -> Result<&'s Step, store::Error> {
    step.ok_or_else(|| store::Error::BadData {
        table: "tasks",
        column: "step_id",
        id: task.id.to_string(),
        value: format!("`{}`, of which plan {} knows nothing", task.step_id, task.plan_id),
    })
}

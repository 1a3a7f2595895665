//! Offers that came to nothing: not claimed in time, or given back by the broker because no queue was there (RELIABILITY 9), or a
//! dead letter (RELIABILITY 3).

use async_trait::async_trait;
use chiffon_kernel::domain::waiting::{Wait, What};
use chiffon_kernel::store;
use chiffon_kernel::verbs::returned::Returned;
use chiffon_protocol::Problem;
use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use super::Context;
use super::end_task::{self, By, End};
use super::withdraw::{self, Withdrawal};
use crate::domain::task::{Event, Status};
use crate::store::dispatch;
use crate::store::task_changes::Ended;
use crate::store::task_locks;
use crate::store::task_locks::Locked;

/// Takes back what nobody claimed in time; how many offers.
pub async fn run(context: &Context) -> Result<usize, store::Error> {
    let mut connection = context.store.acquire().await?;
    let unclaimed = dispatch::list_unclaimed(&mut connection, context.clock.now()).await?;
    drop(connection);
    let mut withdrawn = 0;
    for task_id in unclaimed {
        withdrawn += usize::from(expire(context, task_id).await?);
    }
    Ok(withdrawn)
}

async fn expire(context: &Context, task_id: Uuid) -> Result<bool, store::Error> {
    let seconds = context.settings.claim_within.as_secs_f64();
    let text = format!("no agent claimed it within {seconds:.0} s (5301); it is offered again");
    take_back(context, task_id, None, "task.unclaimed", Wait::new(What::Claim, text), None).await
}

/// Offers that no queue took.
#[derive(Debug)]
pub struct Offers {
    context: Context,
}

impl Offers {
    /// Those of this orchestrator.
    pub fn new(context: Context) -> Self {
        Self { context }
    }
}

#[async_trait]
impl Returned for Offers {
    /// The task waits a moment and is offered again. An older offer changes nothing.
    async fn returned(&self, task_id: Uuid, attempt: i32, offer: i32) -> Result<(), Problem> {
        let context = &self.context;
        let text = "the broker has no queue for it (5015): the agent has not declared it since the broker came back; it is offered again";
        let not_before = context.clock.now() + context.settings.claim_within;
        let why = Wait::new(What::Route, text);
        take_back(context, task_id, Some((attempt, offer)), "task.unroutable", why, Some(not_before)).await?;
        Ok(())
    }
}

/// An offer that died on its way (RELIABILITY 3): taken back with the reason, and not made again before that time. `false` when
/// it does not count any more.
pub async fn died(
    context: &Context,
    task_id: Uuid,
    (attempt, offer): (i32, i32),
    why: &str,
    not_before: Option<DateTime<Utc>>,
) -> Result<bool, store::Error> {
    take_back(context, task_id, Some((attempt, offer)), "task.dead_lettered", Wait::new(What::Route, why), not_before).await
}

/// Ends a task that waits after its offers died again and again: what ends whoever takes it is not handed out for ever. `false` when
/// it does not wait any more.
pub async fn set_aside(context: &Context, task_id: Uuid, problem: &Problem) -> Result<bool, store::Error> {
    let mut work = context.begin().await?;
    if task_locks::lock_request_of(&mut work, task_id).await?.is_none() {
        return Ok(false);
    }
    let locked = task_locks::lock(&mut work, task_id).await?.filter(|locked| locked.task.status == Status::Waiting);
    let Some(Locked { task, .. }) = locked else { return Ok(false) };
    let ended = Ended::without_run(task.id, task.status, Status::Failed, problem);
    let by = By { actor: "chiffon", event: "task.set_aside" };
    end_task::run(context, &mut work, vec![End { task: &task, ended, by, particulars: json!({"error": problem}), has_told: false }])
        .await?;
    end_task::settle(context, &mut work, &[task.request_id]).await?;
    work.commit().await?;
    Ok(true)
}

async fn take_back(
    context: &Context,
    task_id: Uuid,
    returned: Option<(i32, i32)>,
    event: &'static str,
    why: Wait,
    not_before: Option<DateTime<Utc>>,
) -> Result<bool, store::Error> {
    let mut work = context.begin().await?;
    let Some(request) = task_locks::lock_request_of(&mut work, task_id).await? else { return Ok(false) };
    let Some(locked) = task_locks::lock(&mut work, task_id).await? else { return Ok(false) };
    let happened = match returned {
        Some((attempt, offer)) => Event::Returned { attempt, offer },
        None => Event::OfferExpired { attempt: locked.task.attempt, offer: locked.task.offer },
    };
    if locked.state().on(happened).is_err() {
        return Ok(false);
    }
    let withdrawal = Withdrawal { actor: "chiffon", event, why, excluded: None, not_before };
    withdraw::run(context, &mut work, &request, &locked.task, &withdrawal).await?;
    work.wake_dispatcher();
    work.commit().await?;
    Ok(true)
}

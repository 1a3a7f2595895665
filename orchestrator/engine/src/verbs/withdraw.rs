//! Taking an offer back: its hosts are free again, the next offer has a higher number, and the task says why it waits.
//!
//! One path for offers that were declined, that nobody claimed, and that the broker could not deliver.

use chiffon_kernel::domain::waiting::Wait;
use chiffon_kernel::store;
use chiffon_kernel::verbs::work::Work;
use chrono::{DateTime, Utc};
use serde_json::json;

use super::{Context, task_story, wait};
use crate::domain::task::Status;
use crate::store::host_locks;
use crate::store::task_locks::OfRequest;
use crate::store::task_waits::Waiting;
use crate::store::tasks::Task;

/// Why an offer is taken back.
#[derive(Debug)]
pub struct Withdrawal<'a> {
    /// Who says so.
    pub actor: &'a str,
    /// What the audit log calls it.
    pub event: &'static str,
    /// What the task waits for now.
    pub why: Wait,
    /// An agent that is not asked again.
    pub excluded: Option<&'a str>,
    /// Not offered before this.
    pub not_before: Option<DateTime<Utc>>,
}

/// Takes the newest offer back; the caller has asked the state machine.
pub async fn run(
    context: &Context,
    work: &mut Work,
    request: &OfRequest,
    task: &Task,
    withdrawal: &Withdrawal<'_>,
) -> Result<(), store::Error> {
    host_locks::release(work, &[task.id]).await?;
    let particulars = json!({"offer": task.offer, "reason": withdrawal.why.text});
    task_story::tell(work, task, Status::Waiting, withdrawal.actor, withdrawal.event, particulars);
    let waiting_for = wait::value(context, task, &withdrawal.why);
    let waiting = Waiting {
        task_id: task.id,
        from: task.status,
        waiting_for: &waiting_for,
        wait_key: None,
        not_before: withdrawal.not_before,
        excluded: withdrawal.excluded,
        message: &withdrawal.why.text,
        next_offer: true,
    };
    wait::back(work, request, task, &waiting).await
}

//! Admitting peers that sign nothing (RELIABILITY 5): their rows, the work that is handed to them without a claim, and whose
//! unsigned reports count.

use std::time::Duration;

use chiffon_fleet::domain::unverified::{fixed_result, fixed_status};
use chiffon_fleet::store::{actions, agents};
use chiffon_kernel::domain::audit::AuditEvent;
use chiffon_kernel::store;
use chiffon_kernel::verbs::work::Work;
use chiffon_protocol::message::WorkClaim;
use chiffon_protocol::{Message, Problem};
use serde_json::json;
use uuid::Uuid;

use super::claim::number;
use super::{Context, task_story};
use crate::domain::task::Status;
use crate::store::attempts::{self, Granted};
use crate::store::tasks::Task;
use crate::store::{task_changes, unverified};

/// They send no heartbeats, so nothing says that they are there: they count as there while they are admitted.
const ADMITTED_FOR: Duration = Duration::from_hours(24 * 365 * 100);
/// They have no starts that could be told apart.
const INCARNATION: i64 = 1;

/// Brings the records to what is configured: who is admitted counts as an agent, and who is not any more counts as gone.
pub async fn enrol(context: &Context) -> Result<(), Problem> {
    let now = context.clock.now();
    let mut work = context.begin().await?;
    let mut admitted = Vec::new();
    let mut told = Vec::new();
    for peer in &context.settings.unverified {
        let hello = peer.hello();
        if !unverified::is_admitted(&mut work, &hello.agent_id).await? {
            told.push((
                "agent.admitted_unverified",
                json!({"agent_id": hello.agent_id, "queue": peer.queue(), "actions": hello.actions.len()}),
            ));
        }
        agents::set_hello(&mut work, &hello, &hello.agent_id, INCARNATION, ADMITTED_FOR).await?;
        actions::announce(&mut work, &hello, now).await?;
        tracing::warn!(
            agent_id = hello.agent_id,
            queue = peer.queue(),
            "an agent is admitted that signs nothing; what it does is marked as unverified"
        );
        admitted.push(hello.agent_id);
    }
    for agent_id in unverified::retire_others(&mut work, &admitted).await? {
        told.push(("agent.dismissed_unverified", json!({"agent_id": agent_id})));
    }
    if !admitted.is_empty() {
        context.run.agent_came(&mut work).await?;
    }
    for (event, data) in told {
        work.audit_system(AuditEvent::new("chiffon", event, data));
    }
    work.wake_dispatcher();
    work.commit().await?;
    Ok(())
}

/// Gives an offered attempt to a peer that can't claim it, in the transaction that sends it.
pub(super) async fn hand_over(context: &Context, work: &mut Work, task: &Task, agent_id: &str) -> Result<(), store::Error> {
    let now = context.clock.now();
    let claim = WorkClaim {
        claim_id: context.ids.new_id(),
        task_id: task.id,
        attempt: task.attempt.unsigned_abs(),
        offer: task.offer.unsigned_abs(),
        agent_id: agent_id.to_owned(),
        journal_id: Uuid::nil(),
        work_sha256: String::new(),
    };
    let lease = time_to_report(context, task.timeout_seconds);
    attempts::set_owners(work, &[Granted { claim: &claim, attempt: task.attempt, incarnation: INCARNATION }], lease, now).await?;
    unverified::mark(work, task.id, task.attempt).await?;
    let beyond = context.settings.start_within + context.settings.run_margin;
    task_changes::set_claimed(work, &[(task.id, agent_id)], beyond, now).await?;
    let particulars = json!({"agent_id": agent_id, "verified": false});
    task_story::tell(work, task, Status::Dispatched, "chiffon", "task.handed_over", particulars);
    Ok(())
}

/// How long such a peer has to report: the action's time limit and a margin. Then nobody knows what became of it.
pub(super) fn time_to_report(context: &Context, timeout_seconds: i64) -> Duration {
    Duration::from_secs(timeout_seconds.unsigned_abs()) + context.settings.run_margin
}

/// A report without a signature, cut down to the fixed fields, with what stands for its signer's key: when it is about the first and
/// only attempt of a task that was handed to a peer which is admitted. `None`: it is nobody's.
pub async fn admitted(context: &Context, message: Message) -> Result<Option<(String, Message)>, store::Error> {
    let (task_id, attempt, message) = match message {
        Message::WorkResult(result) => (result.task_id, result.attempt, Message::from(fixed_result(result))),
        Message::WorkStatus(status) => (status.task_id, status.attempt, Message::from(fixed_status(status))),
        _ => return Ok(None),
    };
    let peers: Vec<String> = context.settings.unverified.iter().map(chiffon_fleet::domain::unverified::Peer::agent_id).collect();
    let mut connection = context.store.acquire().await?;
    let owner = unverified::owner_of_only_attempt(&mut connection, task_id, number(attempt), &peers).await?;
    Ok(owner.map(|owner| (owner, message)))
}

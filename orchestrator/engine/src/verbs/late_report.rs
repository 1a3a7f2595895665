//! Reports about attempts that a restored database does not know, because they were made after the backup.
//!
//! An attempt of a known task is taken in from its owner's word: the task counts as `unknown`, and the report resolves it. What is
//! reported about a task that nobody knows is stored as it is and acknowledged, so that nothing is lost and nobody asks again.

use chiffon_fleet::store::agents::{self, Identity};
use chiffon_kernel::domain::audit::AuditEvent;
use chiffon_kernel::store::storable::storable_json;
use chiffon_kernel::store::{self, installation};
use chiffon_kernel::verbs::reply::{About, Addressee};
use chiffon_kernel::verbs::work::Work;
use chiffon_protocol::message::ResultAck;
use chiffon_protocol::{ErrorCode, Problem, canonical};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::claim::number;
use super::{Context, task_story};
use crate::domain::task::Status;
use crate::store::attempts::{self, Attempt};
use crate::store::restores::{self, Stray};
use crate::store::task_changes::set_unknown;
use crate::store::task_locks;
use crate::store::task_locks::Locked;

/// Who reports about what.
#[derive(Debug, Clone, Copy)]
pub(super) struct By<'b> {
    /// The id of the key that signed it.
    pub(super) signer: &'b str,
    /// The agent that it names.
    pub(super) agent_id: &'b str,
    /// The task.
    pub(super) task_id: Uuid,
    /// The attempt.
    pub(super) attempt: u32,
}

/// The task and the attempt that a report is about, under their locks.
pub(super) async fn find(
    context: &Context,
    work: &mut Work,
    known: &Locked,
    by: By<'_>,
) -> Result<(Locked, Option<Attempt>), store::Error> {
    let attempt_number = number(by.attempt);
    let attempt = match &known.attempt {
        Some(newest) if newest.attempt == attempt_number => Some(newest.clone()),
        _ => attempts::get(work, by.task_id, attempt_number).await?,
    };
    let is_owned = attempt.as_ref().is_some_and(|attempt| attempt.claim_id.is_some());
    if is_owned || !adopt(context, work, known, by).await? {
        return Ok((known.clone(), attempt));
    }
    let locked = task_locks::lock(work, by.task_id).await?.unwrap_or_else(|| known.clone());
    Ok((locked, attempts::get(work, by.task_id, attempt_number).await?))
}

/// Takes an attempt in that may have been made after the backup; whether it was.
async fn adopt(context: &Context, work: &mut Work, known: &Locked, by: By<'_>) -> Result<bool, store::Error> {
    let (task, attempt) = (&known.task, number(by.attempt));
    if attempt < 1 || attempt > task.fenced_attempt {
        return Ok(false);
    }
    let Some(agent) = enrolled(work, by).await? else { return Ok(false) };
    let now = context.clock.now();
    if !restores::adopt(work, task.id, attempt, &agent.id, agent.incarnation, context.ids.new_id(), now).await? {
        return Ok(false);
    }
    let particulars = json!({"agent_id": agent.id, "found_attempt": attempt});
    let is_open = matches!(task.status, Status::Pending | Status::Waiting) && attempt >= task.attempt;
    if !is_open {
        let event = AuditEvent::new(&agent.id, "task.attempt_found", particulars);
        work.audit(task.request_id, event);
        return Ok(true);
    }
    let message = format!("{} reports on attempt {attempt}, which it made after the backup that the database was restored from", agent.id);
    set_unknown(work, task.id, task.status, &Problem::new(ErrorCode::RestoredFromBackup, message), now).await?;
    restores::set_attempt(work, task.id, attempt).await?;
    task_story::tell(work, task, Status::Unknown, &agent.id, "task.attempt_found", particulars);
    Ok(true)
}

/// Stores a report about a task that this database has never heard of, if that can be; whether it was. Commits by itself.
pub(super) async fn stray(
    context: &Context,
    by: By<'_>,
    kind: &'static str,
    body: &impl Serialize,
    last_seq: Option<u64>,
) -> Result<bool, store::Error> {
    let now = context.clock.now();
    let mut work = context.begin().await?;
    if !installation::was_restored(&mut work).await? {
        return Ok(false);
    }
    let Some(agent) = enrolled(&mut work, by).await? else { return Ok(false) };
    let body = storable_json(json!(body));
    let sha256 = Sha256::digest(canonical::bytes(&body)).to_vec();
    let attempt = number(by.attempt);
    let stray = Stray { id: context.ids.new_id(), agent_id: &agent.id, task_id: by.task_id, attempt, kind, sha256: &sha256, body: &body };
    if restores::add_stray(&mut work, &stray, now).await? && kind == "result" {
        let data = json!({"task_id": by.task_id, "attempt": attempt, "report_id": stray.id, "sha256": canonical::hex(&sha256)});
        work.audit_system(AuditEvent::new(&agent.id, "task.stray_report", data));
    }
    if let Some(last_seq) = last_seq {
        let to = Addressee { agent_id: agent.id, incarnation: agent.incarnation };
        let ack = ResultAck { task_id: by.task_id, attempt: by.attempt, last_seq, result_stored: true };
        work.reply(to, About::the_agent(context), ack);
    }
    work.commit().await?;
    Ok(true)
}

async fn enrolled(work: &mut Work, by: By<'_>) -> Result<Option<Identity>, store::Error> {
    Ok(agents::get(work, by.agent_id).await?.filter(|agent| agent.key_id == by.signer))
}

//! Replaying a dead letter. It goes through the outbox to the queue it came from, under its sender's own signature; where that
//! has expired, the orchestrator's own beside it makes up for it. Work is offered again instead, if it still waits for that.
//!
//! The receiver checks the sender's signature again, so that vouching for a letter can't bring into effect what was forged.

use std::collections::BTreeMap;

use chiffon_kernel::domain::audit::AuditEvent;
use chiffon_kernel::store::outbox::{Again, Message};
use chiffon_kernel::store::{self, principal_keys};
use chiffon_kernel::verbs::work::Work;
use chiffon_protocol::topology::{CODE_HEADER, ORIGIN_HEADER, REASON_HEADER, REPLAY_OF_HEADER};
use chiffon_protocol::{ErrorCode, Problem};
use serde_json::{Value, json};
use uuid::Uuid;

use super::way::{self, Way};
use crate::domain::task::Task as State;
use crate::store::dead_letters::{self, Letter};
use crate::store::{task_locks, task_waits};
use crate::verbs::{Context, unclaimed};

/// Replays it on behalf of `actor`; what came of it, in words.
pub async fn run(context: &Context, actor: &str, id: Uuid) -> Result<String, Problem> {
    let mut work = context.begin().await?;
    let letter = open(&mut work, id).await?;
    let principals = principal_keys::ring(&mut work).await?;
    match way::find(context, &principals, &letter, &headers(&letter))? {
        Way::Send => {
            let note = send(context, &mut work, &letter);
            settle(context, &mut work, actor, &letter, &note).await?;
            work.commit().await?;
            Ok(note)
        }
        Way::Offer { task_id, attempt, offer } => {
            // The task's locks come first; the letter is looked at again under its own.
            drop(work);
            let note = offer_again(context, actor, &letter, task_id, (attempt, offer)).await?;
            let mut work = context.begin().await?;
            let letter = open(&mut work, id).await?;
            settle(context, &mut work, actor, &letter, &note).await?;
            work.commit().await?;
            Ok(note)
        }
    }
}

/// Locks a letter that nobody has replayed or purged.
async fn open(work: &mut Work, id: Uuid) -> Result<Letter, Problem> {
    let letter = dead_letters::lock(work, id).await?.ok_or_else(|| not_found(id))?;
    match settled(&letter) {
        Some(problem) => Err(problem),
        None => Ok(letter),
    }
}

/// There is no such letter.
pub fn not_found(id: Uuid) -> Problem {
    let message = format!("there is no dead letter {id}; `chiffon dead-letters list --state all` shows those that there are");
    Problem::new(ErrorCode::DeadLetterNotFound, message).with_details(json!({"id": id}))
}

/// What became of a letter before; `None` for an open one.
pub(super) fn settled(letter: &Letter) -> Option<Problem> {
    let (word, at, by) = match (letter.purged_at, letter.replayed_at) {
        (Some(at), _) => ("purged", at, &letter.purged_by),
        (None, Some(at)) => ("replayed", at, &letter.replayed_by),
        (None, None) => return None,
    };
    let by = by.as_deref().unwrap_or("somebody");
    let message = format!("dead letter {} was {word} at {at} by {by}; nothing was done now", letter.id);
    Some(Problem::new(ErrorCode::DeadLetterSettled, message).with_details(json!({"id": letter.id, "state": word, "at": at, "by": by})))
}

/// A letter's headers.
pub(super) fn headers(letter: &Letter) -> BTreeMap<String, String> {
    serde_json::from_value(letter.headers.clone()).unwrap_or_default()
}

/// Writes a letter into the outbox; what comes of that, in words.
pub(super) fn send(context: &Context, work: &mut Work, letter: &Letter) -> String {
    let mut kept = headers(letter);
    kept.retain(|name, _| ![REASON_HEADER, CODE_HEADER, ORIGIN_HEADER].contains(&name.as_str()) && !name.starts_with("x-"));
    kept.insert(REPLAY_OF_HEADER.to_owned(), letter.id.to_string());
    let envelope: Value = serde_json::from_slice(&letter.body).unwrap_or_default();
    let message_id = letter.message_id.unwrap_or_else(|| context.ids.new_message_id());
    let again = Again { headers: json!(kept), body: letter.body.clone() };
    work.send(Message::again(&letter.queue, message_id, envelope["trace_id"].as_str().unwrap_or_default(), again));
    format!("sent to {} again", letter.queue)
}

/// Notes that a letter was replayed, and by whom.
pub(super) async fn settle(context: &Context, work: &mut Work, actor: &str, letter: &Letter, note: &str) -> Result<(), store::Error> {
    let now = context.clock.now();
    dead_letters::set_replayed(work, letter.id, actor, note, now).await?;
    let data = json!({
        "id": letter.id, "queue": letter.queue, "message_type": letter.message_type, "message_id": letter.message_id,
        "request_id": letter.request_id, "task_id": letter.task_id, "code": letter.code, "note": note,
    });
    work.audit_system(AuditEvent::new(actor, "dead_letter.replayed", data));
    Ok(())
}

async fn offer_again(
    context: &Context,
    actor: &str,
    letter: &Letter,
    task_id: Uuid,
    (attempt, offer): (i32, i32),
) -> Result<String, Problem> {
    let why = format!("{actor} has its offer made again after it died ({})", letter.reason);
    if unclaimed::died(context, task_id, (attempt, offer), &why, None).await? {
        return Ok(format!("task {task_id} is offered again"));
    }
    let mut work = context.begin().await?;
    let refuse = |why: String| {
        let message = format!("dead letter {} can't be replayed: {why}", letter.id);
        Err(Problem::new(ErrorCode::NotReplayable, message).with_details(json!({"id": letter.id, "task_id": task_id})))
    };
    if task_locks::lock_request_of(&mut work, task_id).await?.is_none() {
        return refuse(format!("there is no task {task_id}"));
    }
    let Some(locked) = task_locks::lock(&mut work, task_id).await? else { return refuse(format!("there is no task {task_id}")) };
    let state = locked.state();
    match &state {
        State::Waiting => {
            task_waits::hurry(&mut work, task_id).await?;
            work.wake_dispatcher();
            work.commit().await?;
            Ok(format!("task {task_id} waits for an agent, and is offered as soon as one can take it"))
        }
        State::Offered { attempt, offer } => {
            refuse(format!("task {task_id} was offered anew by itself (attempt {attempt}, offer {offer}) and waits for a claim of that"))
        }
        State::Claimed(owner) | State::Running(owner) | State::Unknown(owner) => {
            refuse(format!("attempt {} of task {task_id} belongs to {}", owner.attempt, owner.agent_id))
        }
        State::Pending | State::Completed | State::Failed | State::Cancelled | State::Interrupted { .. } | State::Skipped => {
            refuse(format!("task {task_id} is {}", state.status().as_str()))
        }
    }
}

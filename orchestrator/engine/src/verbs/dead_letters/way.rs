//! How a letter could come into effect again: by being sent again, by its work being offered again, or not at all.

use std::collections::BTreeMap;

use chiffon_protocol::key::Keyring;
use chiffon_protocol::kind::is_work_queue;
use chiffon_protocol::topology::{CLAIMS, HEARTBEATS, REQUESTS, RESULTS, STATUS};
use chiffon_protocol::{ErrorCode, Problem};
use serde_json::json;
use uuid::Uuid;

use super::authenticity::{self, Signer};
use crate::store::dead_letters::Letter;
use crate::verbs::Context;

/// How a letter is replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// To its queue, byte for byte.
    Send,
    /// A task is offered again.
    Offer { task_id: Uuid, attempt: i32, offer: i32 },
}

/// The way of a letter, or why there is none. Its signature is checked again, by the keys that are trusted now.
pub(super) fn find(context: &Context, principals: &Keyring, letter: &Letter, headers: &BTreeMap<String, String>) -> Result<Way, Problem> {
    let refuse = |why: String| {
        let message = format!("dead letter {} can't be replayed: {why}", letter.id);
        Err(Problem::new(ErrorCode::NotReplayable, message).with_details(json!({"id": letter.id, "queue": letter.queue})))
    };
    if letter.body_bytes > i64::try_from(letter.body.len()).unwrap_or(i64::MAX) {
        return refuse(format!("of its {} bytes only {} were kept (`dead_letters.max_body_bytes`)", letter.body_bytes, letter.body.len()));
    }
    let authentic = match authenticity::check(context, principals, headers, &letter.body) {
        Ok(authentic) => authentic,
        Err(error) => {
            return refuse(format!(
                "its signature does not count: {error}. What nobody trusted has signed never comes into effect; if the sender is yours, add \
                 its key to `agents.trusted` first"
            ));
        }
    };
    match letter.queue.as_str() {
        CLAIMS if letter.message_type.as_deref() == Some("agent_hello") && authentic.expires < context.clock.now() => {
            refuse("it is an old hello; the agent is asked for a new one by itself".to_owned())
        }
        REQUESTS | RESULTS | STATUS | CLAIMS => Ok(Way::Send),
        HEARTBEATS => refuse("an old heartbeat says nothing; the agent has sent newer ones".to_owned()),
        queue if is_work_queue(queue) => match (letter.message_type.as_deref(), authentic.signer, letter.task_id) {
            (Some("work_request"), Signer::Orchestrator, Some(task_id)) => {
                Ok(Way::Offer { task_id, attempt: letter.attempt.unwrap_or(1), offer: letter.offer.unwrap_or(1) })
            }
            _ => refuse("it lay on a queue of work and is no work of this installation".to_owned()),
        },
        queue if queue.starts_with("agent.control.") => {
            refuse("it went to one start of an agent; what still counts of it is said again by itself".to_owned())
        }
        queue => refuse(format!("nothing here is sent to the queue `{queue}`")),
    }
}

//! An agent can't do an offered task: it goes to another, or waits and says that all have declined (RELIABILITY 8).

use chiffon_fleet::store::agents;
use chiffon_kernel::domain::waiting::{Wait, What};
use chiffon_kernel::store;
use chiffon_kernel::verbs::outcome::Outcome;
use chiffon_protocol::ErrorCode;
use chiffon_protocol::message::WorkDecline;

use super::Context;
use super::claim::number;
use super::withdraw::{self, Withdrawal};
use crate::domain::task::Event;
use crate::store::task_locks;

/// Puts the task back without this agent. A decline of an offer that does not count any more changes nothing.
pub async fn run(context: &Context, signer: &str, decline: &WorkDecline) -> Result<Outcome, store::Error> {
    let mut work = context.begin().await?;
    let known = agents::get(&mut work, &decline.agent_id).await?;
    if known.is_none_or(|agent| agent.key_id != signer) {
        let message = format!("a decline in the name of {} was signed with the key {signer}, which is not its key", decline.agent_id);
        return Ok(Outcome::rejected(ErrorCode::AgentNotEnrolled, message));
    }
    let Some(request) = task_locks::lock_request_of(&mut work, decline.task_id).await? else { return Ok(Outcome::Done) };
    let Some(locked) = task_locks::lock(&mut work, decline.task_id).await? else { return Ok(Outcome::Done) };
    let event = Event::Decline { attempt: number(decline.attempt), offer: number(decline.offer) };
    if let Err(why) = locked.state().on(event) {
        tracing::debug!(task_id = %decline.task_id, agent = decline.agent_id, %why, "a decline came too late");
        return Ok(Outcome::Done);
    }
    let reason = store::storable::storable(&decline.reason);
    let withdrawal = Withdrawal {
        actor: &decline.agent_id,
        event: "task.declined",
        why: Wait::new(What::Agent, format!("{}: {reason}", decline.agent_id)),
        excluded: Some(&decline.agent_id),
        not_before: None,
    };
    withdraw::run(context, &mut work, &request, &locked.task, &withdrawal).await?;
    work.wake_dispatcher();
    work.commit().await?;
    Ok(Outcome::Done)
}

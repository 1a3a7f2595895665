//! Answering a claim: one attempt has one owner, whatever the broker delivers twice (RELIABILITY 6 to 8).
//!
//! The same claim gets the same answer again; any other for an owned attempt is refused, with the reason.

use chiffon_fleet::store::agent_orders;
use chiffon_fleet::store::agents::{self, Identity};
use chiffon_kernel::store;
use chiffon_kernel::verbs::outcome::Outcome;
use chiffon_kernel::verbs::reply::{About, Addressee};
use chiffon_kernel::verbs::work::Work;
use chiffon_protocol::ErrorCode;
use chiffon_protocol::message::{Decision, WorkClaim, WorkGrant};
use serde_json::json;

use super::withdraw::{self, Withdrawal};
use super::{Context, task_story};
use crate::domain::placement::Wait;
use crate::domain::task::{self as domain, Claim, Claimed, Task as State};
use crate::store::attempts::{self, Attempt};
use crate::store::host_locks;
use crate::store::task_changes::set_claimed;
use crate::store::tasks::{self, Locked, OfRequest};

/// What is answered.
enum Answer {
    /// The attempt is the claim's now.
    Granted,
    /// It was before: the answer got lost.
    GrantedBefore,
    /// No, because.
    Refused(String),
    /// Not by this agent at this time, because; the task goes elsewhere.
    NotBy(String),
}

/// Decides about a claim and answers on the agent's control queue. `signer` is the id of the key that signed it.
pub async fn run(context: &Context, signer: &str, claim: &WorkClaim) -> Result<Outcome, store::Error> {
    let mut work = context.begin().await?;
    let Some(agent) = agents::get(&mut work, &claim.agent_id).await?.filter(|agent| agent.key_id == signer) else {
        let message = format!("a claim in the name of {} was signed with the key {signer}, which is not its key", claim.agent_id);
        return Ok(Outcome::rejected(ErrorCode::AgentNotEnrolled, message));
    };
    let Some(request) = tasks::lock_request_of(&mut work, claim.task_id).await? else {
        let message = format!("{} claims task {}, which does not exist", claim.agent_id, claim.task_id);
        return Ok(Outcome::rejected(ErrorCode::TaskNotFound, message));
    };
    let Some(locked) = tasks::lock(&mut work, claim.task_id).await? else {
        return Ok(Outcome::rejected(ErrorCode::TaskNotFound, format!("task {} does not exist", claim.task_id)));
    };
    let answer = decide(&mut work, &request, &locked, claim, &agent).await?;
    match &answer {
        Answer::Granted => grant(context, &mut work, &locked, claim, &agent).await?,
        Answer::NotBy(reason) => {
            let why = Wait::new("agent", reason);
            let withdrawal = Withdrawal { actor: &agent.id, event: "task.declined", why, excluded: None, not_before: None };
            withdraw::run(context, &mut work, &request, &locked.task, &withdrawal).await?;
        }
        Answer::GrantedBefore | Answer::Refused(_) => {}
    }
    let (decision, reason) = match answer {
        Answer::Granted | Answer::GrantedBefore => (Decision::Granted, String::new()),
        Answer::Refused(reason) | Answer::NotBy(reason) => (Decision::Refused, reason),
    };
    let to = Addressee { agent_id: agent.id, incarnation: agent.incarnation };
    let about = About { request_id: request.id, trace_id: request.trace_id };
    work.reply(to, about, answered(context, claim, decision, reason));
    // The offer was reserved on every agent that could have taken it, or it is to be made again.
    work.wake_dispatcher();
    work.commit().await?;
    Ok(Outcome::Done)
}

async fn decide(
    work: &mut Work,
    request: &OfRequest,
    locked: &Locked,
    claim: &WorkClaim,
    agent: &Identity,
) -> Result<Answer, store::Error> {
    let asked = Claim { claim_id: claim.claim_id, attempt: number(claim.attempt), offer: number(claim.offer), agent_id: &agent.id };
    let owner = || locked.attempt.as_ref().and_then(|attempt| attempt.agent_id.as_deref()).unwrap_or("another agent");
    match domain::claim(locked.state(), locked.attempt.as_ref().map(Attempt::known), asked) {
        Claimed::Granted => {}
        Claimed::GrantedBefore => return Ok(Answer::GrantedBefore),
        Claimed::Over => return Ok(Answer::Refused("its result is stored already".to_owned())),
        Claimed::Taken => return Ok(Answer::Refused(format!("it belongs to {}", owner()))),
        Claimed::NotOffered(why) => return Ok(Answer::Refused(why.to_string())),
    }
    if request.held {
        return Ok(Answer::Refused("its request is paused; it is offered again when that is resumed".to_owned()));
    }
    let task = &locked.task;
    if task.agent_type.as_str() != agent.agent_type {
        return Ok(Answer::Refused(format!("it is for agents of the kind {}", task.agent_type.as_str())));
    }
    if task.is_exclusive() && host_locks::count(work, task.id, asked.attempt).await? < i64::try_from(task.hosts.len()).unwrap_or(i64::MAX) {
        return Ok(Answer::Refused("its hosts are not reserved for it any more".to_owned()));
    }
    let ordered = agent_orders::list(work, std::slice::from_ref(&agent.id)).await?.pop();
    if let Some(words) = ordered.and_then(|ordered| ordered.order.words()) {
        return Ok(Answer::NotBy(format!("{} {words}", agent.id)));
    }
    Ok(Answer::Granted)
}

async fn grant(context: &Context, work: &mut Work, locked: &Locked, claim: &WorkClaim, agent: &Identity) -> Result<(), store::Error> {
    let now = context.clock.now();
    let task = &locked.task;
    attempts::set_owner(work, claim, task.attempt, agent.incarnation, context.settings.agent_lease, now).await?;
    let beyond = context.settings.start_within + context.settings.run_margin;
    set_claimed(work, task.id, &agent.id, beyond, now).await?;
    let particulars = json!({"agent_id": agent.id, "claim_id": claim.claim_id, "offer": claim.offer, "work_sha256": claim.work_sha256});
    debug_assert!(matches!(locked.state(), State::Offered { .. }));
    task_story::tell(work, task, task.status, &agent.id, "task.claimed", particulars);
    Ok(())
}

fn answered(context: &Context, claim: &WorkClaim, decision: Decision, reason: String) -> WorkGrant {
    WorkGrant {
        claim_id: claim.claim_id,
        task_id: claim.task_id,
        attempt: claim.attempt,
        agent_id: claim.agent_id.clone(),
        decision,
        reason,
        start_within_seconds: context.settings.start_within.as_secs().max(1),
        work_sha256: claim.work_sha256.clone(),
    }
}

/// An attempt's or offer's number as Postgres keeps it.
pub(super) fn number(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

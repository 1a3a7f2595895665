//! Answering claims: one attempt has one owner, whatever the broker delivers twice (RELIABILITY 6 to 8).
//!
//! The same claim gets the same answer again; any other for an owned attempt is refused, with the reason. Many are answered in one
//! transaction, in the order in which they came.

use chiffon_kernel::domain::waiting::{Wait, What};
use std::collections::BTreeMap;

use chiffon_fleet::store::agent_orders::{self, Ordered};
use chiffon_fleet::store::agents::{self, Identity};
use chiffon_kernel::store;
use chiffon_kernel::verbs::outcome::Outcome;
use chiffon_kernel::verbs::reply::{About, Addressee};
use chiffon_kernel::verbs::work::Work;
use chiffon_protocol::ErrorCode;
use chiffon_protocol::message::{Decision, WorkClaim, WorkGrant};
use serde_json::json;
use uuid::Uuid;

use super::withdraw::{self, Withdrawal};
use super::{Context, task_story};
use crate::domain::task::{self as domain, Claim, Claimed, Task as State};
use crate::store::attempts::{self, Attempt, Granted};
use crate::store::held::{self, Held};
use crate::store::task_changes::set_claimed;
use crate::store::task_locks;
use crate::store::task_locks::{Locked, OfRequest};

/// A claim with the id of the key that signed it.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'c> {
    /// The id of the signer's key.
    pub signer: &'c str,
    /// The claim.
    pub claim: &'c WorkClaim,
}

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

/// What claims are decided by, under the locks of their tasks.
struct Facts {
    agents: BTreeMap<String, Identity>,
    orders: BTreeMap<String, Ordered>,
    held: Held,
}

/// Decides about claims and answers each on its agent's control queue.
pub async fn run(context: &Context, claims: &[Signed<'_>]) -> Result<Vec<Outcome>, store::Error> {
    let mut work = context.begin().await?;
    let mut facts = facts(&mut work, claims).await?;
    let (mut outcomes, mut granted) = (Vec::with_capacity(claims.len()), Vec::new());
    for signed in claims {
        let claim = signed.claim;
        let Some(agent) = facts.agents.get(&claim.agent_id).filter(|agent| agent.key_id == signed.signer).cloned() else {
            let message =
                format!("a claim in the name of {} was signed with the key {}, which is not its key", claim.agent_id, signed.signer);
            outcomes.push(Outcome::rejected(ErrorCode::AgentNotEnrolled, message));
            continue;
        };
        let Some((request, locked)) = facts.held.get(claim.task_id) else {
            let message = format!("{} claims task {}, which does not exist", claim.agent_id, claim.task_id);
            outcomes.push(Outcome::rejected(ErrorCode::TaskNotFound, message));
            continue;
        };
        let answer = decide(&facts, request, locked, claim, &agent);
        let about = About { request_id: request.id, trace_id: request.trace_id.clone() };
        match &answer {
            Answer::Granted => {
                granted.push(Granted { claim, attempt: locked.task.attempt, incarnation: agent.incarnation });
                tell(&mut work, locked, claim, &agent);
                // Whoever claims it next in this transaction finds it taken.
                let owned = locked.attempt.clone().map(|attempt| Attempt {
                    claim_id: Some(claim.claim_id),
                    agent_id: Some(agent.id.clone()),
                    claimed_at: Some(work.now()),
                    ..attempt
                });
                let locked = Locked { attempt: owned, ..locked.clone() };
                facts.held.set(locked);
            }
            Answer::NotBy(reason) => {
                let why = Wait::new(What::Agent, reason);
                let withdrawal = Withdrawal { actor: &agent.id, event: "task.declined", why, excluded: None, not_before: None };
                withdraw::run(context, &mut work, request, &locked.task, &withdrawal).await?;
                task_locks::lock(&mut work, claim.task_id).await?.into_iter().for_each(|locked| facts.held.set(locked));
            }
            Answer::GrantedBefore | Answer::Refused(_) => {}
        }
        let (decision, reason) = match answer {
            Answer::Granted | Answer::GrantedBefore => (Decision::Granted, String::new()),
            Answer::Refused(reason) | Answer::NotBy(reason) => (Decision::Refused, reason),
        };
        let to = Addressee { agent_id: agent.id, incarnation: agent.incarnation };
        work.reply(to, about, answered(context, claim, decision, reason));
        outcomes.push(Outcome::Done);
    }
    granted.sort_by_key(|granted| granted.claim.task_id);
    grant(context, &mut work, &granted).await?;
    // Offers were reserved on every agent that could have taken them, or are to be made again.
    work.wake_dispatcher();
    work.commit().await?;
    Ok(outcomes)
}

async fn facts(work: &mut Work, claims: &[Signed<'_>]) -> Result<Facts, store::Error> {
    let mut agent_ids: Vec<String> = claims.iter().map(|signed| signed.claim.agent_id.clone()).collect();
    agent_ids.sort_unstable();
    agent_ids.dedup();
    let task_ids: Vec<Uuid> = claims.iter().map(|signed| signed.claim.task_id).collect();
    let agents = agents::list(work, &agent_ids).await?;
    let held = held::hold(work, &task_ids).await?;
    let ordered: Vec<String> = agents.iter().filter(|agent| agent.is_ordered).map(|agent| agent.id.clone()).collect();
    let orders = if ordered.is_empty() { Vec::new() } else { agent_orders::list(work, &ordered).await? };
    Ok(Facts {
        orders: orders.into_iter().map(|ordered| (ordered.agent_id.clone(), ordered)).collect(),
        agents: agents.into_iter().map(|agent| (agent.id.clone(), agent)).collect(),
        held,
    })
}

fn decide(facts: &Facts, request: &OfRequest, locked: &Locked, claim: &WorkClaim, agent: &Identity) -> Answer {
    let asked = Claim { claim_id: claim.claim_id, attempt: number(claim.attempt), offer: number(claim.offer), agent_id: &agent.id };
    let owner = || locked.attempt.as_ref().and_then(|attempt| attempt.agent_id.as_deref()).unwrap_or("another agent");
    match domain::claim(locked.state(), locked.attempt.as_ref().map(Attempt::known), asked) {
        Claimed::Granted => {}
        Claimed::GrantedBefore => return Answer::GrantedBefore,
        Claimed::Over => return Answer::Refused("its result is stored already".to_owned()),
        Claimed::Taken => return Answer::Refused(format!("it belongs to {}", owner())),
        Claimed::NotOffered(why) => return Answer::Refused(why.to_string()),
    }
    if request.held {
        return Answer::Refused("its request is paused; it is offered again when that is resumed".to_owned());
    }
    let task = &locked.task;
    if task.agent_type.as_str() != agent.agent_type {
        return Answer::Refused(format!("it is for agents of the kind {}", task.agent_type));
    }
    if task.is_exclusive() && locked.held_hosts < task.hosts.len() {
        return Answer::Refused("its hosts are not reserved for it any more".to_owned());
    }
    match facts.orders.get(&agent.id).and_then(|ordered| ordered.order.words()) {
        Some(words) => Answer::NotBy(format!("{} {words}", agent.id)),
        None => Answer::Granted,
    }
}

fn tell(work: &mut Work, locked: &Locked, claim: &WorkClaim, agent: &Identity) {
    debug_assert!(matches!(locked.state(), State::Offered { .. }));
    let particulars = json!({"agent_id": agent.id, "claim_id": claim.claim_id, "offer": claim.offer, "work_sha256": claim.work_sha256});
    task_story::tell(work, &locked.task, locked.task.status, &agent.id, "task.claimed", particulars);
}

async fn grant(context: &Context, work: &mut Work, granted: &[Granted<'_>]) -> Result<(), store::Error> {
    if granted.is_empty() {
        return Ok(());
    }
    let now = work.now();
    attempts::set_owners(work, granted, context.settings.agent_lease, now).await?;
    let beyond = context.settings.start_within + context.settings.run_margin;
    let claimed: Vec<(Uuid, &str)> = granted.iter().map(|granted| (granted.claim.task_id, granted.claim.agent_id.as_str())).collect();
    set_claimed(work, &claimed, beyond, now).await
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

//! An agent introduces itself: who it is, what it can do, and what its journal holds unfinished.
//!
//! Only an enrolled key may announce or change a catalogue (RELIABILITY 4); one live agent per hostname and kind
//! (RELIABILITY 9); an older start of an agent changes nothing.

use std::collections::BTreeSet;

use chiffon_fleet::domain::agent_order::Desired;
use chiffon_fleet::domain::{unknown_kind, unverified};
use chiffon_fleet::store::agents::{self, Identity, signed};
use chiffon_fleet::store::{actions, agent_orders, refused_hellos};
use chiffon_kernel::domain::audit::AuditEvent;
use chiffon_kernel::store;
use chiffon_kernel::verbs::outcome::Outcome;
use chiffon_kernel::verbs::reply::{self, About, Addressee};
use chiffon_kernel::verbs::work::Work;
use chiffon_protocol::message::{AgentHello, ErrorReport, Unfinished};
use chiffon_protocol::{ErrorCode, Problem, envelope};
use serde_json::json;
use uuid::Uuid;

use super::claim::number;
use super::{Context, lose_attempt, order_agent};
use crate::store::attempt_leases;
use crate::store::attempt_leases::Held;
use crate::store::attempts;
use crate::store::task_waits;

/// Takes in a hello. One that is refused is answered with the reason; `signer` is the id of the key that signed it.
pub async fn run(context: &Context, signer: &str, hello: &AgentHello) -> Result<Outcome, store::Error> {
    let mut work = context.begin().await?;
    let known = agents::get(&mut work, &hello.agent_id).await?;
    if let Some(known) = known.as_ref().filter(|known| known.key_id != signer) {
        let message = format!("{} is enrolled with the key {}, and this hello was signed with {signer}", hello.agent_id, known.key_id);
        let problem = Problem::new(ErrorCode::AgentNotEnrolled, message);
        // Where it names the start of the one that is enrolled, that one must not hear what is meant for another.
        let is_told = known.incarnation != signed(hello.incarnation);
        drop(work);
        refuse(context, signer, hello, &problem, is_told).await?;
        return Ok(Outcome::Rejected(problem));
    }
    let incarnation = signed(hello.incarnation);
    let refused = match refusal(&mut work, known.as_ref(), hello, incarnation).await? {
        None if !agents::set_hello(&mut work, hello, signer, incarnation, context.settings.agent_lease).await? => Some(superseded(hello)),
        refusal => refusal,
    };
    if let Some(problem) = refused {
        drop(work);
        refuse(context, signer, hello, &problem, true).await?;
        return Ok(Outcome::Done);
    }
    let is_new_start = known.as_ref().is_none_or(|known| known.incarnation < incarnation);
    let new = announce(context, &mut work, hello).await?;
    context.run.agent_came(&mut work).await?;
    // Whatever made it decline may have changed: it says hello when its catalogue has, when its disk has room again, and so on.
    task_waits::readmit(&mut work, std::slice::from_ref(&hello.agent_id)).await?;
    let listed = hello.unfinished.iter().map(|unfinished| held(hello, unfinished)).collect::<Vec<_>>();
    attempt_leases::renew(&mut work, &listed, context.settings.agent_lease).await?;
    let lost = attempts::list_open_of(&mut work, &hello.agent_id, incarnation).await?;
    refused_hellos::clear(&mut work, &hello.agent_id, signer, i32::from(ErrorCode::IncarnationSuperseded.number())).await?;
    let ordered = agent_orders::list(&mut work, std::slice::from_ref(&hello.agent_id)).await?.pop();
    tell(&mut work, hello, is_new_start, new);
    if let Some(why) = unknown_kind::refusal(&context.settings.kinds, &hello.agent_type).filter(|_| is_new_start) {
        tracing::warn!(agent = hello.agent_id, "{why}");
    }
    work.commit().await?;
    forget_lost(context, hello, lost).await?;
    if let Some(ordered) = ordered.filter(|ordered| is_new_start && ordered.order.desired != Desired::Active) {
        order_agent::tell(context, &ordered, &order_agent::assumed(&ordered.order)).await;
    }
    context.wakes.dispatcher.notify_one();
    Ok(Outcome::Done)
}

async fn refusal(work: &mut Work, known: Option<&Identity>, hello: &AgentHello, incarnation: i64) -> Result<Option<Problem>, store::Error> {
    if known.is_some_and(|known| known.incarnation > incarnation) {
        return Ok(Some(superseded(hello)));
    }
    if !hello.protocol.is_empty() && !hello.protocol.contains(&envelope::VERSION) {
        let (theirs, own) = (&hello.protocol, envelope::VERSION);
        let message = format!(
            "{} speaks the protocol versions {theirs:?} and this orchestrator speaks {own}; bring both to versions that are next to each other",
            hello.agent_id
        );
        let details = json!({"agent": theirs, "orchestrator": [own]});
        return Ok(Some(Problem::new(ErrorCode::ProtocolUnsupported, message).with_details(details)));
    }
    if unverified::is_one(&hello.agent_id) {
        let message = format!("{} is the name of an agent that signs nothing; give this one another `agent.id`", hello.agent_id);
        return Ok(Some(Problem::new(ErrorCode::AgentNotEnrolled, message)));
    }
    let other = agents::find_live_on(work, hello).await?;
    Ok(other.map(|other| {
        let kind = hello.agent_type.as_str();
        let message = format!(
            "{other} is the {kind} agent of {} already; stop it, or give this machine another hostname, and start {} again",
            hello.hostname, hello.agent_id
        );
        Problem::new(ErrorCode::HostnameTaken, message).with_details(json!({"hostname": hello.hostname, "agent_id": other}))
    }))
}

fn superseded(hello: &AgentHello) -> Problem {
    let message = format!("a later start of {} has said hello before; stop this one (start {})", hello.agent_id, hello.incarnation);
    Problem::new(ErrorCode::IncarnationSuperseded, message)
}

/// Notes a refusal where people see it, the first one in the audit log too, and tells the agent why.
pub(super) async fn refuse(
    context: &Context,
    signer: &str,
    hello: &AgentHello,
    problem: &Problem,
    is_told: bool,
) -> Result<(), store::Error> {
    let mut work = context.begin().await?;
    if refused_hellos::add(&mut work, hello, signer, problem).await? {
        tracing::warn!(agent = hello.agent_id, hostname = hello.hostname, %problem, "an agent's hello was refused");
        let data = json!({
            "agent_id": hello.agent_id, "key_id": signer, "agent_type": hello.agent_type, "hostname": hello.hostname,
            "version": hello.version, "code": problem.code.number(), "reason": problem.message,
        });
        work.audit_system(AuditEvent::new("chiffon", "agent.refused", data));
    }
    work.commit().await?;
    if is_told {
        let to = Addressee { agent_id: hello.agent_id.clone(), incarnation: signed(hello.incarnation) };
        reply::send(context, &to, &About::the_agent(context), ErrorReport::from(problem.clone())).await;
    }
    Ok(())
}

/// Stores what it can do; the actions that nobody has announced before, by name and content.
async fn announce(context: &Context, work: &mut Work, hello: &AgentHello) -> Result<Vec<(String, String)>, store::Error> {
    for action in hello.actions.iter().filter(|action| action.spec.agent_type != hello.agent_type) {
        tracing::warn!(
            agent = hello.agent_id,
            action = action.spec.name,
            "an announced action is for another kind of agent; it is left out"
        );
    }
    actions::announce(work, hello, context.clock.now()).await
}

/// Audits it.
fn tell(work: &mut Work, hello: &AgentHello, is_new_start: bool, new_actions: Vec<(String, String)>) {
    if is_new_start {
        let data = json!({
            "agent_id": hello.agent_id, "agent_type": hello.agent_type, "hostname": hello.hostname, "version": hello.version,
            "incarnation": hello.incarnation, "actions": hello.actions.len(),
        });
        work.audit_system(AuditEvent::new(&hello.agent_id, "agent.connected", data));
    }
    for (name, sha256) in new_actions {
        let data = json!({"action": name, "sha256": sha256});
        work.audit_system(AuditEvent::new(&hello.agent_id, "action.announced", data));
    }
}

/// What an earlier start owned and this one's journal does not know: nobody can say what became of it.
async fn forget_lost(context: &Context, hello: &AgentHello, open: Vec<(Uuid, i32)>) -> Result<(), store::Error> {
    let listed: BTreeSet<(Uuid, i32)> =
        hello.unfinished.iter().map(|unfinished| (unfinished.task_id, number(unfinished.attempt))).collect();
    for (task_id, attempt) in open.into_iter().filter(|open| !listed.contains(open)) {
        let words = format!("{} was started again and its journal does not know this attempt", hello.agent_id);
        lose_attempt::run(context, task_id, attempt, ErrorCode::Interrupted, &words, None).await?;
    }
    Ok(())
}

fn held(hello: &AgentHello, unfinished: &Unfinished) -> Held {
    Held { agent_id: hello.agent_id.clone(), task_id: unfinished.task_id, attempt: number(unfinished.attempt) }
}

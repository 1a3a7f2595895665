//! A person wants an agent to pause, to drain, or to work again. The wish is stored and audited; then the agent is told, and told
//! again with each of its heartbeats until it says that it follows.

use chiffon_fleet::domain::agent_order::{Desired, Order};
use chiffon_fleet::store::agent_orders::{self, Ordered};
use chiffon_kernel::domain::audit::AuditEvent;
use chiffon_kernel::domain::missing;
use chiffon_kernel::domain::role::Principal;

use chiffon_kernel::verbs::reply::{self, About, Addressee};
use chiffon_protocol::message::{Control, Heartbeat};
use chiffon_protocol::{ErrorCode, Problem};
use serde_json::json;

use super::Context;
use crate::store::task_waits;

/// The longest reason, in characters.
const MOST_REASON_CHARS: usize = 500;

/// Stores a wish and tells the agent. Wanting what is wanted already changes nothing, except that a drain then counts for the
/// agent's newest start.
pub async fn run(context: &Context, principal: &Principal, agent_id: &str, desired: Desired, reason: &str) -> Result<(), Problem> {
    let reason = reason.replace('\0', "").trim().to_owned();
    if reason.chars().count() > MOST_REASON_CHARS {
        let message = format!("the reason is longer than {MOST_REASON_CHARS} characters; say it shorter");
        return Err(Problem::new(ErrorCode::InvalidParameters, message).with_details(json!({"field": "reason"})));
    }
    let now = context.clock.now();
    let mut work = context.begin().await?;
    let (incarnation, before) = agent_orders::lock(&mut work, agent_id).await?.ok_or_else(|| missing::agent(agent_id))?;
    let is_wanted = match &before {
        None => desired == Desired::Active,
        Some(before) => before.desired == desired && (desired != Desired::Drained || before.is_for_this_start),
    };
    if !is_wanted {
        agent_orders::set(&mut work, agent_id, desired, &principal.name, &reason, now).await?;
        if desired == Desired::Active {
            task_waits::readmit(&mut work, &[agent_id.to_owned()]).await?;
        }
        let data = json!({"agent_id": agent_id, "reason": reason});
        work.audit_system(AuditEvent::new(&principal.name, event(desired), data));
        work.wake_dispatcher();
        work.commit().await?;
    }
    if let Some(ordered) = agent_orders::list(&mut *context.store.acquire().await?, &[agent_id.to_owned()]).await?.pop() {
        debug_assert!(ordered.incarnation >= incarnation);
        // What it follows at this moment is not known here; a heartbeat that follows already says so.
        tell(context, &ordered, &assumed(&ordered.order)).await;
    }
    Ok(())
}

/// Tells an agent what is wanted of it, unless it says that it follows. Whether it had to be told.
pub(super) async fn tell(context: &Context, ordered: &Ordered, said: &Heartbeat) -> bool {
    let Some(command) = ordered.order.command(said) else { return false };
    let reason = match ordered.order.words() {
        Some(words) => format!("it {words}"),
        None => format!("{} lets it work again", ordered.order.by),
    };
    let to = Addressee { agent_id: ordered.agent_id.clone(), incarnation: ordered.incarnation };
    reply::send(context, &to, &About::the_agent(context), Control { command, task_id: None, attempt: None, reason }).await;
    true
}

/// A heartbeat of an agent that follows the opposite.
pub(super) fn assumed(order: &Order) -> Heartbeat {
    use chiffon_protocol::message::Intake;
    let intake = if order.desired == Desired::Active { Intake::Paused } else { Intake::Open };
    Heartbeat { intake: Some(intake), ..Heartbeat::default() }
}

fn event(desired: Desired) -> &'static str {
    match desired {
        Desired::Active => "agent.resumed",
        Desired::Paused => "agent.paused",
        Desired::Drained => "agent.drained",
    }
}

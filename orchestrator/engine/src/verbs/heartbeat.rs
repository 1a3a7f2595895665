//! Heartbeats: many in one transaction. They renew the leases of agents and of the attempts they name, are kept as metrics,
//! and repeat every open wish to stop, pause or drain; what runs although it counts no more is told to stop. They lock no request.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use chiffon_fleet::store::agents::{self, Accepted, OpenCancel, Signed, signed};
use chiffon_fleet::store::{agent_orders, metrics};
use chiffon_kernel::store;
use chiffon_kernel::verbs::reply::{self, About, Addressee};
use chiffon_protocol::message::{Command, Control, Heartbeat};
use chrono::{DateTime, TimeDelta, Utc};

use super::claim::number;
use super::{Context, order_agent, status};
use crate::store::attempt_leases;
use crate::store::attempt_leases::Held;
use crate::store::task_waits;

/// An agent that is not known is asked to say hello at most this often.
const HELLO_EVERY: TimeDelta = TimeDelta::seconds(5);

/// Who was asked to say hello when.
#[derive(Debug, Default)]
pub struct HelloRequests {
    asked_at: Mutex<BTreeMap<(String, u64), DateTime<Utc>>>,
}

impl HelloRequests {
    fn is_due(&self, beat: &Heartbeat, now: DateTime<Utc>) -> bool {
        let mut asked_at = self.asked_at.lock().unwrap_or_else(PoisonError::into_inner);
        asked_at.retain(|_, at| now - *at < HELLO_EVERY);
        let key = (beat.agent_id.clone(), beat.incarnation);
        if asked_at.contains_key(&key) {
            return false;
        }
        asked_at.insert(key, now);
        true
    }
}

/// A heartbeat with the key that signed it.
#[derive(Debug, Clone, Copy)]
pub struct Beat<'b> {
    /// The id of the signer's key.
    pub signer: &'b str,
    /// What it says.
    pub heartbeat: &'b Heartbeat,
}

/// Takes in heartbeats, in the order in which they came.
pub async fn run(context: &Context, hellos: &HelloRequests, beats: &[Beat<'_>]) -> Result<(), store::Error> {
    let newest = newest(beats);
    let signed_beats: Vec<Signed<'_>> = newest.values().map(|beat| Signed { heartbeat: beat.heartbeat, key_id: beat.signer }).collect();
    let ids: Vec<String> = newest.keys().map(|(id, _)| (*id).to_owned()).collect();
    let mut work = context.begin().await?;
    let accepted = agents::beat(&mut work, &signed_beats, context.settings.agent_lease).await?;
    let taken: Vec<&Heartbeat> = newest.values().map(|beat| beat.heartbeat).filter(|beat| is_accepted(&accepted, beat)).collect();
    metrics::add_all(&mut work, &taken).await?;
    let available: Vec<String> =
        accepted.iter().filter(|accepted| accepted.became_available).map(|accepted| accepted.agent_id.clone()).collect();
    if !available.is_empty() {
        task_waits::readmit(&mut work, &available).await?;
    }
    // Whoever changes several attempts does it in the order of their tasks, so that no two wait for one another.
    let mut held: Vec<Held> = taken.iter().flat_map(|beat| held(beat)).collect();
    held.sort_by_key(|held| held.task_id);
    let resolved = attempt_leases::renew(&mut work, &held, context.settings.agent_lease).await?;
    let mut cancels = agents::list_open_cancels(&mut work, &ids).await?;
    cancels.extend(attempt_leases::list_outlived(&mut work, &held).await?);
    let orders = agent_orders::list(&mut work, &ids).await?;
    let known = if accepted.len() < newest.len() { agents::incarnations(&mut work, &ids).await? } else { Vec::new() };
    work.wake_dispatcher();
    work.commit().await?;
    for task_id in resolved {
        status::resolved_by_owner(context, task_id).await?;
    }
    for cancel in &cancels {
        repeat(context, cancel).await;
    }
    for ordered in &orders {
        let said = taken.iter().find(|beat| beat.agent_id == ordered.agent_id && signed(beat.incarnation) == ordered.incarnation);
        if let Some(said) = said {
            order_agent::tell(context, ordered, said).await;
        }
    }
    if accepted.len() < newest.len() {
        for beat in newest.values().filter(|beat| is_unknown(&known, beat.heartbeat)) {
            ask_for_hello(context, hellos, beat.heartbeat).await;
        }
    }
    Ok(())
}

/// The newest heartbeat of each start of each agent: older ones say nothing more.
fn newest<'b>(beats: &[Beat<'b>]) -> BTreeMap<(&'b str, u64), Beat<'b>> {
    let mut newest: BTreeMap<(&str, u64), Beat<'_>> = BTreeMap::new();
    for beat in beats {
        let held = newest.entry((&beat.heartbeat.agent_id, beat.heartbeat.incarnation)).or_insert(*beat);
        if held.heartbeat.seq < beat.heartbeat.seq {
            *held = *beat;
        }
    }
    newest
}

fn is_accepted(accepted: &[Accepted], beat: &Heartbeat) -> bool {
    accepted.iter().any(|accepted| accepted.agent_id == beat.agent_id && accepted.incarnation == signed(beat.incarnation))
}

/// Whether the records have not seen this start of the agent. An older start than the known one is not asked: it is gone.
fn is_unknown(known: &[(String, i64)], beat: &Heartbeat) -> bool {
    known.iter().find(|(id, _)| *id == beat.agent_id).is_none_or(|(_, incarnation)| *incarnation < signed(beat.incarnation))
}

fn held(beat: &Heartbeat) -> Vec<Held> {
    let held = |running: &chiffon_protocol::message::Running| Held {
        agent_id: beat.agent_id.clone(),
        task_id: running.task_id,
        attempt: number(running.attempt),
    };
    beat.running.iter().map(held).collect()
}

async fn repeat(context: &Context, cancel: &OpenCancel) {
    let to = Addressee { agent_id: cancel.agent_id.clone(), incarnation: cancel.incarnation };
    let about = About { request_id: cancel.request_id, trace_id: cancel.trace_id.clone() };
    let control = Control {
        command: Command::Cancel,
        task_id: Some(cancel.task_id),
        attempt: cancel.attempt.and_then(|attempt| u32::try_from(attempt).ok()),
        reason: cancel.reason.clone(),
    };
    reply::send(context, &to, &about, control).await;
}

pub(super) async fn ask_for_hello(context: &Context, hellos: &HelloRequests, beat: &Heartbeat) {
    if !hellos.is_due(beat, context.clock.now()) {
        return;
    }
    let to = Addressee { agent_id: beat.agent_id.clone(), incarnation: signed(beat.incarnation) };
    let control = Control {
        command: Command::Hello,
        task_id: None,
        attempt: None,
        reason: "the orchestrator does not know this start of the agent".to_owned(),
    };
    reply::send(context, &to, &About::the_agent(context), control).await;
}

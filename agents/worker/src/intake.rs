//! Taking work: a delivery is verified, checked, journalled and claimed; only then it is settled, and only then it runs.
//!
//! There is a subscription only while there is room to run: what lies in this agent's hands can't be taken by another.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use chiffon_bus::{Consumer, Delivery, Verdict};
use chiffon_process::retry::{Delays, Policy};
use chiffon_process::traces::SpanId;
use chiffon_protocol::message::{Availability, Intake, WorkDecline, WorkRequest};
use chiffon_protocol::{Envelope, Message, canonical, topology};
use sha2::{Digest as _, Sha256};
use tokio::sync::{OwnedRwLockReadGuard, RwLock, watch};

use super::attempt::Attempt;
use super::claim::{self, Answer};
use super::execute::{self, Granted};
use super::journal::{Found, Record};
use super::kind::Decline;
use super::machine::{self, Arrival, State};
use super::sender::{About, REPORT_VALID};
use super::shared::Shared;
use super::traced::{self, Taken};
use super::verify::{late_work, misplaced, verified};
use super::{recover, report};

/// Takes work until the worker leaves.
pub(super) async fn run(shared: Arc<Shared>) {
    let queue = shared.work_queue();
    let mut intake = shared.intake.subscribe();
    let mut delays = Policy::RECONNECT.delays();
    while *intake.borrow_and_update() != Intake::Leaving {
        if shared.availability() != Availability::Available {
            tokio::select! {
                _ = intake.changed() => {}
                () = tokio::time::sleep(shared.options.heartbeat_every.min(Duration::from_secs(1))) => {}
            }
            continue;
        }
        let Ok(room) = Arc::clone(&shared.slots).acquire_many_owned(1).await else { return };
        drop(room);
        if intake.has_changed().unwrap_or(true) {
            continue;
        }
        let prefetch = u16::try_from(shared.slots.available_permits().max(1)).unwrap_or(u16::MAX);
        match shared.bus.consume(&queue, prefetch).await {
            Ok(consumer) => {
                if take(&shared, &queue, consumer).await {
                    delays.reset();
                } else {
                    pause(&mut intake, &mut delays).await;
                }
            }
            Err(error) => {
                tracing::warn!(queue, %error, "work can't be taken at this moment; trying again");
                pause(&mut intake, &mut delays).await;
            }
        }
    }
}

/// Waits before the next try, unless the intake changes.
async fn pause(intake: &mut watch::Receiver<Intake>, delays: &mut Delays) {
    let delay = delays.next_delay().unwrap_or(Policy::RECONNECT.longest);
    tokio::select! {
        _ = intake.changed() => {}
        () = tokio::time::sleep(delay) => {}
    }
}

/// Takes deliveries from one subscription while there is room and the intake is open. `false` when the subscription ended
/// by itself.
async fn take(shared: &Arc<Shared>, queue: &str, mut consumer: Consumer) -> bool {
    let under_way = Arc::new(RwLock::new(()));
    let mut intake = shared.intake.subscribe();
    let mut look = tokio::time::interval(Duration::from_secs(1));
    let mut ended_by_itself = false;
    while let Ok(permit) = Arc::clone(&shared.slots).try_acquire_owned() {
        let delivery = loop {
            tokio::select! {
                delivery = consumer.next() => {
                    ended_by_itself = delivery.is_none();
                    break delivery;
                }
                _ = intake.changed() => {}
                _ = look.tick() => {}
            }
            if shared.availability() != Availability::Available {
                break None;
            }
        };
        let Some(delivery) = delivery else { break };
        let unsettled = Arc::clone(&under_way).read_owned().await;
        let (shared_, queue) = (Arc::clone(shared), queue.to_owned());
        shared.tasks.spawn("work", async move {
            let taken = Taken::of(&shared_, &delivery);
            let granted = settle(&shared_, &queue, delivery, unsettled).await;
            taken.trace(&shared_, &queue, granted.is_some());
            if let Some(granted) = granted {
                execute::run(&shared_, granted).await;
            }
            drop(permit);
        });
    }
    // The subscription must outlive what came by it, or the broker would deliver that again.
    drop(under_way.write().await);
    !ended_by_itself
}

/// Brings a delivery to its verdict. What was granted is given back to be run.
async fn settle(shared: &Arc<Shared>, queue: &str, delivery: Delivery, unsettled: OwnedRwLockReadGuard<()>) -> Option<Granted> {
    if let Some((envelope, reason)) = late_work(shared, &delivery, queue)
        && let Message::WorkRequest(work) = &envelope.message
    {
        decline(shared, &envelope, work, reason).await;
        delivery.settle(Verdict::Ack).await;
        return None;
    }
    let received = match verified(shared, &delivery, queue) {
        Ok(envelope) => receive(shared, queue, envelope, delivery.body.clone()).await,
        Err(verdict) => Err(verdict),
    };
    let (attempt, work) = match received {
        Ok(received) => received,
        Err(verdict) => {
            delivery.settle(verdict).await;
            return None;
        }
    };
    match claim::ask(shared, &attempt).await {
        Answer::Granted { start_before } => {
            // Acked while `starting` is written: a crash between the two leaves an attempt that provably never started.
            shared.tasks.spawn("ack", async move {
                delivery.settle(Verdict::Ack).await;
                drop(unsettled);
            });
            return Some(Granted { attempt, work, start_before });
        }
        Answer::Refused(reason) => {
            tracing::info!(task_id = %work.task_id, attempt = work.attempt, reason, "the claim was refused");
            execute::forget(shared, &attempt).await;
            delivery.settle(Verdict::Ack).await;
        }
        // Said now, so that nobody has to wait for a lease or for the next start; the broker offers the delivery to others meanwhile.
        Answer::Stopped => {
            traced::finish(shared, &attempt, recover::not_started(shared, &attempt)).await;
            report::spawn(shared, &attempt);
            delivery.settle(Verdict::Return).await;
        }
    }
    None
}

/// From a message that counts to an attempt in the journal, or the verdict for what does not get there.
async fn receive(shared: &Arc<Shared>, queue: &str, envelope: Envelope, body: Bytes) -> Result<(Arc<Attempt>, Arc<WorkRequest>), Verdict> {
    let Message::WorkRequest(work) = &envelope.message else {
        return Err(misplaced(&envelope, queue));
    };
    let work = Arc::new(work.clone());
    let receive = async {
        if is_known(shared, &work).await {
            return None;
        }
        Some(match check(shared, &work) {
            Ok(()) => journal(shared, &envelope, &work, body).await,
            Err(decline) => Err(decline),
        })
    };
    match shared.receiving((work.task_id, work.attempt), receive).await {
        None => {
            tracing::info!(task_id = %work.task_id, attempt = work.attempt, "this attempt stands in the journal already");
            Err(Verdict::Ack)
        }
        Some(Ok(attempt)) => Ok((attempt, work)),
        Some(Err(Decline(reason))) => {
            decline(shared, &envelope, &work, reason).await;
            Err(Verdict::Ack)
        }
    }
}

/// Whether this attempt stands in the journal. A newer offer of one that is still being claimed waits for that claim's end.
async fn is_known(shared: &Shared, work: &WorkRequest) -> bool {
    loop {
        let Some(known) = shared.attempt((work.task_id, work.attempt)) else { return false };
        let mut state = known.state.subscribe();
        let so_far = *state.borrow_and_update();
        if machine::arrival(Some((so_far, known.record().offer)), work.offer) == Arrival::Known {
            return true;
        }
        drop(known);
        // The sender goes away with the attempt when its claim is refused.
        drop(state.changed().await);
    }
}

fn check(shared: &Shared, work: &WorkRequest) -> Result<(), Decline> {
    let own = &shared.kind.entry().name;
    if work.agent_type != *own {
        let wanted = &work.agent_type;
        return Err(Decline::new(format!("the work is for agents of kind {wanted}; this one is {own}")));
    }
    match *shared.intake.borrow() {
        Intake::Open => shared.kind.accepts(work),
        Intake::Paused => Err(Decline::new("this agent is paused")),
        Intake::Draining | Intake::Leaving => Err(Decline::new("this agent finishes its work and leaves")),
    }
}

/// Puts the work on the disk before anybody hears of it. No journal, no claim.
async fn journal(shared: &Arc<Shared>, envelope: &Envelope, work: &WorkRequest, body: Bytes) -> Result<Arc<Attempt>, Decline> {
    let record = Record {
        task_id: work.task_id,
        attempt: work.attempt,
        offer: work.offer,
        state: State::Received,
        claim_id: shared.ids.new_id(),
        work_sha256: canonical::hex(&Sha256::digest(&body)),
        trace_id: envelope.trace_id.clone(),
        request_id: envelope.request_id,
        started_at: None,
    };
    let added = add(shared, Found { record, work: body, result: None }).await;
    let attempt = added.map(Arc::new).map_err(|error| {
        tracing::error!(task_id = %work.task_id, %error, "the journal can't be written; the work is declined");
        shared.journal_failed.store(true, Ordering::Relaxed);
        Decline::new(format!("its journal can't be written ({error})"))
    })?;
    shared.attempts().insert(attempt.key(), Arc::clone(&attempt));
    Ok(attempt)
}

async fn add(shared: &Arc<Shared>, found: Found) -> std::io::Result<Attempt> {
    let (shared_, key) = (Arc::clone(shared), found.record.key());
    let opened = Shared::on_disk(move || {
        let attempt = Attempt::new(&shared_.journal, found, shared_.options.max_log_bytes)?;
        attempt.log().take_room()?;
        Ok(attempt)
    });
    let added = async {
        let attempt = opened.await?;
        attempt.add().await?;
        Ok(attempt)
    };
    let added = added.await;
    if added.is_err() {
        // It does not count, and takes room that is needed.
        drop(shared.journal.drop_log(key));
    }
    added
}

/// Says no until the broker has heard it; the delivery is acked only then.
async fn decline(shared: &Shared, envelope: &Envelope, work: &WorkRequest, reason: String) {
    tracing::warn!(task_id = %work.task_id, attempt = work.attempt, reason, "work is declined");
    let message =
        WorkDecline { task_id: work.task_id, attempt: work.attempt, offer: work.offer, agent_id: shared.options.agent_id.clone(), reason };
    let span = Some(SpanId::of_message(envelope.message_id));
    let trace = About { trace_id: envelope.trace_id.clone(), request_id: envelope.request_id, span };
    let mut delays = Policy::RECONNECT.delays();
    while let Err(error) = shared.sender.send(topology::CLAIMS, &trace, message.clone(), REPORT_VALID).await {
        tracing::debug!(%error, "the decline could not be sent yet");
        let delay = delays.next_delay().unwrap_or(Policy::RECONNECT.longest);
        tokio::select! { () = shared.closing.cancelled() => return, () = tokio::time::sleep(delay) => {} }
    }
}

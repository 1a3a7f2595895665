//! What this start of the agent is told: grants, acknowledgements, commands and refusals, each signed for this agent.

use std::sync::{Arc, PoisonError};

use chiffon_bus::{Delivery, Verdict};
use chiffon_process::retry::Policy;
use chiffon_protocol::message::{Command, Control, ErrorReport, Intake, ResultAck};
use chiffon_protocol::{Message, topology};

use super::run_context::CancelCause;
use super::shared::Shared;
use super::verify::{misplaced, verified};

/// Listens until the worker closes.
pub(super) async fn run(shared: Arc<Shared>) {
    let queue = topology::control_queue(&shared.options.agent_id, shared.journal.incarnation());
    let mut delays = Policy::RECONNECT.delays();
    loop {
        match shared.bus.consume(&queue, 100).await {
            Ok(mut consumer) => {
                delays.reset();
                loop {
                    let delivery = tokio::select! {
                        () = shared.closing.cancelled() => return,
                        delivery = consumer.next() => delivery,
                    };
                    let Some(delivery) = delivery else { break };
                    let verdict = hear(&shared, &delivery, &queue);
                    delivery.settle(verdict).await;
                }
            }
            Err(error) => tracing::warn!(queue, %error, "this agent can't hear the orchestrator at this moment; trying again"),
        }
        let delay = delays.next_delay().unwrap_or(Policy::RECONNECT.longest);
        tokio::select! { () = shared.closing.cancelled() => return, () = tokio::time::sleep(delay) => {} }
    }
}

fn hear(shared: &Shared, delivery: &Delivery, queue: &str) -> Verdict {
    let envelope = match verified(shared, delivery, &shared.options.agent_id) {
        Ok(envelope) => envelope,
        Err(verdict) => return verdict,
    };
    match envelope.message {
        Message::WorkGrant(grant) => {
            let claim_id = grant.claim_id;
            if !shared.answer_claim(grant) {
                tracing::debug!(%claim_id, "an answer came for a claim that nobody waits for any more");
            }
        }
        Message::ResultAck(ack) => acknowledge(shared, &ack),
        Message::Control(control) => obey(shared, control),
        Message::ErrorReport(refusal) => refused(shared, refusal),
        _ => return misplaced(&envelope, queue),
    }
    Verdict::Ack
}

fn acknowledge(shared: &Shared, ack: &ResultAck) {
    if let Some(attempt) = shared.attempt((ack.task_id, ack.attempt)) {
        attempt.acked.send_modify(|acked| {
            acked.last_seq = acked.last_seq.max(ack.last_seq);
            acked.result_stored |= ack.result_stored;
        });
    }
}

fn obey(shared: &Shared, control: Control) {
    let Control { command, task_id, attempt: only, reason } = control;
    match command {
        Command::Cancel => {
            tracing::info!(?task_id, attempt = only, reason, "the orchestrator asks to stop a task");
            for ((task, number), attempt) in shared.attempts().iter() {
                if Some(*task) == task_id && only.is_none_or(|only| only == *number) {
                    attempt.cancel.cancel(CancelCause::Person(reason.clone()));
                }
            }
        }
        Command::Pause => set(shared, Intake::Paused, &reason),
        Command::Drain => set(shared, Intake::Draining, &reason),
        Command::Resume => set(shared, Intake::Open, &reason),
        Command::Hello => {
            tracing::info!(reason, "the orchestrator asks for a hello");
            shared.hello_wanted.notify_one();
        }
    }
}

/// Follows an order, which is repeated until a heartbeat says that it was heard. A process that leaves is not kept from it.
fn set(shared: &Shared, wanted: Intake, reason: &str) {
    shared.intake.send_if_modified(|intake| {
        let changes = *intake != Intake::Leaving && *intake != wanted;
        if changes {
            tracing::warn!(from = ?*intake, to = ?wanted, reason, "the orchestrator changes whether this agent takes work");
            *intake = wanted;
        }
        changes
    });
}

/// The orchestrator refuses this agent. It may be right to go on: the other agent of this host may leave. Said once per reason.
fn refused(shared: &Shared, refusal: ErrorReport) {
    let mut before = shared.refused_for.lock().unwrap_or_else(PoisonError::into_inner);
    if *before != refusal.message {
        tracing::error!(
            code = refusal.code,
            reason = refusal.message,
            "the orchestrator refuses this agent, which gets no work until that is mended"
        );
        *before = refusal.message;
    }
}

//! Deliveries become service calls, and what they come to becomes a verdict, in one place.
//!
//! Transient trouble pauses consumption: the same deliveries are tried again in place until it passes; nothing is requeued in
//! a loop (RELIABILITY 3). Poison is rejected with its code and reason; so is a delivery upon which this program panics, and it
//! alone. Subscribing again after an outage is the bus's business.

pub mod signer;

use std::sync::Arc;

use async_trait::async_trait;
use chiffon_bus::{Consumer, Delivery, Verdict};
use chiffon_process::retry::Policy;
use chiffon_process::traces::{OnQueue, SpanId};
use chiffon_process::{Spawner, caught, shown};
use chiffon_protocol::{Envelope, ErrorCode, Message, Problem, signature};
use chrono::{DateTime, Utc};
use futures::FutureExt as _;
use futures::future::join_all;
use tokio::task::JoinSet;

use crate::verbs::Context;
use crate::verbs::outcome::Outcome;

/// So many deliveries are here at once, at least: what is dealt with, and rejected ones whose way to the dead letters is not confirmed yet.
const LEAST_PREFETCH: u16 = 32;

/// What takes in the deliveries of one queue.
#[async_trait]
pub trait Inbox: Send + Sync + std::fmt::Debug + 'static {
    /// The queue.
    fn queue(&self) -> &'static str;

    /// How many deliveries it takes in at once.
    fn batch(&self) -> usize {
        1
    }

    /// Takes deliveries in; a verdict for each, in their order. `Err` with a retryable code is trouble that passes: the same
    /// deliveries are handed in again.
    async fn handle(&self, deliveries: &[Delivery]) -> Result<Vec<Verdict>, Problem>;

    /// Told whenever consumption works, and when it pauses.
    fn works(&self, _works: bool) {}
}

/// Consumes a queue until the second stage of the stop.
pub fn spawn(tasks: &Spawner, context: &Context, inbox: Arc<dyn Inbox>) {
    let context = context.clone();
    tasks.spawn_loop(inbox.queue(), move || {
        let (context, inbox) = (context.clone(), inbox.clone());
        async move { run(&context, inbox.as_ref()).await }
    });
}

async fn run(context: &Context, inbox: &dyn Inbox) {
    let mut delays = Policy::RECONNECT.delays();
    while !context.shutdown.is_stopping() {
        let prefetch = u16::try_from(inbox.batch()).unwrap_or(u16::MAX).max(LEAST_PREFETCH);
        match context.bus.consume(inbox.queue(), prefetch).await {
            Ok(consumer) => {
                delays.reset();
                inbox.works(true);
                consume(context, inbox, consumer).await;
            }
            Err(error) => tracing::warn!(queue = inbox.queue(), %error, "the queue can't be consumed; it is tried again"),
        }
        inbox.works(false);
        let delay = delays.next_delay().unwrap_or(Policy::RECONNECT.longest);
        if !context.shutdown.sleep(delay).await {
            return;
        }
    }
}

async fn consume(context: &Context, inbox: &dyn Inbox, mut consumer: Consumer) {
    let mut leaving = JoinSet::new();
    loop {
        while leaving.try_join_next().is_some() {}
        let first = tokio::select! {
            () = context.shutdown.stopping() => return,
            next = consumer.next() => next,
        };
        let Some(first) = first else { return };
        let mut batch = vec![first];
        while batch.len() < inbox.batch()
            && let Some(Some(more)) = consumer.next().now_or_never()
        {
            batch.push(more);
        }
        let began = context.clock.now();
        // Without verdicts the process is stopping: what is dropped goes back to the queue.
        let Some(verdicts) = decide(context, inbox, &batch).await else { return };
        trace(context, &batch, &verdicts, began);
        inbox.works(true);
        let (rejected, others): (Vec<_>, Vec<_>) =
            batch.into_iter().zip(verdicts).partition(|(_, verdict)| matches!(verdict, Verdict::Reject { .. }));
        // A rejected one is stored by the broker before it is gone from here. What stands behind it does not wait for that: a flood of
        // strangers' large letters must not hold up claims and results. The prefetch bounds how many are on their way.
        for (delivery, verdict) in rejected {
            leaving.spawn(async move { delivery.settle(verdict).await });
        }
        join_all(others.into_iter().map(|(delivery, verdict)| delivery.settle(verdict))).await;
    }
}

/// What was taken in hangs on its sending. What was rejected may be anybody's, and makes no span.
fn trace(context: &Context, batch: &[Delivery], verdicts: &[Verdict], began: DateTime<Utc>) {
    for (delivery, _) in batch.iter().zip(verdicts).filter(|(_, verdict)| **verdict == Verdict::Ack) {
        let Some(trace_id) = delivery.correlation_id.as_deref().filter(|trace_id| context.traces.keeps(trace_id)) else { continue };
        let sending = delivery.headers.get("traceparent").and_then(|given| SpanId::of_parent(given, trace_id));
        let Some(sending) = sending else { continue };
        context.traces.add(trace_id, || {
            let message_id = delivery.message_id.as_deref().unwrap_or_default();
            OnQueue { destination: &delivery.queue, routing_key: &delivery.queue, message_id }
                .processed(SpanId::of_message(context.ids.new_message_id()), began, context.clock.now())
                .under(sending)
        });
    }
}

/// The verdicts; `None` when the process stops before the trouble has passed.
async fn decide(context: &Context, inbox: &dyn Inbox, batch: &[Delivery]) -> Option<Vec<Verdict>> {
    match patiently(context, inbox, batch).await? {
        Ok(verdicts) => Some(verdicts),
        Err(problem) if batch.len() == 1 => Some(vec![rejected(inbox, problem)]),
        // One of them can't be dealt with; it must not take the others with it.
        Err(_) => {
            let mut verdicts = Vec::with_capacity(batch.len());
            for delivery in batch {
                verdicts.extend(match patiently(context, inbox, std::slice::from_ref(delivery)).await? {
                    Ok(verdicts) => verdicts,
                    Err(problem) => vec![rejected(inbox, problem)],
                });
            }
            Some(verdicts)
        }
    }
}

async fn patiently(context: &Context, inbox: &dyn Inbox, batch: &[Delivery]) -> Option<Result<Vec<Verdict>, Problem>> {
    let mut delays = Policy::RECONNECT.delays();
    loop {
        let answer = caught(context.store.within_limit(inbox.handle(batch))).await;
        match answer.unwrap_or_else(|panic| Err(context.background.panicked(inbox.queue(), &panic, context.clock.now()))) {
            Err(problem) if passes(&problem) => {
                tracing::warn!(queue = inbox.queue(), %problem, "consumption pauses until this has passed");
                inbox.works(false);
                let delay = delays.next_delay().unwrap_or(Policy::RECONNECT.longest);
                if !context.shutdown.sleep(delay).await {
                    return None;
                }
            }
            answer => return Some(answer),
        }
    }
}

/// Whether the trouble is not the message's: it is waited for. A database that refuses this process, because its password was
/// changed, say, or that lacks a table or a right, is a person's to mend, and no reason to reject what is good.
fn passes(problem: &Problem) -> bool {
    problem.code.is_retryable() || matches!(problem.code, ErrorCode::DatabaseUrlInvalid | ErrorCode::DatabaseDoesNotFit)
}

fn rejected(inbox: &dyn Inbox, problem: Problem) -> Verdict {
    tracing::error!(queue = inbox.queue(), %problem, "a message can't be dealt with; it goes to the dead letters");
    Verdict::Reject { code: problem.code.number(), reason: problem.message }
}

/// What a service's outcome means for the bus.
pub fn verdict(outcome: Outcome) -> Verdict {
    match outcome {
        Outcome::Done => Verdict::Ack,
        Outcome::Rejected(problem) => Verdict::Reject { code: problem.code.number(), reason: problem.message },
    }
}

/// A message of an agent, verified and read: the id of the key that signed it, and what it says.
pub struct Received {
    /// The id of the signer's key.
    pub signer: String,
    /// The message.
    pub envelope: Envelope,
}

/// Verifies and reads a delivery from an agent. What is signed too long ago is let go: whatever matters of it is sent again
/// under a fresh signature. What an operator replays counts all the same.
pub fn received(context: &Context, delivery: &Delivery, queue: &str) -> Result<Received, Verdict> {
    let signer = match signer::of(context, &context.agents, delivery, queue) {
        Ok(signer) => signer.to_owned(),
        Err(signature::SignatureError::Expired { .. }) => return Err(late(context, delivery)),
        Err(error) => return Err(Verdict::Reject { code: ErrorCode::SignatureInvalid.number(), reason: error.to_string() }),
    };
    match Envelope::parse(&delivery.body) {
        Ok(envelope) => Ok(Received { signer, envelope }),
        Err(error) => Err(Verdict::Reject { code: error.code().number(), reason: error.to_string() }),
    }
}

/// What becomes of a message that was signed too long ago. A hello is said when there is somebody to hear it, so one that is that old
/// tells of a clock, and a person has to hear of it.
fn late(context: &Context, delivery: &Delivery) -> Verdict {
    let Ok(Envelope { message: Message::AgentHello(hello), timestamp, .. }) = Envelope::parse(&delivery.body) else { return Verdict::Ack };
    let (now, said) = (shown(context.clock.now()), shown(timestamp));
    let reason = format!(
        "{} says hello at {said} by its own clock, and here it is {now}: either the message lay in its queue for so long, or the clock of \
         {} is wrong; compare the two, set it right (NTP), and start the agent again",
        hello.agent_id, hello.hostname
    );
    tracing::warn!(agent = hello.agent_id, reason, "a hello is too old to count");
    Verdict::Reject { code: ErrorCode::SignatureInvalid.number(), reason }
}

/// A message on a queue where it does not belong.
pub fn misplaced(envelope: &Envelope, queue: &str) -> Verdict {
    let reason = format!("`{}` does not belong on {queue}", envelope.message.type_name());
    Verdict::Reject { code: ErrorCode::InvalidMessage.number(), reason }
}

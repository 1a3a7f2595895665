//! Asking for an attempt until there is an answer: always the same claim, so that the answer is always the same.
//!
//! A grant counts from the moment its claim was first sent, by a clock that counts suspend (RELIABILITY 7).

use std::sync::Arc;
use std::time::Duration;

use chiffon_protocol::message::{WorkClaim, WorkGrant};
use chiffon_protocol::topology;
use tokio::sync::mpsc;

use super::attempt::Attempt;
use super::machine::{self, Answered, State};
use super::sender::REPORT_VALID;
use super::shared::Shared;

/// What came of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// The attempt belongs to this agent, if it starts before this on the clock that counts suspend.
    Granted {
        /// See [`chiffon_process::Clock::elapsed`].
        start_before: Duration,
    },
    /// It does not; why.
    Refused(String),
    /// The worker stopped before there was an answer.
    Stopped,
}

/// Asks until there is an answer.
pub(super) async fn ask(shared: &Arc<Shared>, attempt: &Arc<Attempt>) -> Answer {
    let record = attempt.record();
    let claim = WorkClaim {
        claim_id: record.claim_id,
        task_id: record.task_id,
        attempt: record.attempt,
        offer: record.offer,
        agent_id: shared.options.agent_id.clone(),
        journal_id: shared.journal.id(),
        work_sha256: record.work_sha256.clone(),
    };
    let mut answers = shared.expect_grant(claim.claim_id);
    let sent = shared.clock.elapsed();
    let mut trace = attempt.trace();
    if shared.options.traces.keeps(&trace.trace_id) {
        // An attempt whose claim is refused never comes to be.
        trace.span = attempt.offered();
    }
    attempt.state.send_replace(State::Claimed);
    let answer = loop {
        let ask = shared.sender.send(topology::CLAIMS, &trace, claim.clone(), REPORT_VALID);
        let ask = async {
            if let Err(error) = ask.await {
                tracing::debug!(%error, "the claim could not be sent yet");
            }
            tokio::time::sleep(shared.options.claim_ask_again).await;
        };
        // The answer may overtake the broker's confirm of the question.
        tokio::select! {
            grant = fitting(&mut answers, &claim) => break grant,
            () = leaving(shared) => break None,
            () = ask => {}
        }
    };
    shared.forget_claim(claim.claim_id);
    let Some(grant) = answer else { return Answer::Stopped };
    match machine::answered(grant.decision, sent, Duration::from_secs(grant.start_within_seconds)) {
        Answered::Forget => Answer::Refused(grant.reason),
        Answered::Run { start_before } => {
            attempt.state.send_replace(State::Granted);
            Answer::Granted { start_before }
        }
    }
}

/// Resolves when there is no time left to wait for an answer.
async fn leaving(shared: &Shared) {
    let shutdown = shared.tasks.shutdown();
    tokio::select! {
        () = shutdown.stopping() => {}
        () = shared.closing.cancelled() => {}
        () = async { shutdown.draining().await; tokio::time::sleep(shared.options.claim_ask_again).await } => {}
    }
}

/// The next answer that binds exactly this claim; others are logged and count for nothing.
async fn fitting(answers: &mut mpsc::UnboundedReceiver<WorkGrant>, claim: &WorkClaim) -> Option<WorkGrant> {
    loop {
        let grant = answers.recv().await?;
        if machine::fits(claim, &grant) {
            return Some(grant);
        }
        tracing::warn!(claim_id = %claim.claim_id, "an answer names this claim but binds another agent, attempt or work; it does not count");
    }
}

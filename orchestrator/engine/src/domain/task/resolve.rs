//! Whether a person may decide about a task now, and what becomes of it (RELIABILITY 13). Pure.
//!
//! Any decision about an `unknown` task frees its hosts, so it needs proof that the attempt does not run any more, or the person's
//! explicit word for that. What a person says instead of a program is worth nothing without the reason: a comment.

use super::retry::Proof;
use super::state::{Decision, Event, InvalidTransition, Task};

/// A decision as it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// What.
    pub decision: Decision,
    /// The attempt that the person has seen.
    pub attempt: i32,
    /// Whether there is a comment.
    pub has_comment: bool,
    /// The person's word that the attempt does not run any more.
    pub not_running: bool,
}

/// Why a decision is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The task does not wait for one.
    NotHere,
    /// It was about an attempt that is not the newest one.
    OtherAttempt,
    /// Cancelled work is never tried again.
    Cancelled,
    /// A comment is missing.
    CommentMissing,
    /// The attempt may still run, and nobody has said that it does not.
    MayStillRun,
}

/// The task after a decision. `proof` is what proves that its attempt does not run any more.
pub fn resolve(task: Task, asked: Asked, proof: Option<Proof>) -> Result<Task, Refusal> {
    let wants_retry = asked.decision == Decision::Retry;
    let (is_unknown, cancel_requested) = match &task {
        Task::Unknown(owned) => (true, owned.cancel_requested),
        Task::Interrupted { cancel_requested, .. } => (false, *cancel_requested),
        Task::Pending
        | Task::Waiting
        | Task::Offered { .. }
        | Task::Claimed(_)
        | Task::Running(_)
        | Task::Completed
        | Task::Failed
        | Task::Cancelled
        | Task::Skipped => return Err(Refusal::NotHere),
    };
    let next = task.on(Event::Resolve { attempt: asked.attempt, decision: asked.decision }).map_err(|why| match why {
        InvalidTransition::Superseded { .. } => Refusal::OtherAttempt,
        InvalidTransition::NotHere { .. } if cancel_requested && wants_retry => Refusal::Cancelled,
        InvalidTransition::NotHere { .. } => Refusal::NotHere,
    })?;
    if is_unknown && proof.is_none() && !asked.not_running {
        return Err(Refusal::MayStillRun);
    }
    let needs_comment = is_unknown || asked.decision == Decision::Done;
    if needs_comment && !asked.has_comment { Err(Refusal::CommentMissing) } else { Ok(next) }
}

#[cfg(test)]
mod tests {
    use super::super::state::Owned;
    use super::*;

    fn unknown(cancel_requested: bool) -> Task {
        Task::Unknown(Owned { attempt: 2, agent_id: "a".to_owned(), started: true, cancel_requested })
    }

    fn interrupted(cancel_requested: bool) -> Task {
        Task::Interrupted { attempt: 2, cancel_requested }
    }

    fn asked(decision: Decision) -> Asked {
        Asked { decision, attempt: 2, has_comment: true, not_running: false }
    }

    #[test]
    fn what_may_still_run_needs_proof_or_the_persons_word() {
        for (decision, becomes) in [(Decision::Retry, Task::Waiting), (Decision::Done, Task::Completed), (Decision::GiveUp, Task::Failed)] {
            assert_eq!(resolve(unknown(false), asked(decision), None), Err(Refusal::MayStillRun));
            assert_eq!(resolve(unknown(false), asked(decision), Some(Proof::RunTimeOver)), Ok(becomes.clone()));
            assert_eq!(resolve(unknown(false), Asked { not_running: true, ..asked(decision) }, None), Ok(becomes.clone()));
            assert_eq!(resolve(interrupted(false), asked(decision), Some(Proof::ItsReport)), Ok(becomes));
        }
    }

    #[test]
    fn a_word_instead_of_a_report_needs_a_reason() {
        let silent = |decision| Asked { has_comment: false, not_running: true, ..asked(decision) };
        for decision in Decision::ALL {
            assert_eq!(resolve(unknown(false), silent(decision), None), Err(Refusal::CommentMissing));
        }
        assert_eq!(resolve(interrupted(false), silent(Decision::Done), None), Err(Refusal::CommentMissing));
        assert_eq!(resolve(interrupted(false), silent(Decision::Retry), None), Ok(Task::Waiting));
        assert_eq!(resolve(interrupted(false), silent(Decision::GiveUp), None), Ok(Task::Failed));
    }

    #[test]
    fn what_was_cancelled_is_never_tried_again() {
        let sure = |decision| Asked { not_running: true, ..asked(decision) };
        assert_eq!(resolve(unknown(true), sure(Decision::Retry), None), Err(Refusal::Cancelled));
        assert_eq!(resolve(interrupted(true), sure(Decision::Retry), None), Err(Refusal::Cancelled));
        assert_eq!(resolve(unknown(true), sure(Decision::GiveUp), None), Ok(Task::Cancelled));
    }

    #[test]
    fn only_what_waits_for_a_decision_takes_one_and_only_for_its_newest_attempt() {
        let older = Asked { attempt: 1, ..asked(Decision::Retry) };
        assert_eq!(resolve(interrupted(false), older, None), Err(Refusal::OtherAttempt));
        for task in [Task::Waiting, Task::Completed, Task::Failed, Task::Cancelled, Task::Skipped] {
            assert_eq!(resolve(task, asked(Decision::Done), None), Err(Refusal::NotHere));
        }
    }
}

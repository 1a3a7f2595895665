//! What an attempt may do next on an agent, decided without any I/O: the worker carries it out, the simulation plays it
//! (RELIABILITY 6 to 8, 11, 16).

use std::time::Duration;

use chiffon_protocol::message::{Decision, WorkClaim, WorkGrant};
use serde::{Deserialize, Serialize};

/// How far an attempt came on this agent. The order counts: nothing goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The work is on the disk; its claim may not have been sent.
    Received,
    /// The claim was sent.
    Claimed,
    /// The attempt belongs to this agent.
    Granted,
    /// It may have been executed: nobody executes it again.
    Starting,
    /// There is a result.
    Finished,
}

impl State {
    /// The word that hello uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Claimed => "claimed",
            Self::Granted => "granted",
            Self::Starting => "starting",
            Self::Finished => "finished",
        }
    }
}

/// What a delivery of work comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// It is journalled, and claimed.
    New,
    /// An older offer of it is being claimed: the answer to that comes first.
    AfterClaim,
    /// It stands in the journal already: acknowledged, and nothing else.
    Known,
}

/// What to do with a delivered offer. `known` is how far the attempt came here, and by which offer.
pub fn arrival(known: Option<(State, u32)>, offer: u32) -> Arrival {
    match known {
        None => Arrival::New,
        Some((State::Received | State::Claimed, by)) if by < offer => Arrival::AfterClaim,
        Some((State::Received | State::Claimed | State::Granted | State::Starting | State::Finished, _)) => Arrival::Known,
    }
}

/// Whether an answer binds exactly this claim: its agent, its attempt, its work.
pub fn fits(claim: &WorkClaim, grant: &WorkGrant) -> bool {
    grant.claim_id == claim.claim_id
        && grant.agent_id == claim.agent_id
        && grant.task_id == claim.task_id
        && grant.attempt == claim.attempt
        && grant.work_sha256 == claim.work_sha256
}

/// What became of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// Yes: the delivery is acknowledged while the run starts.
    Run {
        /// On the clock that counts suspend: later, it must not start.
        start_before: Duration,
    },
    /// No: the attempt is forgotten, then the delivery acknowledged.
    Forget,
}

/// What an answer that fits means. The time to start counts from when the claim was first sent.
pub fn answered(decision: Decision, sent: Duration, start_within: Duration) -> Answered {
    match decision {
        Decision::Granted => Answered::Run { start_before: sent.saturating_add(start_within) },
        Decision::Refused => Answered::Forget,
    }
}

/// Whether a granted attempt may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// It may: `starting` is journalled, and this is asked once more after that.
    Yes,
    /// Its grant is over: nothing was executed, and nothing will be.
    TooLate,
    /// A person was quicker.
    Cancelled,
}

/// Looked at before `starting` is journalled, and again after it: the disk may have taken its time.
pub fn begin(now: Duration, start_before: Duration, cancelled: bool) -> Begin {
    match (now > start_before, cancelled) {
        (true, _) => Begin::TooLate,
        (false, true) => Begin::Cancelled,
        (false, false) => Begin::Yes,
    }
}

/// What a start of the agent makes of an attempt that its journal holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovered {
    /// There is a result: it is reported again, as it is.
    Report,
    /// It may have been executed: what still runs of it is stopped, and it is reported as interrupted.
    Interrupted,
    /// It provably was not: reported as not started.
    NotStarted,
}

/// Nothing is ever executed again by a later start.
pub fn recovered(state: State, has_result: bool) -> Recovered {
    match (has_result, state) {
        (true, _) => Recovered::Report,
        (false, State::Starting | State::Finished) => Recovered::Interrupted,
        (false, State::Received | State::Claimed | State::Granted) => Recovered::NotStarted,
    }
}

/// Whether an attempt may leave the journal: its result is stored, and its log up to the end.
pub fn may_forget(result_stored: bool, stored_seq: u64, last_seq: Option<u64>) -> bool {
    result_stored && last_seq.is_some_and(|last| stored_seq >= last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_not_known_is_taken() {
        assert_eq!(arrival(None, 1), Arrival::New);
        assert_eq!(arrival(Some((State::Claimed, 1)), 2), Arrival::AfterClaim);
        assert_eq!(arrival(Some((State::Claimed, 2)), 2), Arrival::Known);
        assert_eq!(arrival(Some((State::Starting, 1)), 2), Arrival::Known);
        assert_eq!(arrival(Some((State::Finished, 1)), 9), Arrival::Known);
    }

    #[test]
    fn a_grant_ends_and_a_cancel_before_the_start_is_heard() {
        let seconds = Duration::from_secs;
        assert_eq!(answered(Decision::Granted, seconds(5), seconds(30)), Answered::Run { start_before: seconds(35) });
        assert_eq!(answered(Decision::Refused, seconds(5), seconds(30)), Answered::Forget);
        assert_eq!(begin(seconds(35), seconds(35), false), Begin::Yes);
        assert_eq!(begin(seconds(36), seconds(35), true), Begin::TooLate);
        assert_eq!(begin(seconds(1), seconds(35), true), Begin::Cancelled);
    }

    #[test]
    fn what_may_have_begun_is_never_called_not_started() {
        assert_eq!([State::Received, State::Claimed, State::Granted].map(|state| recovered(state, false)), [Recovered::NotStarted; 3]);
        assert_eq!([State::Starting, State::Finished].map(|state| recovered(state, false)), [Recovered::Interrupted; 2]);
        assert_eq!(recovered(State::Finished, true), Recovered::Report);
        assert!(
            may_forget(true, 7, Some(7)) && !may_forget(true, 6, Some(7)) && !may_forget(false, 7, Some(7)) && !may_forget(true, 0, None)
        );
    }
}

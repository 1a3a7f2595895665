//! Where a task can stand, with the data that each state owns, and what can happen to it.

use chiffon_protocol::message::Outcome;
use serde::{Deserialize, Serialize};

/// Who has an attempt, and whether it should stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owned {
    /// The attempt.
    pub attempt: i32,
    /// The agent's id.
    pub agent_id: String,
    /// Whether the agent has said that it runs.
    pub started: bool,
    /// Desired state: it should be cancelled (RELIABILITY 15).
    pub cancel_requested: bool,
}

/// Where a task stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// Other steps come first.
    Pending,
    /// Ready, but something is missing.
    Waiting,
    /// On a queue, owned by nobody.
    Offered {
        /// The attempt.
        attempt: i32,
        /// Which offer of it counts.
        offer: i32,
    },
    /// Owned, not known to have started.
    Claimed(Owned),
    /// Owned and started.
    Running(Owned),
    /// Owned by an agent that fell silent.
    Unknown(Owned),
    /// Done.
    Completed,
    /// Not done.
    Failed,
    /// Stopped by a person.
    Cancelled,
    /// Cut off, and proved not to run any more.
    Interrupted {
        /// The attempt that was cut off.
        attempt: i32,
        /// A person wanted it stopped: then nobody has to decide any more.
        cancel_requested: bool,
    },
    /// Never tried.
    Skipped,
}

/// What a person decides about a task whose outcome nobody can know (RELIABILITY 13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = TaskDecision)]
pub enum Decision {
    /// Try it again, as a new attempt.
    Retry,
    /// It is done, by this person's word.
    Done,
    /// It is not done and will not be, by this person's word.
    GiveUp,
}

impl Decision {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Retry, Self::Done, Self::GiveUp];

    /// The word in the database and over HTTP.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Done => "done",
            Self::GiveUp => "give_up",
        }
    }
}

/// What can happen to a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Its steps before are completed.
    DependenciesMet,
    /// A step before it did not complete.
    DependencyFailed,
    /// It goes onto a queue.
    Offer {
        /// The attempt.
        attempt: i32,
        /// The offer's number.
        offer: i32,
    },
    /// An agent asks to own it.
    Claim {
        /// The attempt.
        attempt: i32,
        /// The offer that the agent has.
        offer: i32,
        /// The agent.
        agent_id: String,
    },
    /// An agent can't do it.
    Decline {
        /// The attempt.
        attempt: i32,
        /// The offer that the agent has.
        offer: i32,
    },
    /// Nobody claimed it in time.
    OfferExpired {
        /// The attempt.
        attempt: i32,
        /// The offer.
        offer: i32,
    },
    /// The broker had no queue for it.
    Returned {
        /// The attempt.
        attempt: i32,
        /// The offer.
        offer: i32,
    },
    /// Its owner has begun.
    Start {
        /// The attempt.
        attempt: i32,
    },
    /// Its owner reports that it runs.
    Progress {
        /// The attempt.
        attempt: i32,
    },
    /// Its owner reports the end.
    Finish {
        /// The attempt.
        attempt: i32,
        /// How it ended.
        outcome: Outcome,
    },
    /// A person wants it stopped.
    CancelRequested,
    /// Its owner is silent for longer than its lease, or came back without its journal.
    LeaseExpired {
        /// The attempt.
        attempt: i32,
    },
    /// Its request is paused: what nobody owns is taken back.
    Hold,
    /// It is proved that the attempt does not run any more, and the action may be repeated by itself.
    Retry {
        /// The attempt that was cut off.
        attempt: i32,
    },
    /// Its owner reports that it has failed, and whoever ordered it wants another attempt.
    TryAgain {
        /// The attempt that has failed.
        attempt: i32,
    },
    /// Whoever ordered it says, once its turn has come, that it is not to run.
    LeaveOut,
    /// A person decides.
    Resolve {
        /// The attempt about which it is decided.
        attempt: i32,
        /// What.
        decision: Decision,
    },
}

/// Something happened that has no meaning in this state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTransition {
    /// The event belongs to an attempt or offer that does not count any more.
    #[error("it belongs to attempt {attempt}, offer {offer}, which was superseded")]
    Superseded {
        /// The event's attempt.
        attempt: i32,
        /// The event's offer; 0 where it names none.
        offer: i32,
    },
    /// The state does not know the event.
    #[error("a {status} task takes no {event}")]
    NotHere {
        /// The state.
        status: &'static str,
        /// The event.
        event: &'static str,
    },
}

impl Event {
    /// What it is called in messages and in the drawn matrix.
    pub fn name(&self) -> &'static str {
        match self {
            Self::DependenciesMet => "dependencies met",
            Self::DependencyFailed => "dependency failed",
            Self::Offer { .. } => "offer",
            Self::Claim { .. } => "claim",
            Self::Decline { .. } => "decline",
            Self::OfferExpired { .. } => "offer expired",
            Self::Returned { .. } => "returned",
            Self::Start { .. } => "start",
            Self::Progress { .. } => "progress",
            Self::Finish { outcome, .. } => match outcome {
                Outcome::Succeeded => "finish: succeeded",
                Outcome::Failed => "finish: failed",
                Outcome::Cancelled => "finish: cancelled",
                Outcome::Interrupted => "finish: interrupted",
                Outcome::NotStarted => "finish: not started",
            },
            Self::CancelRequested => "cancel requested",
            Self::LeaseExpired { .. } => "lease expired",
            Self::Hold => "hold",
            Self::Retry { .. } => "retry",
            Self::TryAgain { .. } => "try again",
            Self::LeaveOut => "leave out",
            Self::Resolve { decision, .. } => match decision {
                Decision::Retry => "resolve: retry",
                Decision::Done => "resolve: done",
                Decision::GiveUp => "resolve: give up",
            },
        }
    }
}

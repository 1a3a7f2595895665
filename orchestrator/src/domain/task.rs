//! The life of a task: its states with the data they own, and the only ways from one to another.
//!
//! Pure: no clock, no SQL. Reports of a superseded attempt or offer are named cases ([`InvalidTransition`]), never guesses.

use chiffon_protocol::message::Outcome;
use serde::{Deserialize, Serialize};

/// Why a task runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Read-only, before approval: its outputs are frozen into the plan.
    Discover,
    /// A dry run, for the plan's diff.
    Preview,
    /// What was approved.
    Apply,
}

impl Purpose {
    /// The word in the database and over HTTP.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Discover => "discover",
            Self::Preview => "preview",
            Self::Apply => "apply",
        }
    }

    /// The purpose that this word names.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Discover, Self::Preview, Self::Apply].into_iter().find(|purpose| purpose.as_str() == word)
    }
}

/// The words for a task's state, as the contract has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Other steps come first.
    Pending,
    /// Ready, but something is missing; `waiting_for` says what.
    Waiting,
    /// Offered to agents, or claimed by one that has not started yet.
    Dispatched,
    /// An agent works on it.
    Running,
    /// Done.
    Completed,
    /// Not done; the error says why.
    Failed,
    /// Stopped by a person; partly done when it ran.
    Cancelled,
    /// The agent was killed under it; partly done.
    Interrupted,
    /// Its agent fell silent: nobody knows. Not an end.
    Unknown,
    /// An earlier step did not complete.
    Skipped,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Pending,
        Self::Waiting,
        Self::Dispatched,
        Self::Running,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
        Self::Interrupted,
        Self::Unknown,
        Self::Skipped,
    ];

    /// The word in the database and over HTTP.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Waiting => "waiting",
            Self::Dispatched => "dispatched",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
            Self::Unknown => "unknown",
            Self::Skipped => "skipped",
        }
    }

    /// The state that this word names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// Whether nothing follows by itself.
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Completed | Self::Failed | Self::Cancelled | Self::Interrupted | Self::Skipped => true,
            Self::Pending | Self::Waiting | Self::Dispatched | Self::Running | Self::Unknown => false,
        }
    }
}

/// Who has an attempt, and whether it should stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owned {
    /// The attempt.
    pub attempt: i32,
    /// The agent's id.
    pub agent_id: String,
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
    /// Cut off.
    Interrupted,
    /// Never tried.
    Skipped,
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

impl Task {
    /// The word for it.
    pub fn status(&self) -> Status {
        match self {
            Self::Pending => Status::Pending,
            Self::Waiting => Status::Waiting,
            Self::Offered { .. } | Self::Claimed(_) => Status::Dispatched,
            Self::Running(_) => Status::Running,
            Self::Unknown(_) => Status::Unknown,
            Self::Completed => Status::Completed,
            Self::Failed => Status::Failed,
            Self::Cancelled => Status::Cancelled,
            Self::Interrupted => Status::Interrupted,
            Self::Skipped => Status::Skipped,
        }
    }

    /// What follows when this happens.
    pub fn on(self, event: Event) -> Result<Self, InvalidTransition> {
        match self {
            Self::Pending => Self::pending_on(&event),
            Self::Waiting => Self::waiting_on(&event),
            Self::Offered { attempt, offer } => Self::offered_on(attempt, offer, event),
            Self::Claimed(owned) => Self::claimed_on(owned, &event),
            Self::Running(owned) => Self::running_on(owned, &event),
            Self::Unknown(owned) => Self::unknown_on(owned, &event),
            Self::Completed | Self::Failed | Self::Cancelled | Self::Interrupted | Self::Skipped => Err(not_here(self.status(), &event)),
        }
    }

    fn pending_on(event: &Event) -> Result<Self, InvalidTransition> {
        match event {
            Event::DependenciesMet => Ok(Self::Waiting),
            Event::DependencyFailed => Ok(Self::Skipped),
            Event::CancelRequested => Ok(Self::Cancelled),
            Event::Offer { .. }
            | Event::Claim { .. }
            | Event::Decline { .. }
            | Event::OfferExpired { .. }
            | Event::Returned { .. }
            | Event::Start { .. }
            | Event::Progress { .. }
            | Event::Finish { .. }
            | Event::LeaseExpired { .. } => Err(not_here(Status::Pending, event)),
        }
    }

    fn waiting_on(event: &Event) -> Result<Self, InvalidTransition> {
        match event {
            Event::Offer { attempt, offer } => Ok(Self::Offered { attempt: *attempt, offer: *offer }),
            // Its parameters can't be filled in from what earlier steps gave.
            Event::DependencyFailed => Ok(Self::Failed),
            Event::CancelRequested => Ok(Self::Cancelled),
            Event::DependenciesMet
            | Event::Claim { .. }
            | Event::Decline { .. }
            | Event::OfferExpired { .. }
            | Event::Returned { .. }
            | Event::Start { .. }
            | Event::Progress { .. }
            | Event::Finish { .. }
            | Event::LeaseExpired { .. } => Err(not_here(Status::Waiting, event)),
        }
    }

    fn offered_on(attempt: i32, offer: i32, event: Event) -> Result<Self, InvalidTransition> {
        match event {
            Event::Claim { attempt: of, offer: with, agent_id } => {
                current((attempt, offer), (of, with))?;
                Ok(Self::Claimed(Owned { attempt, agent_id, cancel_requested: false }))
            }
            Event::Decline { attempt: of, offer: with }
            | Event::OfferExpired { attempt: of, offer: with }
            | Event::Returned { attempt: of, offer: with } => current((attempt, offer), (of, with)).map(|()| Self::Waiting),
            // A claim and a cancel guard the same row: what nobody owns can be taken back.
            Event::CancelRequested => Ok(Self::Cancelled),
            Event::DependenciesMet
            | Event::DependencyFailed
            | Event::Offer { .. }
            | Event::Start { .. }
            | Event::Progress { .. }
            | Event::Finish { .. }
            | Event::LeaseExpired { .. } => Err(not_here(Status::Dispatched, &event)),
        }
    }

    fn claimed_on(owned: Owned, event: &Event) -> Result<Self, InvalidTransition> {
        match event {
            Event::Start { attempt } | Event::Progress { attempt } => same_attempt(&owned, *attempt).map(|()| Self::Running(owned)),
            Event::Finish { attempt, outcome } => same_attempt(&owned, *attempt).map(|()| Self::ended(&owned, *outcome)),
            Event::LeaseExpired { attempt } => same_attempt(&owned, *attempt).map(|()| Self::Unknown(owned)),
            Event::CancelRequested => Ok(Self::Claimed(Owned { cancel_requested: true, ..owned })),
            Event::DependenciesMet
            | Event::DependencyFailed
            | Event::Offer { .. }
            | Event::Claim { .. }
            | Event::Decline { .. }
            | Event::OfferExpired { .. }
            | Event::Returned { .. } => Err(not_here(Status::Dispatched, event)),
        }
    }

    fn running_on(owned: Owned, event: &Event) -> Result<Self, InvalidTransition> {
        match event {
            Event::Start { attempt } | Event::Progress { attempt } => same_attempt(&owned, *attempt).map(|()| Self::Running(owned)),
            Event::Finish { attempt, outcome } => same_attempt(&owned, *attempt).map(|()| Self::ended(&owned, *outcome)),
            Event::LeaseExpired { attempt } => same_attempt(&owned, *attempt).map(|()| Self::Unknown(owned)),
            Event::CancelRequested => Ok(Self::Running(Owned { cancel_requested: true, ..owned })),
            Event::DependenciesMet
            | Event::DependencyFailed
            | Event::Offer { .. }
            | Event::Claim { .. }
            | Event::Decline { .. }
            | Event::OfferExpired { .. }
            | Event::Returned { .. } => Err(not_here(Status::Running, event)),
        }
    }

    /// The owner's own report resolves what is unknown (RELIABILITY 13); nothing else does by itself.
    fn unknown_on(owned: Owned, event: &Event) -> Result<Self, InvalidTransition> {
        match event {
            Event::Start { attempt } | Event::Progress { attempt } => same_attempt(&owned, *attempt).map(|()| Self::Running(owned)),
            Event::Finish { attempt, outcome } => same_attempt(&owned, *attempt).map(|()| Self::ended(&owned, *outcome)),
            Event::CancelRequested => Ok(Self::Unknown(Owned { cancel_requested: true, ..owned })),
            Event::DependenciesMet
            | Event::DependencyFailed
            | Event::Offer { .. }
            | Event::Claim { .. }
            | Event::Decline { .. }
            | Event::OfferExpired { .. }
            | Event::Returned { .. }
            | Event::LeaseExpired { .. } => Err(not_here(Status::Unknown, event)),
        }
    }

    /// A result decides, also over a cancel that came too late for it.
    fn ended(owned: &Owned, outcome: Outcome) -> Self {
        match outcome {
            Outcome::Succeeded => Self::Completed,
            Outcome::Failed => Self::Failed,
            Outcome::Cancelled => Self::Cancelled,
            Outcome::Interrupted => Self::Interrupted,
            Outcome::NotStarted if owned.cancel_requested => Self::Cancelled,
            Outcome::NotStarted => Self::Waiting,
        }
    }
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
        }
    }
}

fn current((attempt, offer): (i32, i32), (of, with): (i32, i32)) -> Result<(), InvalidTransition> {
    if (attempt, offer) == (of, with) { Ok(()) } else { Err(InvalidTransition::Superseded { attempt: of, offer: with }) }
}

fn same_attempt(owned: &Owned, attempt: i32) -> Result<(), InvalidTransition> {
    if owned.attempt == attempt { Ok(()) } else { Err(InvalidTransition::Superseded { attempt, offer: 0 }) }
}

fn not_here(status: Status, event: &Event) -> InvalidTransition {
    InvalidTransition::NotHere { status: status.as_str(), event: event.name() }
}

#[cfg(test)]
#[path = "task_matrix.rs"]
mod matrix;

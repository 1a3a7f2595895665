//! The only ways from one state of a task to another. Every pair of state and event is named; none is caught by a `_`.

use chiffon_protocol::message::Outcome;

use super::state::{Event, InvalidTransition, Owned, Task};
use super::words::Status;

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
                Ok(Self::Claimed(Owned { attempt, agent_id, started: false, cancel_requested: false }))
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
            Event::Start { attempt } | Event::Progress { attempt } => {
                same_attempt(&owned, *attempt).map(|()| Self::Running(Owned { started: true, ..owned }))
            }
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
            Event::Start { attempt } | Event::Progress { attempt } => {
                same_attempt(&owned, *attempt).map(|()| Self::Running(Owned { started: true, ..owned }))
            }
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
            Event::Start { attempt } | Event::Progress { attempt } => {
                same_attempt(&owned, *attempt).map(|()| Self::Running(Owned { started: true, ..owned }))
            }
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
            // It has said before that it runs: what contradicts itself is never repeated without a person.
            Outcome::NotStarted if owned.started => Self::Interrupted,
            Outcome::NotStarted if owned.cancel_requested => Self::Cancelled,
            Outcome::NotStarted => Self::Waiting,
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

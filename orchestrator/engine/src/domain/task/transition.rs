//! The only ways from one state of a task to another. Every pair of state and event is named; none is caught by a `_`.

use chiffon_protocol::message::Outcome;

use super::state::{Decision, Event, InvalidTransition, Owned, Task};
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
            Self::Interrupted { .. } => Status::Interrupted,
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
            Self::Interrupted { attempt, cancel_requested } => Self::interrupted_on(attempt, cancel_requested, &event),
            Self::Completed | Self::Failed | Self::Cancelled | Self::Skipped => Err(not_here(self.status(), &event)),
        }
    }

    fn pending_on(event: &Event) -> Result<Self, InvalidTransition> {
        match event {
            Event::DependenciesMet => Ok(Self::Waiting),
            // Left out by a person when they approved the plan: before its turn, too.
            Event::DependencyFailed | Event::LeaveOut => Ok(Self::Skipped),
            Event::CancelRequested => Ok(Self::Cancelled),
            Event::Offer { .. }
            | Event::Claim { .. }
            | Event::Decline { .. }
            | Event::OfferExpired { .. }
            | Event::Returned { .. }
            | Event::Start { .. }
            | Event::Progress { .. }
            | Event::Finish { .. }
            | Event::LeaseExpired { .. }
            | Event::Hold
            | Event::Retry { .. }
            | Event::TryAgain { .. }
            | Event::Resolve { .. } => Err(not_here(Status::Pending, event)),
        }
    }

    fn waiting_on(event: &Event) -> Result<Self, InvalidTransition> {
        match event {
            Event::Offer { attempt, offer } => Ok(Self::Offered { attempt: *attempt, offer: *offer }),
            // Its parameters can't be filled in from what earlier steps gave.
            Event::DependencyFailed => Ok(Self::Failed),
            Event::CancelRequested => Ok(Self::Cancelled),
            Event::LeaveOut => Ok(Self::Skipped),
            Event::DependenciesMet
            | Event::Claim { .. }
            | Event::Decline { .. }
            | Event::OfferExpired { .. }
            | Event::Returned { .. }
            | Event::Start { .. }
            | Event::Progress { .. }
            | Event::Finish { .. }
            | Event::LeaseExpired { .. }
            | Event::Hold
            | Event::Retry { .. }
            | Event::TryAgain { .. }
            | Event::Resolve { .. } => Err(not_here(Status::Waiting, event)),
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
            Event::Hold => Ok(Self::Waiting),
            // A claim and a cancel guard the same row: what nobody owns can be taken back.
            Event::CancelRequested => Ok(Self::Cancelled),
            Event::DependenciesMet
            | Event::DependencyFailed
            | Event::Offer { .. }
            | Event::Start { .. }
            | Event::Progress { .. }
            | Event::Finish { .. }
            | Event::LeaseExpired { .. }
            | Event::Retry { .. }
            | Event::TryAgain { .. }
            | Event::LeaveOut
            | Event::Resolve { .. } => Err(not_here(Status::Dispatched, &event)),
        }
    }

    fn claimed_on(owned: Owned, event: &Event) -> Result<Self, InvalidTransition> {
        match event {
            Event::Start { attempt } | Event::Progress { attempt } => {
                same_attempt(&owned, *attempt).map(|()| Self::Running(Owned { started: true, ..owned }))
            }
            Event::Finish { attempt, outcome } => same_attempt(&owned, *attempt).map(|()| Self::ended(&owned, *outcome)),
            // Cancelled work is never tried again, whoever asks.
            Event::TryAgain { attempt } if !owned.cancel_requested => same_attempt(&owned, *attempt).map(|()| Self::Waiting),
            Event::LeaseExpired { attempt } => same_attempt(&owned, *attempt).map(|()| Self::Unknown(owned)),
            Event::CancelRequested => Ok(Self::Claimed(Owned { cancel_requested: true, ..owned })),
            Event::DependenciesMet
            | Event::DependencyFailed
            | Event::Offer { .. }
            | Event::Claim { .. }
            | Event::Decline { .. }
            | Event::OfferExpired { .. }
            | Event::Returned { .. }
            | Event::Hold
            | Event::Retry { .. }
            | Event::TryAgain { .. }
            | Event::LeaveOut
            | Event::Resolve { .. } => Err(not_here(Status::Dispatched, event)),
        }
    }

    fn running_on(owned: Owned, event: &Event) -> Result<Self, InvalidTransition> {
        match event {
            Event::Start { attempt } | Event::Progress { attempt } => {
                same_attempt(&owned, *attempt).map(|()| Self::Running(Owned { started: true, ..owned }))
            }
            Event::Finish { attempt, outcome } => same_attempt(&owned, *attempt).map(|()| Self::ended(&owned, *outcome)),
            // Cancelled work is never tried again, whoever asks.
            Event::TryAgain { attempt } if !owned.cancel_requested => same_attempt(&owned, *attempt).map(|()| Self::Waiting),
            Event::LeaseExpired { attempt } => same_attempt(&owned, *attempt).map(|()| Self::Unknown(owned)),
            Event::CancelRequested => Ok(Self::Running(Owned { cancel_requested: true, ..owned })),
            Event::DependenciesMet
            | Event::DependencyFailed
            | Event::Offer { .. }
            | Event::Claim { .. }
            | Event::Decline { .. }
            | Event::OfferExpired { .. }
            | Event::Returned { .. }
            | Event::Hold
            | Event::Retry { .. }
            | Event::TryAgain { .. }
            | Event::LeaveOut
            | Event::Resolve { .. } => Err(not_here(Status::Running, event)),
        }
    }

    /// The owner's own report resolves what is unknown, or a person (RELIABILITY 13). By itself only what may be repeated is
    /// tried again, once the attempt is proved not to run any more.
    fn unknown_on(owned: Owned, event: &Event) -> Result<Self, InvalidTransition> {
        match event {
            Event::Start { attempt } | Event::Progress { attempt } => {
                same_attempt(&owned, *attempt).map(|()| Self::Running(Owned { started: true, ..owned }))
            }
            Event::Finish { attempt, outcome } => same_attempt(&owned, *attempt).map(|()| Self::ended(&owned, *outcome)),
            // Cancelled work is never tried again, whoever asks.
            Event::Retry { attempt } | Event::TryAgain { attempt } | Event::Resolve { attempt, decision: Decision::Retry }
                if !owned.cancel_requested =>
            {
                same_attempt(&owned, *attempt).map(|()| Self::Waiting)
            }
            Event::Resolve { attempt, decision: Decision::Done } => same_attempt(&owned, *attempt).map(|()| Self::Completed),
            Event::Resolve { attempt, decision: Decision::GiveUp } => same_attempt(&owned, *attempt).map(|()| Self::given_up(&owned)),
            Event::CancelRequested => Ok(Self::Unknown(Owned { cancel_requested: true, ..owned })),
            Event::DependenciesMet
            | Event::DependencyFailed
            | Event::Offer { .. }
            | Event::Claim { .. }
            | Event::Decline { .. }
            | Event::OfferExpired { .. }
            | Event::Returned { .. }
            | Event::LeaseExpired { .. }
            | Event::Hold
            | Event::Retry { .. }
            | Event::TryAgain { .. }
            | Event::LeaveOut
            | Event::Resolve { decision: Decision::Retry, .. } => Err(not_here(Status::Unknown, event)),
        }
    }

    /// What was cut off waits for a decision, unless a cancel was the decision. It is proved not to run any more.
    fn interrupted_on(attempt: i32, cancel_requested: bool, event: &Event) -> Result<Self, InvalidTransition> {
        let of_this = |of: i32, next: Self| {
            if of == attempt { Ok(next) } else { Err(InvalidTransition::Superseded { attempt: of, offer: 0 }) }
        };
        match event {
            Event::Retry { .. } | Event::Resolve { .. } if cancel_requested => Err(not_here(Status::Interrupted, event)),
            Event::Retry { attempt: of } | Event::Resolve { attempt: of, decision: Decision::Retry } => of_this(*of, Self::Waiting),
            Event::Resolve { attempt: of, decision: Decision::Done } => of_this(*of, Self::Completed),
            Event::Resolve { attempt: of, decision: Decision::GiveUp } => of_this(*of, Self::Failed),
            // That the request is taken back is a decision too: it stays as it is.
            Event::CancelRequested => Ok(Self::Interrupted { attempt, cancel_requested: true }),
            Event::DependenciesMet
            | Event::DependencyFailed
            | Event::Offer { .. }
            | Event::Claim { .. }
            | Event::Decline { .. }
            | Event::OfferExpired { .. }
            | Event::Returned { .. }
            | Event::Start { .. }
            | Event::Progress { .. }
            | Event::Finish { .. }
            | Event::LeaseExpired { .. }
            | Event::Hold
            | Event::TryAgain { .. }
            | Event::LeaveOut => Err(not_here(Status::Interrupted, event)),
        }
    }

    /// Given up by a person, who may have wanted it stopped before.
    fn given_up(owned: &Owned) -> Self {
        if owned.cancel_requested { Self::Cancelled } else { Self::Failed }
    }

    /// A result decides, also over a cancel that came too late for it.
    fn ended(owned: &Owned, outcome: Outcome) -> Self {
        let interrupted = Self::Interrupted { attempt: owned.attempt, cancel_requested: owned.cancel_requested };
        match outcome {
            Outcome::Succeeded => Self::Completed,
            Outcome::Failed => Self::Failed,
            Outcome::Cancelled => Self::Cancelled,
            Outcome::Interrupted => interrupted,
            // It has said before that it runs: what contradicts itself is never repeated without a person.
            Outcome::NotStarted if owned.started => interrupted,
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

//! The states of a revision of a plan, and what moves it from one to the next.
//!
//! [`State::on`] is the only place that knows the moves; every state names what it does with every event. A move that is not possible is
//! a value that says so.

use std::fmt;

use serde::Serialize;

/// Where a revision stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Its read-only first steps run; it has no hash yet.
    Discovering,
    /// It is fixed; dry runs show what it would change.
    Previewing,
    /// It is fixed, and can be decided about.
    Proposed,
    /// It may run, once.
    Approved,
    /// An approver refused it.
    Rejected,
    /// A newer revision takes its place.
    Superseded,
    /// Its time was over before it was approved.
    Expired,
    /// Its request was taken back before it was approved.
    Withdrawn,
    /// What its first steps found does not make a plan, or they found nothing.
    Failed,
}

/// What happens to a revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// All that it depends on is found out: it gets its hash, and never changes any more.
    Freeze,
    /// Dry runs were ordered.
    Preview,
    /// The dry runs are over.
    Propose,
    /// The last needed approval was given, or the policy needs none.
    Approve,
    /// An approver refused it.
    Reject,
    /// Somebody wants another one, or what it is made of has changed before anything of it was begun.
    Supersede,
    /// A time is over: its own, of its request's state, or the one that the asker has set.
    Expire,
    /// Its request is taken back.
    Withdraw,
    /// It can't be fixed.
    Fail,
}

/// A move that this state does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`{event}` is not possible for a plan that is `{state}`")]
pub struct InvalidTransition {
    /// Where it stands.
    pub state: State,
    /// What was to happen.
    pub event: Event,
}

impl State {
    /// All of them, in the order in which they are usually met.
    pub const ALL: [Self; 9] = [
        Self::Discovering,
        Self::Previewing,
        Self::Proposed,
        Self::Approved,
        Self::Rejected,
        Self::Superseded,
        Self::Expired,
        Self::Withdrawn,
        Self::Failed,
    ];

    /// The word in the database and over HTTP.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Discovering => "discovering",
            Self::Previewing => "previewing",
            Self::Proposed => "proposed",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Superseded => "superseded",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
            Self::Failed => "failed",
        }
    }

    /// The state that this word names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether it is still being made or decided about. What is not open was decided, or has come to its end.
    pub fn is_open(self) -> bool {
        match self {
            Self::Discovering | Self::Previewing | Self::Proposed => true,
            Self::Approved | Self::Rejected | Self::Superseded | Self::Expired | Self::Withdrawn | Self::Failed => false,
        }
    }

    /// The state after this event.
    pub fn on(self, event: Event) -> Result<Self, InvalidTransition> {
        let next = match self {
            Self::Discovering => Self::from_discovering(event),
            Self::Previewing => Self::from_previewing(event),
            Self::Proposed => Self::from_proposed(event),
            Self::Approved => Self::from_approved(event),
            Self::Rejected | Self::Superseded | Self::Expired | Self::Withdrawn | Self::Failed => None,
        };
        next.ok_or(InvalidTransition { state: self, event })
    }

    fn from_discovering(event: Event) -> Option<Self> {
        match event {
            Event::Freeze => Some(Self::Proposed),
            Event::Supersede => Some(Self::Superseded),
            Event::Expire => Some(Self::Expired),
            Event::Withdraw => Some(Self::Withdrawn),
            Event::Fail => Some(Self::Failed),
            Event::Preview | Event::Propose | Event::Approve | Event::Reject => None,
        }
    }

    fn from_previewing(event: Event) -> Option<Self> {
        match event {
            Event::Propose => Some(Self::Proposed),
            Event::Reject => Some(Self::Rejected),
            Event::Supersede => Some(Self::Superseded),
            Event::Expire => Some(Self::Expired),
            Event::Withdraw => Some(Self::Withdrawn),
            Event::Freeze | Event::Preview | Event::Approve | Event::Fail => None,
        }
    }

    fn from_proposed(event: Event) -> Option<Self> {
        match event {
            Event::Preview => Some(Self::Previewing),
            Event::Approve => Some(Self::Approved),
            Event::Reject => Some(Self::Rejected),
            Event::Supersede => Some(Self::Superseded),
            Event::Expire => Some(Self::Expired),
            Event::Withdraw => Some(Self::Withdrawn),
            Event::Freeze | Event::Propose | Event::Fail => None,
        }
    }

    fn from_approved(event: Event) -> Option<Self> {
        match event {
            // Only while nothing of it was begun, which the caller has looked at.
            Event::Supersede => Some(Self::Superseded),
            Event::Freeze
            | Event::Preview
            | Event::Propose
            | Event::Approve
            | Event::Reject
            | Event::Expire
            | Event::Withdraw
            | Event::Fail => None,
        }
    }
}

impl Event {
    /// All of them, in the order in which they are usually met.
    pub const ALL: [Self; 9] = [
        Self::Freeze,
        Self::Preview,
        Self::Propose,
        Self::Approve,
        Self::Reject,
        Self::Supersede,
        Self::Expire,
        Self::Withdraw,
        Self::Fail,
    ];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Freeze => "freeze",
            Self::Preview => "preview",
            Self::Propose => "propose",
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Supersede => "supersede",
            Self::Expire => "expire",
            Self::Withdraw => "withdraw",
            Self::Fail => "fail",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl fmt::Display for Event {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

#[cfg(test)]
#[path = "plan_state_matrix.rs"]
mod matrix;

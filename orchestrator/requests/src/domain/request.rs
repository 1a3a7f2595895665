//! The states of a request, and what moves it from one to the next.
//!
//! [`Status::on`] is the only place that knows the moves; every state names what it does with every event. A move that is
//! not possible is a value that says so, never a panic and never a silent nothing.

use serde::{Deserialize, Serialize};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// All of them, in the order in which they are usually met.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word in the database, over HTTP and in documents.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// What this word stands for.
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.as_str() == word)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.pad(self.as_str())
            }
        }
    };
}

/// What the stream of a request is of.
pub const STREAM: &str = "request";

words! {
    /// Where a request stands.
    Status {
        /// A planner works on it, or it waits for one.
        Planning "planning",
        /// A person has to answer.
        NeedsInput "needs_input",
        /// The plan's read-only first steps run.
        Discovering "discovering",
        /// The plan is fixed; dry runs show what it would change.
        Previewing "previewing",
        /// The plan waits for its approvers.
        AwaitingApproval "awaiting_approval",
        /// Its tasks run.
        Running "running",
        /// A task's outcome needs a person.
        NeedsAttention "needs_attention",
        /// No further task begins until it is resumed.
        Paused "paused",
        /// All was done.
        Completed "completed",
        /// Something went wrong, and nothing more happens.
        Failed "failed",
        /// Taken back by a person; what had happened is told.
        Cancelled "cancelled",
        /// The plan was refused.
        Rejected "rejected",
        /// Its time was over before it was done: nobody approved or answered, no agent came, or the asker's deadline passed.
        Expired "expired",
    }
}

words! {
    /// What happens to a request.
    Event {
        /// The planner needs an answer, or says why it can't plan this.
        Ask "ask",
        /// There is a plan whose read-only first steps have to run.
        Discover "discover",
        /// The plan is fixed, and dry runs were ordered.
        Preview "preview",
        /// The plan is fixed and can be decided about.
        Propose "propose",
        /// The plan is fixed, changes nothing, and the policy asks for no approval.
        RunUnasked "run_unasked",
        /// No plan could be made, for a reason that no answer changes.
        GiveUp "give_up",
        /// A person answered, or asked for a change in words.
        Say "say",
        /// An action of the plan has other content by now, and nothing of the plan has run: the same steps become a new plan.
        PlanAgain "plan_again",
        /// The last needed approval was given.
        Approve "approve",
        /// An approver refused the plan.
        Reject "reject",
        /// A time is over: of the plan, of a state, or the one that the asker has set.
        Expire "expire",
        /// A person takes it back; tasks under way are told to stop.
        Cancel "cancel",
        /// A task is interrupted or of unknown outcome.
        Alarm "alarm",
        /// No task needs a person any more, and some still have to end.
        GoOn "go_on",
        /// No task needs a person any more, and a person holds it.
        Hold "hold",
        /// A person holds it: no further task begins.
        Pause "pause",
        /// A person lets it go on.
        Resume "resume",
        /// All tasks have ended well.
        Complete "complete",
        /// All tasks have ended, and some not well.
        Fail "fail",
        /// All tasks have ended, and some were stopped by a person.
        Stop "stop",
    }
}

/// A move that this state does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`{event}` is not possible for a request that is `{status}`")]
pub struct InvalidTransition {
    /// Where it stands.
    pub status: Status,
    /// What was to happen.
    pub event: Event,
}

#[expect(clippy::match_same_arms, reason = "the events that a state refuses, in groups that can be read")]
impl Status {
    /// The state after this event.
    pub fn on(self, event: Event) -> Result<Self, InvalidTransition> {
        let next = match self {
            Self::Planning => Self::from_planning(event),
            Self::NeedsInput => Self::from_needs_input(event),
            Self::Discovering => Self::from_discovering(event),
            Self::Previewing => Self::from_previewing(event),
            Self::AwaitingApproval => Self::from_awaiting_approval(event),
            Self::Running => Self::from_running(event),
            Self::NeedsAttention => Self::from_needs_attention(event),
            Self::Paused => Self::from_paused(event),
            Self::Completed | Self::Failed | Self::Cancelled | Self::Rejected | Self::Expired => None,
        };
        next.ok_or(InvalidTransition { status: self, event })
    }

    fn from_planning(event: Event) -> Option<Self> {
        use Event as E;
        match event {
            E::Ask => Some(Self::NeedsInput),
            E::Discover => Some(Self::Discovering),
            E::Preview => Some(Self::Previewing),
            E::Propose => Some(Self::AwaitingApproval),
            E::RunUnasked => Some(Self::Running),
            E::GiveUp => Some(Self::Failed),
            E::Expire => Some(Self::Expired),
            E::Cancel => Some(Self::Cancelled),
            E::Say | E::PlanAgain | E::Approve | E::Reject | E::Alarm | E::GoOn | E::Hold => None,
            E::Pause | E::Resume | E::Complete | E::Fail | E::Stop => None,
        }
    }

    fn from_needs_input(event: Event) -> Option<Self> {
        use Event as E;
        match event {
            E::Say => Some(Self::Planning),
            E::Expire => Some(Self::Expired),
            E::Cancel => Some(Self::Cancelled),
            E::Ask | E::Discover | E::Preview | E::Propose | E::RunUnasked | E::GiveUp | E::PlanAgain => None,
            E::Approve | E::Reject | E::Alarm | E::GoOn | E::Hold | E::Pause | E::Resume => None,
            E::Complete | E::Fail | E::Stop => None,
        }
    }

    fn from_discovering(event: Event) -> Option<Self> {
        use Event as E;
        match event {
            E::Ask => Some(Self::NeedsInput),
            E::Preview => Some(Self::Previewing),
            E::Propose => Some(Self::AwaitingApproval),
            E::RunUnasked => Some(Self::Running),
            E::Say | E::PlanAgain => Some(Self::Planning),
            E::Expire => Some(Self::Expired),
            E::Cancel => Some(Self::Cancelled),
            E::Discover | E::GiveUp | E::Approve | E::Reject | E::Alarm | E::GoOn | E::Hold => None,
            E::Pause | E::Resume | E::Complete | E::Fail | E::Stop => None,
        }
    }

    fn from_previewing(event: Event) -> Option<Self> {
        use Event as E;
        match event {
            E::Propose => Some(Self::AwaitingApproval),
            E::Say | E::PlanAgain => Some(Self::Planning),
            E::Reject => Some(Self::Rejected),
            E::Expire => Some(Self::Expired),
            E::Cancel => Some(Self::Cancelled),
            E::Ask | E::Discover | E::Preview | E::RunUnasked | E::GiveUp | E::Approve => None,
            E::Alarm | E::GoOn | E::Hold | E::Pause | E::Resume => None,
            E::Complete | E::Fail | E::Stop => None,
        }
    }

    fn from_awaiting_approval(event: Event) -> Option<Self> {
        use Event as E;
        match event {
            E::Approve => Some(Self::Running),
            E::Reject => Some(Self::Rejected),
            E::Say | E::PlanAgain => Some(Self::Planning),
            E::Expire => Some(Self::Expired),
            E::Cancel => Some(Self::Cancelled),
            E::Ask | E::Discover | E::Preview | E::Propose | E::RunUnasked | E::GiveUp => None,
            E::Alarm | E::GoOn | E::Hold | E::Pause | E::Resume | E::Complete | E::Fail | E::Stop => None,
        }
    }

    fn from_running(event: Event) -> Option<Self> {
        use Event as E;
        match event {
            // Desired state of its tasks: it is over when they have proved that they stopped.
            E::Cancel | E::GoOn => Some(Self::Running),
            // Approved, and not begun.
            E::PlanAgain => Some(Self::Planning),
            E::Alarm => Some(Self::NeedsAttention),
            E::Pause => Some(Self::Paused),
            E::Complete => Some(Self::Completed),
            E::Fail => Some(Self::Failed),
            E::Stop => Some(Self::Cancelled),
            // The asker's deadline has passed, and what ran has stopped.
            E::Expire => Some(Self::Expired),
            E::Ask | E::Discover | E::Preview | E::Propose | E::RunUnasked | E::GiveUp => None,
            E::Say | E::Approve | E::Reject | E::Hold | E::Resume => None,
        }
    }

    fn from_needs_attention(event: Event) -> Option<Self> {
        use Event as E;
        match event {
            // Held or not, it shows what needs a person first.
            E::Cancel | E::Alarm | E::Pause | E::Resume => Some(Self::NeedsAttention),
            E::GoOn => Some(Self::Running),
            E::Hold => Some(Self::Paused),
            E::Complete => Some(Self::Completed),
            E::Fail => Some(Self::Failed),
            E::Stop => Some(Self::Cancelled),
            E::Expire => Some(Self::Expired),
            E::Ask | E::Discover | E::Preview | E::Propose | E::RunUnasked | E::GiveUp | E::PlanAgain => None,
            E::Say | E::Approve | E::Reject => None,
        }
    }

    fn from_paused(event: Event) -> Option<Self> {
        use Event as E;
        match event {
            E::Cancel | E::GoOn | E::Hold => Some(Self::Paused),
            E::Resume => Some(Self::Running),
            E::Alarm => Some(Self::NeedsAttention),
            E::Complete => Some(Self::Completed),
            E::Fail => Some(Self::Failed),
            E::Stop => Some(Self::Cancelled),
            E::Expire => Some(Self::Expired),
            E::Ask | E::Discover | E::Preview | E::Propose | E::RunUnasked | E::GiveUp | E::PlanAgain => None,
            E::Say | E::Approve | E::Reject | E::Pause => None,
        }
    }

    /// Whether nothing happens any more.
    pub fn is_finished(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled | Self::Rejected | Self::Expired)
    }

    /// The calls that make sense now, as `GET /request/{id}` names them.
    pub fn next_calls(self) -> &'static [&'static str] {
        match self {
            Self::NeedsInput => &["answer", "cancel"],
            Self::Discovering => &["revise", "cancel"],
            Self::Previewing => &["reject", "revise", "cancel"],
            Self::AwaitingApproval => &["approve", "reject", "revise", "cancel"],
            Self::Planning => &["cancel"],
            Self::Running => &["pause", "cancel"],
            Self::NeedsAttention => &["resolve", "pause", "resume", "cancel"],
            Self::Paused => &["resolve", "resume", "cancel"],
            Self::Completed | Self::Failed | Self::Cancelled | Self::Rejected | Self::Expired => &[],
        }
    }
}

#[cfg(test)]
#[path = "request_matrix.rs"]
mod matrix;

//! How a task stands, as far as whoever ordered it is concerned.

use super::task;

/// A task, as far as its request is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Where it stands.
    pub status: task::Status,
    /// Whether a person wants it stopped.
    pub cancel_requested: bool,
    /// Whether whoever ordered it has said that the run does not fail for how it ended.
    pub forgiven: bool,
}

impl Standing {
    /// Whether a person has to decide about it. What a person wanted stopped, and what is proved to have stopped half-way, needs none.
    pub fn needs_a_person(self) -> bool {
        match self.status {
            task::Status::Unknown => true,
            task::Status::Interrupted => !self.cancel_requested,
            _ => false,
        }
    }

    /// Whether it will still move by itself.
    pub fn is_moving(self) -> bool {
        use task::Status as S;
        matches!(self.status, S::Pending | S::Waiting | S::Dispatched | S::Running)
    }

    /// Whether the run may count as done with it as it is: it completed, or the run does not fail for it.
    pub fn went_well(self) -> bool {
        self.status == task::Status::Completed || self.forgiven
    }

    /// Whether it ended because a person wanted it stopped.
    pub fn was_stopped(self) -> bool {
        self.status == task::Status::Cancelled || (self.status == task::Status::Interrupted && self.cancel_requested)
    }
}

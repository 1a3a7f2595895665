//! The contract's words for why a task runs and where it stands.

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

//! What a notification is about.

use serde::{Deserialize, Serialize};

/// What a notification is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = NotificationKind)]
pub enum Kind {
    /// A plan waits for its approvers.
    ApprovalNeeded,
    /// A request has failed.
    Failed,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::ApprovalNeeded, Self::Failed];

    /// The word in the database, in the configuration and over HTTP.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ApprovalNeeded => "approval_needed",
            Self::Failed => "failed",
        }
    }

    /// What this word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

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
    /// A request waits for long.
    Waiting,
    /// Most of what a provider of models may cost in a month is spent, or all of it.
    Budget,
    /// An agent that should work has not been heard for a while.
    AgentLost,
    /// A token, or the certificate of this Chiffon's address, soon counts no more.
    Expiring,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::ApprovalNeeded, Self::Failed, Self::Waiting, Self::Budget, Self::AgentLost, Self::Expiring];

    /// The word in the database, in the configuration and over HTTP.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ApprovalNeeded => "approval_needed",
            Self::Failed => "failed",
            Self::Waiting => "waiting",
            Self::Budget => "budget",
            Self::AgentLost => "agent_lost",
            Self::Expiring => "expiring",
        }
    }

    /// So many of it, in words.
    pub fn counted(self, count: usize) -> String {
        let (one, several) = match self {
            Self::ApprovalNeeded => ("approval needed", "approvals needed"),
            Self::Failed => ("request failed", "requests failed"),
            Self::Waiting => ("request waits", "requests wait"),
            Self::Budget => ("budget", "budgets"),
            Self::AgentLost => ("agent not heard", "agents not heard"),
            Self::Expiring => ("expires soon", "expire soon"),
        };
        format!("{count} {}", if count == 1 { one } else { several })
    }

    /// What this word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

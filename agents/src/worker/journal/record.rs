//! What `state.json` says about an attempt.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How far an attempt came on this agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// The work is on the disk; its claim may not have been sent.
    Received,
    /// The claim was sent.
    Claimed,
    /// The attempt belongs to this agent.
    Granted,
    /// It may have been executed: nobody executes it again.
    Starting,
    /// There is a result.
    Finished,
}

impl State {
    /// The word that hello uses.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Claimed => "claimed",
            Self::Granted => "granted",
            Self::Starting => "starting",
            Self::Finished => "finished",
        }
    }
}

/// What the journal knows of an attempt beside the work itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The task.
    pub(crate) task_id: Uuid,
    /// The attempt.
    pub(crate) attempt: u32,
    /// The offer by which it came.
    pub(crate) offer: u32,
    /// How far it came.
    pub(crate) state: State,
    /// The claim that is asked, and asked again.
    pub(crate) claim_id: Uuid,
    /// SHA-256 of the work's body.
    pub(crate) work_sha256: String,
    /// Carried into every report.
    pub(crate) trace_id: String,
    /// Carried into every report.
    pub(crate) request_id: Uuid,
    /// When the run was about to start.
    pub(crate) started_at: Option<DateTime<Utc>>,
}

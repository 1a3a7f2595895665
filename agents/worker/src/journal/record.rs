//! What the journal says about an attempt.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::machine::State;

/// Names one attempt: its task and its number.
pub(crate) type Key = (Uuid, u32);

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

impl Record {
    pub(crate) fn key(&self) -> Key {
        (self.task_id, self.attempt)
    }
}

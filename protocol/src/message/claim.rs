//! The claim: how exactly one agent comes to own an attempt, and how it may decline.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// `work_claim`: an agent asks to own an attempt. Sent after the work is in its journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WorkClaim {
    /// Names this claim; the same claim asked again gets the same answer.
    pub claim_id: Uuid,
    /// The task.
    pub task_id: Uuid,
    /// The attempt.
    pub attempt: u32,
    /// The offer that was received.
    pub offer: u32,
    /// Who asks.
    pub agent_id: String,
    /// The journal in which the work stands.
    pub journal_id: Uuid,
    /// SHA-256 of the received `work_request` body, 64 hex digits.
    pub work_sha256: String,
}

/// The answer to a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The agent owns the attempt.
    Granted,
    /// Somebody else does, or it is not wanted any more.
    Refused,
}

/// `work_grant`: the orchestrator's answer, on the agent's control queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WorkGrant {
    /// The claim that is answered.
    pub claim_id: Uuid,
    /// The task.
    pub task_id: Uuid,
    /// The attempt.
    pub attempt: u32,
    /// To whom it is granted.
    pub agent_id: String,
    /// Granted or refused.
    pub decision: Decision,
    /// Why it was refused; empty when granted.
    #[serde(default)]
    pub reason: String,
    /// The work must start within this many seconds of the claim's sending.
    pub start_within_seconds: u64,
    /// The body that may be run: the same hash as in the claim.
    pub work_sha256: String,
}

/// `work_decline`: the agent can't do this work; it goes to another or waits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WorkDecline {
    /// The task.
    pub task_id: Uuid,
    /// The attempt.
    pub attempt: u32,
    /// The offer.
    pub offer: u32,
    /// Who declines.
    pub agent_id: String,
    /// Why, for people.
    pub reason: String,
}

//! `plan_wanted`: what lies on `orchestrator.requests`. It carries no content: it only wakes a planner (RELIABILITY 19).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `plan_wanted`: the envelope's request has something to plan. The truth stands in Postgres.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlanWanted {
    /// The conversation's round that wants a plan.
    pub round: i32,
}

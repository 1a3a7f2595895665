//! What lies on `orchestrator.requests`: `plan_wanted`, which carries no content and only wakes a planner (RELIABILITY 19), and
//! `user_request`, by which an enrolled principal asks over AMQP (RELIABILITY 20).

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// `plan_wanted`: the envelope's request has something to plan. The truth stands in Postgres.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlanWanted {
    /// The conversation's round that wants a plan.
    pub round: i32,
}

/// `user_request`: what `POST /request` takes, signed by the key of an enrolled principal. The envelope's `message_id` names it: the
/// same one again asks nothing twice.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserRequest {
    /// The words.
    pub text: String,
    /// Groups requests of one chat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<Uuid>,
    /// When the asker has no more use for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<DateTime<Utc>>,
    /// The most that it may cost, in US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_cost_usd: Option<f64>,
    /// Higher goes first, from -100 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
}

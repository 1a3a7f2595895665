//! What models cost, as the chain tells it: reserved before a call, settled after it.

use async_trait::async_trait;
use chiffon_protocol::Problem;
use chiffon_protocol::money::MicroDollars;
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// A call to a model, before it is made.
#[derive(Debug, Clone, PartialEq)]
pub struct Reservation {
    /// Names the call's record.
    pub call_id: Uuid,
    /// What it is for.
    pub request_id: Uuid,
    /// The conversation's round.
    pub round: i32,
    /// The provider.
    pub provider: String,
    /// The model.
    pub model: String,
    /// The worst case: the prompt by its estimated tokens, the longest answer that is asked for, and one repetition.
    pub worst_case: MicroDollars,
    /// The provider's limit for the calendar month; `None` is unlimited.
    pub monthly_budget: Option<MicroDollars>,
}

/// What became of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Settlement {
    /// `succeeded | invalid | failed | uncertain`, as in `llm_calls.state`.
    pub state: &'static str,
    /// HTTP calls made.
    pub tries: u32,
    /// What it cost.
    pub cost: MicroDollars,
    /// As the provider counted.
    pub input_tokens: Option<i64>,
    /// As the provider counted.
    pub output_tokens: Option<i64>,
    /// Why it did not work.
    pub error: Option<Problem>,
    /// What came back, for invalid answers.
    pub answer: Option<String>,
}

/// The record of what models cost. Reserved before a call, settled after; both are durable.
#[async_trait]
pub trait Ledger: Send + Sync + std::fmt::Debug {
    /// Stores the worst case, unless the month's or the request's budget does not allow it ([`chiffon_protocol::ErrorCode::BudgetSpent`]).
    async fn reserve(&self, reservation: &Reservation, at: DateTime<Utc>) -> Result<(), Problem>;

    /// Replaces the worst case by what it came to.
    async fn settle(&self, call_id: Uuid, settlement: &Settlement, at: DateTime<Utc>) -> Result<(), Problem>;

    /// Records that a provider was passed over without a call (breaker open, budget spent), and why.
    async fn skipped(&self, reservation: &Reservation, reason: &Problem, at: DateTime<Utc>) -> Result<(), Problem>;
}

//! How a plan is made: a chain of model providers, and the offline planner that works from the catalogue alone.
//!
//! A planner proposes; it never decides. Whatever it proposes is checked against the catalogue by `domain::assemble`.

pub mod chain;
pub mod offline;
mod order;
mod prompt;
pub mod provider;
mod spending;

use std::sync::Arc;

use async_trait::async_trait;
use chiffon_protocol::Problem;
use chrono::{DateTime, Utc};
use uuid::Uuid;

pub use self::chain::{PlannerChain, PlannerOptions};
pub use self::provider::config::{ProviderConfig, Strategy};

use crate::domain::assemble::{AssembleInput, assemble};
use crate::domain::catalogue::{Catalogue, Fleet};
use crate::domain::plan::{Draft, PlanDocument, PlannedBy};
use crate::domain::policy::Policy;

/// One turn of the conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Whether the person said it (else Chiffon).
    pub from_user: bool,
    /// The words.
    pub text: String,
}

/// Everything a planner may know.
#[derive(Debug, Clone)]
pub struct PlanningInput {
    /// The request.
    pub request_id: Uuid,
    /// The conversation's round.
    pub round: i32,
    /// The trace id, for the provider's logs.
    pub trace_id: String,
    /// The first words.
    pub text: String,
    /// All turns in order, the first words included.
    pub conversation: Vec<Turn>,
    /// What there is to choose from.
    pub catalogue: Arc<Catalogue>,
    /// Where it could run.
    pub fleet: Arc<Fleet>,
    /// The revision that the last turn wants changed.
    pub previous: Option<PlanDocument>,
    /// What may still be spent on this request; `None` is unlimited.
    pub budget_left_usd: Option<f64>,
}

impl PlanningInput {
    /// The plan that a draft would make, as a first revision under the policy that nobody has changed; or all that keeps it from being one.
    pub fn assembled(&self, draft: &Draft, planned_by: &PlannedBy) -> Result<PlanDocument, Vec<Problem>> {
        assemble(AssembleInput {
            request_id: self.request_id,
            revision: 1,
            draft,
            planned_by,
            catalogue: &self.catalogue,
            fleet: &self.fleet,
            policy: &Policy::default(),
            history: &|_| None,
            previous: self.previous.as_ref(),
        })
    }
}

/// What a planner comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Planned {
    /// A checked draft.
    Plan {
        /// The draft; `domain::assemble` accepts it.
        draft: Draft,
        /// Who made it.
        planned_by: PlannedBy,
    },
    /// Something has to be asked first.
    Question {
        /// For people.
        text: String,
        /// Who asks.
        planned_by: PlannedBy,
    },
    /// It can't be planned; why, and what could be asked instead.
    Impossible(Problem),
}

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
    pub worst_case_usd: f64,
    /// The provider's limit for the calendar month; `None` is unlimited.
    pub monthly_budget_usd: Option<f64>,
}

/// What became of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Settlement {
    /// `succeeded | invalid | failed | uncertain`, as in `llm_calls.state`.
    pub state: &'static str,
    /// HTTP calls made.
    pub tries: u32,
    /// What it cost.
    pub cost_usd: f64,
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

/// Makes plans.
#[async_trait]
pub trait Planner: Send + Sync + std::fmt::Debug {
    /// Makes a plan, asks, or says that it can't. `Err` is trouble that may pass.
    async fn plan(&self, input: &PlanningInput) -> Result<Planned, Problem>;

    /// The answer to last words that change nothing of the plan that is there (`input.previous`), so that it keeps its state, its hash
    /// and its approvability. `None` where they may change it, and a round has to find out.
    async fn unchanged(&self, _input: &PlanningInput) -> Option<String> {
        None
    }

    /// Each provider's name with whether it would be called now, for `/health`.
    fn health(&self) -> Vec<(String, String)>;
}

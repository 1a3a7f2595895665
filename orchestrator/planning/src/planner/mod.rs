//! How a plan is made: a chain of model providers, and the offline planner that works from the catalogue alone.
//!
//! A planner proposes; it never decides. Whatever it proposes is checked against the catalogue by `domain::assemble`.

pub mod chain;
pub mod direct;
pub mod offline;
mod order;
mod prompt;
pub mod provider;

use std::sync::Arc;

use async_trait::async_trait;
use chiffon_process::traces::SpanId;
use chiffon_protocol::Problem;
use chiffon_protocol::money::MicroDollars;
use uuid::Uuid;

pub use self::chain::{PlannerChain, PlannerOptions};

use chiffon_plans::domain::assemble::{AssembleInput, assemble};
use chiffon_plans::domain::catalogue::Catalogue;
use chiffon_plans::domain::fleet::Fleet;
use chiffon_plans::domain::plan::{Draft, PlanDocument, PlannedBy};
use chiffon_plans::domain::policy::Policy;

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
    /// The round as a span of it, where somebody takes it.
    pub span: Option<SpanId>,
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
    pub budget_left: Option<MicroDollars>,
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

    /// Each provider's name with what it may cost in a calendar month, for those that have a limit.
    fn budgets(&self) -> Vec<(String, MicroDollars)> {
        Vec::new()
    }
}

//! The planner without a model and without a network. It works from the catalogue alone: it finds the actions that the
//! words point to, fills their parameters by schema and inventory, and chains steps where one takes what another gives.
//!
//! It proposes, asks, or says that it can't. It never guesses at something that removes things.

mod answers;
mod apart;
mod budget;
pub(super) mod chain;
mod clauses;
pub mod evidence;
mod example;
pub(super) mod hosts;
mod index;
mod judge;
mod left_out;
mod misread;
mod move_hosts;
mod parameter;
mod replies;
mod revise;
mod saying;
mod scope;
mod slots;
mod swap;
mod talk;
mod tokens;
mod verbs;
mod words;

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chiffon_protocol::{ErrorCode, Problem};

pub use index::Index;

use super::{Planned, Planner, PlanningInput};
use chiffon_plans::domain::catalogue::Catalogue;
use chiffon_plans::domain::plan::{Draft, PlannedBy};

/// The name that its plans carry.
pub const NAME: &str = "offline";

/// The words of a text as the index knows them.
pub fn words_of(text: &str) -> Vec<String> {
    tokens::tokenize(text).into_iter().filter(|token| !words::is_silent(token)).flat_map(|token| tokens::stems(&token.lower)).collect()
}

/// What it comes to, before it is checked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    /// A draft.
    Plan(Draft),
    /// Something to ask.
    Ask(String),
    /// Why not.
    Cannot(Problem),
}

/// A catalogue with its index.
type Indexed = (Arc<Catalogue>, Arc<Index>);

/// The planner. Keeps the index of the last catalogue it saw.
#[derive(Debug, Default, Clone)]
pub struct OfflinePlanner {
    indexed: Arc<Mutex<Option<Indexed>>>,
}

impl OfflinePlanner {
    /// A planner that has seen nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The index of a catalogue, built when it differs from the last one.
    pub fn index(&self, catalogue: &Arc<Catalogue>) -> Arc<Index> {
        let mut indexed = self.indexed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, index)) = indexed.as_ref()
            && (Arc::ptr_eq(known, catalogue) || known == catalogue)
        {
            return Arc::clone(index);
        }
        let index = Arc::new(Index::new(catalogue));
        *indexed = Some((Arc::clone(catalogue), Arc::clone(&index)));
        index
    }

    /// [`Self::plan_now`] beside the runtime, within a time; a panic is this round's answer.
    pub async fn plan_apart(&self, input: &PlanningInput) -> Planned {
        let (planner, input) = (self.clone(), input.clone());
        apart::apart(apart::TIME_LIMIT, move || planner.plan_now(&input)).await.unwrap_or_else(Planned::Impossible)
    }

    /// The answer to last words that evidently change nothing of the plan that is there: a question, thanks, "yes", "never mind".
    pub fn talk(&self, input: &PlanningInput) -> Option<String> {
        talk::answer(&replies::last_words(input), input.previous.as_ref()?)
    }

    /// [`Self::index`] beside the runtime: a large catalogue takes a while.
    pub async fn index_apart(&self, catalogue: &Arc<Catalogue>) -> Result<Arc<Index>, Problem> {
        let (planner, catalogue) = (self.clone(), Arc::clone(catalogue));
        apart::apart(apart::TIME_LIMIT, move || planner.index(&catalogue)).await
    }

    /// Makes a plan, asks, or says that it can't. Computes: on a runtime's worker, use [`Self::plan_apart`].
    pub fn plan_now(&self, input: &PlanningInput) -> Planned {
        let planned_by = PlannedBy { provider: NAME.to_owned(), model: None };
        if input.catalogue.is_empty() {
            let message = "no connected agent announces any action, so there is nothing to plan with; start an agent that has some, and look at `chiffon agents`";
            return Planned::Impossible(Problem::new(ErrorCode::CannotPlan, message));
        }
        let index = self.index(&input.catalogue);
        let outcome = match &input.previous {
            Some(previous) => revise::revise(&index, input, previous),
            None => first_plan(&index, input),
        };
        match outcome {
            Outcome::Plan(draft) => match input.assembled(&draft, &planned_by) {
                Ok(_) => Planned::Plan { draft, planned_by },
                Err(problems) => Planned::Impossible(answers::first(problems)),
            },
            Outcome::Ask(text) => Planned::Question { text, planned_by },
            Outcome::Cannot(problem) => Planned::Impossible(problem),
        }
    }
}

/// A plan of all that was said so far. Who says it anew, in a sentence that is whole by itself, is not asked again about the words before.
fn first_plan(index: &Index, input: &PlanningInput) -> Outcome {
    let whole = chain::plan(index, &replies::as_one_request(index, input), input);
    if matches!(whole, Outcome::Plan(_)) {
        return whole;
    }
    let alone = replies::alone(index, input).map(|last| chain::plan(index, &last, input));
    alone.filter(|alone| matches!(alone, Outcome::Plan(_))).unwrap_or(whole)
}

#[async_trait]
impl Planner for OfflinePlanner {
    async fn plan(&self, input: &PlanningInput) -> Result<Planned, Problem> {
        Ok(self.plan_apart(input).await)
    }

    fn health(&self) -> Vec<(String, String)> {
        vec![(NAME.to_owned(), "ready".to_owned())]
    }

    async fn unchanged(&self, input: &PlanningInput) -> Option<String> {
        let previous = input.previous.as_ref()?;
        if let Some(answer) = self.talk(input) {
            return Some(answer);
        }
        match self.plan_apart(input).await {
            Planned::Plan { .. } => None,
            Planned::Question { text, .. } => Some(talk::unchanged(&text, previous)),
            Planned::Impossible(problem) => Some(talk::unchanged(&format!("{}.", problem.message), previous)),
        }
    }
}

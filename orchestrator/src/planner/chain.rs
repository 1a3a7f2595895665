//! The chain: each provider in its turn, the offline planner last. Every call is paid for in advance in the ledger, and
//! every provider that was passed over is on record with the reason.

use std::sync::Arc;

use async_trait::async_trait;
use chiffon_process::clock::Clock;
use chiffon_process::ids::IdSource;
use chiffon_process::lifecycle::Shutdown;
use chiffon_protocol::{ErrorCode, Problem};
use serde_json::{Value, json};

use super::offline::{self, Index, OfflinePlanner};
use super::provider::Provider;
use super::provider::answer::{self, Answer, Kind};
use super::provider::call::Called;
use super::provider::config::{ProviderConfig, Strategy};
use super::{Ledger, Planned, Planner, PlanningInput, Reservation, Settlement, order, prompt};
use crate::domain::assemble;
use crate::domain::plan::PlannedBy;

/// What a chain is made of.
#[derive(Debug)]
pub struct PlannerOptions {
    /// The providers, in the order of quality.
    pub providers: Vec<ProviderConfig>,
    /// In which order they are asked.
    pub strategy: Strategy,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids of calls.
    pub ids: Arc<dyn IdSource>,
    /// The record of calls and their costs.
    pub ledger: Arc<dyn Ledger>,
    /// Cuts waiting short.
    pub shutdown: Shutdown,
}

/// The providers and the offline planner, as one planner.
#[derive(Debug)]
pub struct PlannerChain {
    providers: Vec<Provider>,
    strategy: Strategy,
    offline: OfflinePlanner,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    ledger: Arc<dyn Ledger>,
    shutdown: Shutdown,
}

/// Why a provider gave no plan.
enum Passed {
    /// The next one may.
    Over(Problem),
    /// Nobody can go on now, because nothing can be recorded.
    Stop(Problem),
}

/// One request's way through the chain.
struct Round<'a> {
    input: &'a PlanningInput,
    index: Arc<Index>,
    spent_usd: f64,
}

impl PlannerChain {
    /// Prepares the providers; the keys are read now. Refuses a configuration that can't be meant.
    pub fn new(options: PlannerOptions) -> Result<Self, Problem> {
        let PlannerOptions { providers, strategy, clock, ids, ledger, shutdown } = options;
        for (number, provider) in providers.iter().enumerate() {
            if provider.name == offline::NAME || providers[..number].iter().any(|other| other.name == provider.name) {
                let message = format!("`llm.providers`: the name `{}` is taken; give each provider its own", provider.name);
                return Err(Problem::new(ErrorCode::ConfigInvalid, message));
            }
        }
        let providers = providers.into_iter().map(Provider::new).collect::<Result<_, _>>()?;
        Ok(Self { providers, strategy, offline: OfflinePlanner::new(), clock, ids, ledger, shutdown })
    }

    async fn ask(&self, provider: &Provider, round: &mut Round<'_>) -> Result<Planned, Passed> {
        let messages = prompt::messages(round.input, &round.index, provider.config.structured);
        let (text, problems) = match self.turn(provider, &messages, round).await? {
            Ok(planned) => return Ok(planned),
            Err(refused) => refused,
        };
        let messages = prompt::repair(messages, &text, &problems);
        match self.turn(provider, &messages, round).await? {
            Ok(planned) => Ok(planned),
            Err((_, problems)) => {
                let list: Vec<&str> = problems.iter().take(3).map(|problem| problem.message.as_str()).collect();
                let message = format!("`{}` gave an invalid plan twice: {}", provider.config.name, list.join("; "));
                Err(Passed::Over(Problem::new(ErrorCode::ModelAnswerInvalid, message)))
            }
        }
    }

    /// One paid call: reserve, call, read, settle. The inner `Err` is an answer that was refused, with what is wrong in it.
    async fn turn(
        &self,
        provider: &Provider,
        messages: &[Value],
        round: &mut Round<'_>,
    ) -> Result<Result<Planned, (String, Vec<Problem>)>, Passed> {
        let request = provider.request(messages, &answer::schema());
        let reservation = self.reservation(provider, round, request.to_string().len());
        let permit = match provider.breaker.enter(self.clock.elapsed()) {
            Ok(permit) => permit,
            Err(left) => return Err(self.skip(&reservation, resting(provider, left)).await),
        };
        if let Some(problem) = over_budget(&reservation, round) {
            return Err(self.skip(&reservation, problem).await);
        }
        if let Err(problem) = self.ledger.reserve(&reservation, self.clock.now()).await {
            if problem.code == ErrorCode::BudgetSpent {
                return Err(self.skip(&reservation, problem).await);
            }
            return Err(Passed::Stop(problem));
        }
        let called = provider.call(&request, &self.clock, &self.shutdown).await;
        match &called.result {
            Ok(_) => permit.succeeded(),
            Err(problem) if problem.code == ErrorCode::ModelAnswerInvalid => permit.succeeded(),
            Err(_) => permit.failed(self.clock.elapsed()),
        }
        let read = called.result.as_ref().ok().map(|text| (text.clone(), accepted(text, provider, round.input)));
        let settlement =
            settlement(provider, &reservation, &called, read.as_ref().map(|(text, read)| (text.as_str(), read.as_ref().err())));
        round.spent_usd += settlement.cost_usd;
        self.ledger.settle(reservation.call_id, &settlement, self.clock.now()).await.map_err(Passed::Stop)?;
        match read {
            Some((_, Ok(planned))) => Ok(Ok(planned)),
            Some((text, Err(problems))) => Ok(Err((text, problems))),
            None => Err(Passed::Over(settlement.error.unwrap_or_else(|| Problem::new(ErrorCode::ProviderUnavailable, "no answer")))),
        }
    }

    fn reservation(&self, provider: &Provider, round: &Round<'_>, prompt_bytes: usize) -> Reservation {
        Reservation {
            call_id: self.ids.new_id(),
            request_id: round.input.request_id,
            round: round.input.round,
            provider: provider.config.name.clone(),
            model: provider.config.model.clone(),
            worst_case_usd: provider.config.worst_case_usd(prompt_bytes),
            monthly_budget_usd: provider.config.monthly_budget_usd,
        }
    }

    /// Records that a provider was passed over without a call.
    async fn skip(&self, reservation: &Reservation, problem: Problem) -> Passed {
        match self.ledger.skipped(reservation, &problem, self.clock.now()).await {
            Ok(()) => Passed::Over(problem),
            Err(problem) => Passed::Stop(problem),
        }
    }

    fn last_resort(&self, input: &PlanningInput, passed: &[Problem]) -> Planned {
        let mut planned = self.offline.plan_now(input);
        if passed.is_empty() {
            return planned;
        }
        let reasons: Vec<&str> = passed.iter().map(|problem| problem.message.as_str()).collect();
        match &mut planned {
            Planned::Plan { draft, .. } => draft.notes.push(format!("planned without a model: {}", reasons.join("; "))),
            Planned::Impossible(problem) if problem.code == ErrorCode::CannotPlan => {
                let message = format!(
                    "no provider could plan this ({}), and the offline planner can't either: {}",
                    reasons.join("; "),
                    problem.message
                );
                let details = json!({"providers": passed, "offline": problem});
                *problem = Problem::new(ErrorCode::NoProviderLeft, message).with_details(details);
            }
            Planned::Question { .. } | Planned::Impossible(_) => {}
        }
        planned
    }
}

fn resting(provider: &Provider, left: std::time::Duration) -> Problem {
    let message =
        format!("`{}` is left alone for another {} s after several failures in a row", provider.config.name, left.as_secs_f64().ceil());
    Problem::new(ErrorCode::ProviderUnavailable, message)
}

fn over_budget(reservation: &Reservation, round: &Round<'_>) -> Option<Problem> {
    let left = round.input.budget_left_usd? - round.spent_usd;
    (reservation.worst_case_usd > left).then(|| {
        let message = format!(
            "a call to `{}` could cost ${:.4}, and ${:.4} of the request's budget is left; raise `max_cost_usd`",
            reservation.provider,
            reservation.worst_case_usd,
            left.max(0.0)
        );
        Problem::new(ErrorCode::BudgetSpent, message)
    })
}

/// The answer as a plan, a question or a refusal; or everything that is wrong with it.
fn accepted(text: &str, provider: &Provider, input: &PlanningInput) -> Result<Planned, Vec<Problem>> {
    let answer: Answer = answer::read(text).map_err(|problem| vec![problem])?;
    let planned_by = PlannedBy { provider: provider.config.name.clone(), model: Some(provider.config.model.clone()) };
    if answer.kind != Kind::Plan && answer.text.trim().is_empty() {
        return Err(vec![Problem::new(ErrorCode::ModelAnswerInvalid, "`text` must say what is asked or why it is impossible")]);
    }
    match answer.kind {
        Kind::Question => Ok(Planned::Question { text: answer.text, planned_by }),
        Kind::Impossible => Ok(Planned::Impossible(Problem::new(ErrorCode::CannotPlan, answer.text))),
        Kind::Plan => {
            let draft = answer.into_draft();
            assemble::check(&draft, &input.catalogue, &input.fleet)?;
            Ok(Planned::Plan { draft, planned_by })
        }
    }
}

/// What a call is recorded as. A try of unknown outcome counts as spent in full.
fn settlement(provider: &Provider, reservation: &Reservation, called: &Called, read: Option<(&str, Option<&Vec<Problem>>)>) -> Settlement {
    let one_try = reservation.worst_case_usd / if provider.config.max_tries > 1 { 2.0 } else { 1.0 };
    let counted = called.usage.and_then(|usage| Some((usage.prompt_tokens?, usage.completion_tokens?)));
    let answered = match (counted, read) {
        (Some((input, output)), _) => provider.config.cost_usd(input, output),
        (None, Some(_)) => one_try,
        (None, None) => 0.0,
    };
    let error = match (&called.result, read) {
        (Err(problem), _) => Some(problem.clone()),
        (Ok(_), Some((_, Some(problems)))) => problems.first().cloned(),
        _ => None,
    };
    let state = match (&called.result, &error) {
        (Ok(_), None) => "succeeded",
        (Ok(_), Some(_)) => "invalid",
        (Err(problem), _) if problem.code == ErrorCode::ModelAnswerInvalid => "invalid",
        (Err(_), _) if called.uncertain > 0 => "uncertain",
        (Err(_), _) => "failed",
    };
    #[expect(clippy::cast_possible_truncation, reason = "token counts are far below the limit, and casts of floats saturate")]
    let tokens = |count: Option<f64>| count.map(|count| count as i64);
    Settlement {
        state,
        tries: called.tries,
        cost_usd: answered + f64::from(called.uncertain) * one_try,
        input_tokens: tokens(called.usage.and_then(|usage| usage.prompt_tokens)),
        output_tokens: tokens(called.usage.and_then(|usage| usage.completion_tokens)),
        answer: read.filter(|_| state == "invalid").map(|(text, _)| text.chars().take(16_000).collect()),
        error,
    }
}

#[async_trait]
impl Planner for PlannerChain {
    async fn plan(&self, input: &PlanningInput) -> Result<Planned, Problem> {
        let mut passed = Vec::new();
        if !input.catalogue.is_empty() {
            let configs: Vec<&ProviderConfig> = self.providers.iter().map(|provider| &provider.config).collect();
            let mut round = Round { input, index: self.offline.index(&input.catalogue), spent_usd: 0.0 };
            for number in order::order(self.strategy, &configs, input) {
                let provider = &self.providers[number];
                let outcome = match provider.unusable() {
                    Some(problem) => Err(self.skip(&self.reservation(provider, &round, 0), problem.clone()).await),
                    None => self.ask(provider, &mut round).await,
                };
                match outcome {
                    Ok(mut planned) => {
                        note_passed(&mut planned, &passed);
                        return Ok(planned);
                    }
                    Err(Passed::Over(problem)) => {
                        tracing::warn!(provider = provider.config.name, trace_id = input.trace_id, reason = %problem, "a model provider was passed over");
                        passed.push(problem);
                    }
                    Err(Passed::Stop(problem)) => return Err(problem),
                }
            }
        }
        Ok(self.last_resort(input, &passed))
    }

    fn health(&self) -> Vec<(String, String)> {
        let now = self.clock.elapsed();
        let state = |provider: &Provider| match (provider.unusable(), provider.breaker.open_for(now)) {
            (Some(problem), _) => problem.message.clone(),
            (None, Some(left)) => resting(provider, left).message,
            (None, None) => "ready".to_owned(),
        };
        let providers = self.providers.iter().map(|provider| (provider.config.name.clone(), state(provider)));
        providers.chain(self.offline.health()).collect()
    }
}

fn note_passed(planned: &mut Planned, passed: &[Problem]) {
    if let Planned::Plan { draft, .. } = planned {
        draft.notes.extend(passed.iter().map(|problem| format!("passed over: {}", problem.message)));
    }
}

//! The chain: each provider in its turn, the offline planner last. Every call is paid for in advance in the ledger, and
//! every provider that was passed over is on record with the reason.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chiffon_models::planner::ledger::{Ledger, Reservation};
use chiffon_models::planner::provider::Provider;
use chiffon_models::planner::provider::call::{Ask, Called};
use chiffon_models::planner::provider::config::{ProviderConfig, Strategy};
use chiffon_models::planner::spending::{self, Prompt};
use chiffon_models::planner::trace;
use chiffon_plans::domain::assemble;
use chiffon_plans::domain::plan::PlannedBy;
use chiffon_process::clock::Clock;
use chiffon_process::ids::IdSource;
use chiffon_process::lifecycle::Shutdown;
use chiffon_process::traces::Traces;
use chiffon_protocol::money::MicroDollars;
use chiffon_protocol::{ErrorCode, Problem, Shown};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::offline::{self, Index, OfflinePlanner};
use super::provider::answer::{self, Answer, Kind};
use super::{Planned, Planner, PlanningInput, direct, order, prompt};

/// What a chain is made of.
#[derive(Debug)]
pub struct PlannerOptions {
    /// The providers, in the order of quality.
    pub providers: Vec<ProviderConfig>,
    /// In which order they are asked.
    pub strategy: Strategy,
    /// How long all models of one round may take together.
    pub round_within: Duration,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids of calls.
    pub ids: Arc<dyn IdSource>,
    /// The record of calls and their costs.
    pub ledger: Arc<dyn Ledger>,
    /// Cuts waiting short.
    pub shutdown: Shutdown,
    /// Where spans go, if anywhere.
    pub traces: Traces,
}

/// The providers and the offline planner, as one planner.
#[derive(Debug)]
pub struct PlannerChain {
    providers: Vec<Provider>,
    strategy: Strategy,
    round_within: Duration,
    offline: OfflinePlanner,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    ledger: Arc<dyn Ledger>,
    shutdown: Shutdown,
    traces: Traces,
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
    spent: MicroDollars,
    /// When the last model must have answered.
    ends: Instant,
    /// When the one that is asked now must have.
    provider_ends: Instant,
}

/// What one paid call came to, when nothing stands in the way of the next.
enum Turn {
    /// A plan, a question or a refusal.
    Answered(Planned),
    /// Text that is none, with all that is wrong with it.
    Refused(String, Vec<Problem>),
    /// It would have been longer, and may be.
    Cut,
}

impl PlannerChain {
    /// Prepares the providers; the keys are read now. Refuses a configuration that can't be meant.
    pub fn new(options: PlannerOptions) -> Result<Self, Problem> {
        let PlannerOptions { providers, strategy, round_within, clock, ids, ledger, shutdown, traces } = options;
        for (number, provider) in providers.iter().enumerate() {
            if [offline::NAME, direct::NAME].contains(&provider.name.as_str())
                || providers[..number].iter().any(|other| other.name == provider.name)
            {
                let message = format!("`llm.providers`: the name `{}` is taken; give each provider its own", provider.name);
                return Err(Problem::new(ErrorCode::ConfigInvalid, message));
            }
        }
        let providers = providers.into_iter().map(|config| Provider::new(config, &clock)).collect::<Result<_, _>>()?;
        Ok(Self { providers, strategy, round_within, offline: OfflinePlanner::new(), clock, ids, ledger, shutdown, traces })
    }

    async fn ask(&self, provider: &Provider, round: &mut Round<'_>) -> Result<Planned, Passed> {
        let messages = prompt::messages(round.input, &round.index);
        let (text, problems) = match self.turn(provider, &messages, round).await? {
            Turn::Answered(planned) => return Ok(planned),
            Turn::Refused(text, problems) => (text, problems),
            Turn::Cut => match self.turn(provider, &messages, round).await? {
                Turn::Answered(planned) => return Ok(planned),
                Turn::Refused(text, problems) => (text, problems),
                Turn::Cut => (String::new(), Vec::new()),
            },
        };
        let messages = prompt::repair(messages, &text, &problems);
        let problems = match self.turn(provider, &messages, round).await? {
            Turn::Answered(planned) => return Ok(planned),
            Turn::Refused(_, problems) => problems,
            Turn::Cut => Vec::new(),
        };
        let code = problems
            .first()
            .filter(|problem| problem.code == ErrorCode::AnswerTooLong)
            .map_or(ErrorCode::ModelAnswerInvalid, |problem| problem.code);
        let list: Vec<&str> = problems.iter().take(3).map(|problem| problem.message.as_str()).collect();
        let message = format!("`{}` gave an invalid plan twice: {}", provider.config.name, list.join("; "));
        Err(Passed::Over(Problem::new(code, message)))
    }

    /// One paid call: reserve, call, read, settle.
    async fn turn(&self, provider: &Provider, messages: &[Value], round: &mut Round<'_>) -> Result<Turn, Passed> {
        let schema = answer::schema();
        let prompt = Prompt::new(messages, &schema);
        let output_tokens = provider.output_tokens();
        let reservation = self.reservation(provider, round, provider.config.reserved(prompt.estimated_tokens, output_tokens));
        let permit = match provider.breaker.enter(self.clock.elapsed()) {
            Ok(permit) => permit,
            Err(left) => return Err(self.skip(&reservation, resting(provider, left)).await),
        };
        let within = round.provider_ends.saturating_duration_since(Instant::now());
        if let Some(problem) = self.out_of_time(provider, within).or_else(|| spending::over_budget(&reservation, round.left())) {
            return Err(self.skip(&reservation, problem).await);
        }
        if let Err(problem) = self.ledger.reserve(&reservation, self.clock.now()).await {
            if problem.code == ErrorCode::BudgetSpent {
                return Err(self.skip(&reservation, problem).await);
            }
            return Err(Passed::Stop(problem));
        }
        let ask = Ask { messages, schema: &schema, output_tokens, most_input_tokens: prompt.most_tokens, within };
        let began = self.clock.now();
        let called = provider.call(&ask, &self.shutdown).await;
        let ended = self.clock.now();
        match &called.result {
            Ok(_) => permit.succeeded(),
            Err(problem) if answered(problem.code) => permit.succeeded(),
            Err(_) => permit.failed(self.clock.elapsed()),
        }
        if let Some(doubt) = &called.meter.doubted {
            tracing::warn!(
                provider = provider.config.name,
                trace_id = round.input.trace_id,
                code = ErrorCode::UsageNotBelieved.number(),
                doubt,
                "the usage that a model provider counted is not believed"
            );
        }
        let read = called.result.as_ref().ok().map(|text| (text.clone(), accepted(text, provider, round.input, &round.index)));
        let settlement =
            spending::settlement(provider, &reservation, &called, read.as_ref().map(|(text, read)| (text.as_str(), read.as_ref().err())));
        self.traces.add(&round.input.trace_id, || {
            trace::of_call(reservation.call_id, &provider.config, &settlement, began, ended).under(round.input.span)
        });
        round.spent = round.spent + settlement.cost;
        self.ledger.settle(reservation.call_id, &settlement, self.clock.now()).await.map_err(Passed::Stop)?;
        match read {
            Some((_, Ok(planned))) => Ok(Turn::Answered(doubted(planned, provider, &called))),
            Some((text, Err(problems))) => Ok(Turn::Refused(text, problems)),
            None if called.was_cut && provider.allow_longer() => Ok(Turn::Cut),
            None => Err(Passed::Over(settlement.error.unwrap_or_else(|| Problem::new(ErrorCode::ProviderUnavailable, "no answer")))),
        }
    }

    fn reservation(&self, provider: &Provider, round: &Round<'_>, worst_case: MicroDollars) -> Reservation {
        Reservation {
            call_id: self.ids.new_id(),
            request_id: round.input.request_id,
            round: round.input.round,
            provider: provider.config.name.clone(),
            model: provider.config.model.clone(),
            worst_case,
            monthly_budget: provider.config.monthly_budget_usd,
        }
    }

    fn out_of_time(&self, provider: &Provider, left: Duration) -> Option<Problem> {
        left.is_zero().then(|| {
            let message = format!(
                "nothing is left for `{}` of the {:.0} s that models may take for one plan (`llm.round_within`)",
                provider.config.name,
                self.round_within.as_secs_f64()
            );
            Problem::new(ErrorCode::ProviderTimeout, message)
        })
    }

    /// Records that a provider was passed over without a call.
    async fn skip(&self, reservation: &Reservation, problem: Problem) -> Passed {
        match self.ledger.skipped(reservation, &problem, self.clock.now()).await {
            Ok(()) => Passed::Over(problem),
            Err(problem) => Passed::Stop(problem),
        }
    }

    async fn last_resort(&self, input: &PlanningInput, passed: &[Problem]) -> Planned {
        let mut planned = self.offline.plan_apart(input).await;
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

fn resting(provider: &Provider, left: Duration) -> Problem {
    let message =
        format!("`{}` is left alone for another {} s after several failures in a row", provider.config.name, left.as_secs_f64().ceil());
    Problem::new(ErrorCode::ProviderUnavailable, message)
}

impl Round<'_> {
    /// What may still be spent on the request.
    fn left(&self) -> Option<MicroDollars> {
        Some(self.input.budget_left?.left_after(self.spent))
    }

    /// Gives the next provider its share of the time that is left: one that hangs leaves something to those after it.
    fn next_of(&mut self, left: usize) {
        let now = Instant::now();
        let share = self.ends.saturating_duration_since(now) / u32::try_from(left.max(1)).unwrap_or(u32::MAX);
        self.provider_ends = now + share;
    }
}

/// Whether a failure is an answer all the same, of a provider that works.
fn answered(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::ModelAnswerInvalid | ErrorCode::AnswerTooLong | ErrorCode::ModelDeclined)
}

/// Says on a plan that its price is not what the provider counted.
fn doubted(mut planned: Planned, provider: &Provider, called: &Called) -> Planned {
    if let (Planned::Plan { draft, .. }, Some(doubt)) = (&mut planned, &called.meter.doubted) {
        draft.notes.push(format!("the usage of `{}` is not believed: {doubt}", provider.config.name));
    }
    planned
}

/// The answer as a plan, a question or a refusal; or everything that is wrong with it.
fn accepted(text: &str, provider: &Provider, input: &PlanningInput, index: &Index) -> Result<Planned, Vec<Problem>> {
    let answer: Answer = answer::read(text).map_err(|problem| vec![problem])?;
    let unstorable = answer.unstorable();
    if !unstorable.is_empty() {
        return Err(unstorable);
    }
    let planned_by = PlannedBy { provider: provider.config.name.clone(), model: Some(provider.config.model.clone()) };
    if answer.kind != Kind::Plan && answer.text.trim().is_empty() {
        return Err(vec![Problem::new(ErrorCode::ModelAnswerInvalid, "`text` must say what is asked or why it is impossible")]);
    }
    match answer.kind {
        Kind::Question => Ok(Planned::Question { text: answer.text, planned_by }),
        Kind::Impossible => Ok(Planned::Impossible(Problem::new(ErrorCode::CannotPlan, answer.text))),
        Kind::Plan => {
            let mut draft = answer.into_draft();
            assemble::check(&draft, &input.catalogue, &input.fleet)?;
            offline::evidence::hold_against(&mut draft, index, input)?;
            Ok(Planned::Plan { draft, planned_by })
        }
    }
}

#[async_trait]
impl Planner for PlannerChain {
    async fn plan(&self, input: &PlanningInput) -> Result<Planned, Problem> {
        let (mut passed, mut impossible) = (Vec::new(), Vec::new());
        if !input.catalogue.is_empty() {
            let configs: Vec<&ProviderConfig> = self.providers.iter().map(|provider| &provider.config).collect();
            let ends = Instant::now() + self.round_within;
            let mut round = Round {
                input,
                index: self.offline.index_apart(&input.catalogue).await?,
                spent: MicroDollars::ZERO,
                ends,
                provider_ends: ends,
            };
            let order = order::order(self.strategy, &configs, input, &round.index);
            for (asked, number) in order.iter().enumerate() {
                let provider = &self.providers[*number];
                round.next_of(order.len() - asked);
                let outcome = match provider.unusable() {
                    Some(problem) => Err(self.skip(&self.reservation(provider, &round, MicroDollars::ZERO), problem.clone()).await),
                    None => self.ask(provider, &mut round).await,
                };
                match outcome {
                    Ok(Planned::Impossible(problem)) => {
                        let message = format!("`{}` says that it is impossible: {}", provider.config.name, problem.message);
                        passed.push(Problem::new(problem.code, message));
                        impossible.push(problem);
                    }
                    Ok(mut planned) => {
                        note_passed(&mut planned, &passed);
                        return Ok(planned);
                    }
                    Err(Passed::Over(problem)) => {
                        tracing::warn!(provider = provider.config.name, trace_id = input.trace_id, reason = %Shown::line(&problem.to_string()), "a model provider was passed over");
                        passed.push(problem);
                    }
                    Err(Passed::Stop(problem)) => return Err(problem),
                }
            }
        }
        Ok(match impossible.pop() {
            Some(only) if passed.len() == 1 => Planned::Impossible(only),
            Some(_) => Planned::Impossible(nobody_can(&passed)),
            None => self.last_resort(input, &passed).await,
        })
    }

    /// A model may understand as a change what the offline planner does not; what is evidently talk needs none.
    async fn unchanged(&self, input: &PlanningInput) -> Option<String> {
        if self.providers.is_empty() { self.offline.unchanged(input).await } else { self.offline.talk(input) }
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

    fn budgets(&self) -> Vec<(String, MicroDollars)> {
        let limited =
            self.providers.iter().filter_map(|provider| Some((provider.config.name.clone(), provider.config.monthly_budget_usd?)));
        limited.collect()
    }
}

/// Models have looked, and none has a plan: what each said.
fn nobody_can(passed: &[Problem]) -> Problem {
    let reasons: Vec<&str> = passed.iter().map(|problem| problem.message.as_str()).collect();
    Problem::new(ErrorCode::CannotPlan, reasons.join("; ")).with_details(json!({"providers": passed}))
}

fn note_passed(planned: &mut Planned, passed: &[Problem]) {
    if let Planned::Plan { draft, .. } = planned {
        draft.notes.extend(passed.iter().map(|problem| format!("passed over: {}", problem.message)));
    }
}

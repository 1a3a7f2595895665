//! Planning one round of a conversation, under a lease (RELIABILITY 19).
//!
//! What a planner proposes is stored only if the conversation has not moved meanwhile. A planner that fails is tried again
//! later; one that is tried too often ends the request with the reason.

use chiffon_kernel::domain::waiting::{Wait, What};
use std::sync::Arc;
use std::time::Duration;

use chiffon_fleet::store::catalogue;
use chiffon_kernel::domain::audit::AuditEvent;
use chiffon_kernel::store;
use chiffon_kernel::verbs::work::Work;
use chiffon_planning::planner::{Planned, PlanningInput, Turn, direct};
use chiffon_process::traces::{Kind, Span, SpanId};
use chiffon_protocol::{ErrorCode, Problem};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Context;
use super::propose::{self, Drafted};
use super::transition::{self, Change};
use crate::domain::asked_action::AskedAction;
use crate::domain::request::{Event, Status};
use crate::store::planning::{self, PlanningLease};
use crate::store::requests::{self, Row};
use crate::store::{durations, messages, plans};

/// Before a failed planner is tried again, times the number of tries.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(5);
/// A round that so many planners have not survived is not given to another one.
const DEATHS_AT_MOST: i32 = 2;
/// What was asked without words is planned in the first round; whatever is said later is words.
const FIRST_ROUND: i32 = 1;
/// How often a lease is renewed within its time.
const RENEWALS: u32 = 3;

/// Takes the right to plan a round; `None` when it has moved on or somebody else works on it.
pub async fn lease(context: &Context, request_id: Uuid, round: i32) -> Result<Option<PlanningLease>, Problem> {
    let now = context.clock.now();
    let time = context.settings.planning_lease;
    let mut work = context.begin().await?;
    let lease = planning::lease(&mut work, request_id, round, time, now + time).await?;
    tell_of_deaths(&mut work, lease.as_slice());
    work.commit().await?;
    Ok(lease)
}

/// The same of what is to be planned now; at most so many rounds.
pub async fn lease_due(context: &Context, limit: usize) -> Result<Vec<PlanningLease>, Problem> {
    let now = context.clock.now();
    let time = context.settings.planning_lease;
    let mut work = context.begin().await?;
    let leases = planning::lease_due(&mut work, now, time, now + time, i64::try_from(limit).unwrap_or(i64::MAX)).await?;
    tell_of_deaths(&mut work, &leases);
    work.commit().await?;
    Ok(leases)
}

fn tell_of_deaths(work: &mut Work, leases: &[PlanningLease]) {
    for lease in leases.iter().filter(|lease| lease.was_cut_off) {
        let reason = "whoever planned it before was cut off";
        let data = json!({"round": lease.round, "tries": lease.tries, "deaths": lease.deaths, "reason": reason});
        work.audit(lease.request_id, AuditEvent::by_chiffon("planning.taken_up_again", data));
    }
}

/// Everything that a plan is made of.
struct Material {
    input: PlanningInput,
    /// What is asked for without words, where this is the round that plans it.
    asked: Option<AskedAction>,
    history: std::collections::BTreeMap<String, f64>,
}

/// Plans the leased round and stores what came of it.
pub async fn run(context: &Context, lease: &PlanningLease) -> Result<(), Problem> {
    if lease.deaths >= DEATHS_AT_MOST {
        let message = format!(
            "{} planners were cut off while they worked on it, so it is not given to another one; ask in other words, or look at what ended \
             them (their logs, their memory) and ask again",
            lease.deaths
        );
        return give_up(context, lease, &Problem::new(ErrorCode::SetAside, message)).await;
    }
    if lease.tries > context.settings.planning_tries {
        let message = format!("planning was begun {} times and never came to an end (`planning.tries`, `planning.lease`)", lease.tries - 1);
        return give_up(context, lease, &Problem::new(ErrorCode::Timeout, message)).await;
    }
    let Some(mut material) = context.store.within_limit(gather(context, lease)).await? else { return Ok(()) };
    let (span, began) = (SpanId::of_message(context.ids.new_message_id()), context.clock.now());
    material.input.span = Some(span);
    let planned = plan(context, lease, &material).await;
    context.traces.add(&material.input.trace_id, || {
        Span::new(span, Kind::Internal, "plan", began, context.clock.now())
            .under(SpanId::of_request(lease.request_id))
            .with("chiffon.request.id", lease.request_id)
            .with("chiffon.planning.round", lease.round)
            .with("chiffon.planning.try", lease.tries)
            .failed(planned.as_ref().err().map(|problem| problem.code.number()))
    });
    planned
}

/// Plans it by what it asks for, and stores what came of it.
async fn plan(context: &Context, lease: &PlanningLease, material: &Material) -> Result<(), Problem> {
    let input = &material.input;
    let asks_in_words = material.asked.is_none();
    let left_out = input.catalogue.not_offered().iter().find(|action| asks_in_words && action.is_written_in(last_words(input)));
    if let Some(left_out) = left_out {
        let planned = Planned::Impossible(left_out.problem());
        return context.store.within_limit(store_outcome(context, lease, material, planned)).await;
    }
    if input.catalogue.is_empty() {
        let Some(problem) = nothing_offered(input) else {
            return context.store.within_limit(wait_for_agent(context, lease)).await;
        };
        return context.store.within_limit(store_outcome(context, lease, material, Planned::Impossible(problem))).await;
    }
    if let Some(asked) = &material.asked {
        let planned = direct::plan(asked.wish(), input);
        return context.store.within_limit(store_outcome(context, lease, material, planned)).await;
    }
    let planned = tokio::select! {
        planned = context.planner.plan(&material.input) => planned,
        () = keep(context, lease) => {
            tracing::info!(request_id = %lease.request_id, round = lease.round, "the round is nobody's to plan any more; planning it ends");
            return Ok(());
        }
        () = context.shutdown.stopping() => return context.store.within_limit(give_back(context, lease)).await,
    };
    match planned {
        Ok(planned) => {
            let planned = with_what_is_left_out(planned, &material.input);
            context.store.within_limit(store_outcome(context, lease, material, planned)).await
        }
        Err(problem) => failed(context, lease, &problem).await,
    }
}

/// What was said last, as far as a plan depends on it.
fn last_words(input: &PlanningInput) -> &str {
    input.conversation.iter().rfind(|turn| turn.from_user).map_or(&input.text, |turn| &turn.text)
}

/// Where nothing could be planned for words that fit an action that is not offered, its reason comes first.
fn with_what_is_left_out(planned: Planned, input: &PlanningInput) -> Planned {
    let words = last_words(input);
    let Some(left_out) = input.catalogue.not_offered().iter().find(|action| action.is_meant_in(words)) else { return planned };
    match planned {
        Planned::Question { text, planned_by } => Planned::Question { text: format!("{}\n{text}", left_out.problem().message), planned_by },
        Planned::Impossible(problem) => {
            let text = format!("{}\n{}", left_out.problem().message, problem.message);
            Planned::Impossible(Problem::new(ErrorCode::ActionNotOffered, text))
        }
        plan @ Planned::Plan { .. } => plan,
    }
}

/// Renews the lease while the round is planned; returns when it is lost, because the round is over or somebody else's.
async fn keep(context: &Context, lease: &PlanningLease) {
    let time = context.settings.planning_lease;
    loop {
        tokio::time::sleep(time / RENEWALS).await;
        let renewed = async {
            let mut connection = context.store.acquire().await?;
            planning::renew(&mut connection, lease, time, context.clock.now() + time).await
        };
        match context.store.within_limit(renewed).await {
            Ok(true) => {}
            Ok(false) => return,
            // If it can't be renewed for too long, another takes the round over, and what comes of this one is dropped.
            Err(error) => tracing::warn!(request_id = %lease.request_id, %error, "a planning lease could not be renewed"),
        }
    }
}

/// This process leaves: another planner goes on at once.
async fn give_back(context: &Context, lease: &PlanningLease) -> Result<(), Problem> {
    let mut connection = context.store.acquire().await?;
    planning::give_back(&mut connection, lease, context.clock.now()).await?;
    tracing::info!(request_id = %lease.request_id, round = lease.round, "this process leaves; the round is given back");
    Ok(())
}

async fn gather(context: &Context, lease: &PlanningLease) -> Result<Option<Material>, Problem> {
    let mut connection = context.store.acquire().await?;
    let Some(row) = requests::get(&mut connection, lease.request_id).await? else { return Ok(None) };
    let input = input_of(&mut connection, &row, lease.round).await?;
    let asked = if lease.round == FIRST_ROUND { requests::action(&mut connection, lease.request_id).await? } else { None };
    let history = durations::list(&mut connection, context.clock.now()).await?;
    Ok(Some(Material { input, asked, history }))
}

/// Everything that a planner may know of a request.
pub(super) async fn input_of(connection: &mut PgConnection, row: &Row, round: i32) -> Result<PlanningInput, store::Error> {
    let conversation = messages::list(connection, row.id).await?;
    let (catalogue, fleet) = catalogue::load(connection).await?;
    let previous = match row.plan_id {
        Some(plan_id) => Some(plans::get(connection, plan_id).await?.document),
        None => None,
    };
    Ok(PlanningInput {
        request_id: row.id,
        round,
        trace_id: row.trace_id.clone(),
        span: None,
        text: row.text.clone(),
        conversation: conversation.into_iter().map(|said| Turn { from_user: said.by_user, text: said.text }).collect(),
        catalogue: Arc::new(catalogue),
        fleet,
        previous,
        budget_left: row.max_cost.map(|most| most.left_after(row.cost)),
    })
}

async fn wait_for_agent(context: &Context, lease: &PlanningLease) -> Result<(), Problem> {
    let commands = context.settings.kinds.commands();
    let text = format!("no agent is connected that offers an action, so nothing is known that could be planned; start one with {commands}");
    wait(context, lease, Wait::new(What::Agent, text), false, context.settings.resend_after).await
}

/// Why nothing can be planned although agents are connected: all that they have is left out. Waiting would change nothing.
fn nothing_offered(input: &PlanningInput) -> Option<Problem> {
    let left_out = input.catalogue.not_offered();
    let meant = left_out.iter().find(|action| action.is_meant_in(last_words(input)));
    let problem = meant.or(left_out.first())?.problem();
    let others: Vec<String> = left_out.iter().map(|action| format!("`{}`", action.name)).collect();
    let rest = format!("no agent offers any action; left out: {}. `chiffon actions` says why", others.join(", "));
    Some(Problem { message: format!("{}; {rest}", problem.message), ..problem })
}

/// The round came to this instead of an outcome: it is tried again, or the request fails with it.
pub async fn failed(context: &Context, lease: &PlanningLease, problem: &Problem) -> Result<(), Problem> {
    context.store.within_limit(try_again_or_fail(context, lease, problem)).await
}

async fn try_again_or_fail(context: &Context, lease: &PlanningLease, problem: &Problem) -> Result<(), Problem> {
    if lease.tries < context.settings.planning_tries {
        let text = format!("the planner could not answer ({}); it is tried again shortly", problem.message);
        let delay = TRY_AGAIN_AFTER * u32::try_from(lease.tries).unwrap_or(1);
        return wait(context, lease, Wait::new(What::Planner, text), true, delay).await;
    }
    give_up(context, lease, problem).await
}

async fn give_up(context: &Context, lease: &PlanningLease, problem: &Problem) -> Result<(), Problem> {
    let mut work = context.begin().await?;
    let Some(mut row) = still_wanted(&mut work, lease).await? else { return Ok(()) };
    transition::say(&mut work, &row, None, &format!("No plan could be made: {}", problem.message)).await?;
    let audit = AuditEvent::by_chiffon("planning.failed", json!({"round": lease.round, "tries": lease.tries, "problem": problem}));
    let change = Change { error: Some(problem.clone()), ..Change::new(Event::GiveUp, audit) };
    transition::apply(context, &mut work, &mut row, change).await?;
    Ok(work.commit().await?)
}

async fn wait(context: &Context, lease: &PlanningLease, why: Wait, counts: bool, delay: Duration) -> Result<(), Problem> {
    let now = context.clock.now();
    let mut work = context.begin().await?;
    let Some(mut row) = still_wanted(&mut work, lease).await? else { return Ok(()) };
    let told = row.waiting_for.take_if(|before| before.text == why.text);
    let says_so = told.is_some();
    let waiting_for = told.unwrap_or_else(|| why.since(now));
    planning::wait(&mut work, lease, &waiting_for, counts, now + delay).await?;
    if !says_so {
        row.waiting_for = Some(waiting_for);
        transition::tell(&mut work, &row, None);
    }
    Ok(work.commit().await?)
}

/// The locked row, if the conversation has not moved and nobody has taken the round over.
async fn still_wanted(work: &mut Work, lease: &PlanningLease) -> Result<Option<Row>, store::Error> {
    let row = requests::lock(work, lease.request_id).await?;
    Ok(row.filter(|row| row.status == Status::Planning && row.round == lease.round && row.planning_epoch == lease.epoch))
}

async fn store_outcome(context: &Context, lease: &PlanningLease, material: &Material, planned: Planned) -> Result<(), Problem> {
    let mut work = context.begin().await?;
    let Some(mut row) = still_wanted(&mut work, lease).await? else {
        tracing::info!(request_id = %lease.request_id, round = lease.round, "the conversation has moved on; what was planned is dropped");
        return Ok(());
    };
    match planned {
        Planned::Plan { draft, planned_by } => {
            let PlanningInput { catalogue, fleet, previous, .. } = &material.input;
            let history = &material.history;
            let (draft, planned_by, previous) = (&draft, &planned_by, previous.as_ref());
            let drafted = Drafted { draft, planned_by, catalogue, fleet, history, previous };
            propose::run(context, &mut work, &mut row, drafted).await?;
        }
        Planned::Question { text, planned_by } => {
            let data = json!({"round": lease.round, "text": text, "provider": planned_by.provider});
            propose::ask(context, &mut work, &mut row, &text, AuditEvent::by_chiffon("request.asked", data), None).await?;
        }
        Planned::Impossible(problem) => propose::refuse(context, &mut work, &mut row, &problem).await?,
    }
    work.wake_dispatcher();
    work.commit().await?;
    Ok(())
}

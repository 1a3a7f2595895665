//! Talking on: an answer to a question, or a change of a shown plan in words. Either begins the conversation's next round.

use chiffon_engine::verbs::cancel_tasks;
use chiffon_kernel::domain::audit::AuditEvent;
use chiffon_kernel::domain::missing;
use chiffon_kernel::domain::role::Principal;
use chiffon_kernel::store;
use chiffon_kernel::verbs::work::Work;
use chiffon_planning::planner::Turn;
use chiffon_protocol::{ErrorCode, Problem};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::submit::{checked_text, keep_answer, may_ask};
use crate::domain::permissions::REQUESTS_MANAGE;
use crate::domain::request::{Event, Status};
use crate::store::requests::{self, Row};
use crate::verbs::{Context, plan_round, scope_of_plan, transition};

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Said {
    /// The request.
    pub request_id: Uuid,
    /// Where it stands.
    pub status: Status,
    /// The conversation's turn that a planner now works on.
    pub round: i32,
}

/// Adds a person's words and calls a planner. With a reserved `Idempotency-Key`, the answer is kept together with the words.
pub async fn run(context: &Context, principal: &Principal, request_id: Uuid, text: &str, key: Option<&str>) -> Result<Said, Problem> {
    may_ask(principal)?;
    let text = checked_text(context, text)?;
    let talk = unchanged(context, principal, request_id, &text).await?;
    let mut work = context.begin().await?;
    let mut row = requests::lock(&mut work, request_id).await?.ok_or_else(|| missing::request(request_id))?;
    scope_of_plan::own_or_managed(context, &mut work, principal, &row).await?;
    if row.status.on(Event::Say).is_err() {
        return Err(not_now(&row));
    }
    match talk.filter(|talk| talk.is_about(&row)) {
        Some(talk) => answer(&mut work, &row, principal, &text, &talk.answer).await?,
        None => next_round(context, &mut work, &mut row, principal, &text).await?,
    }
    let said = Said { request_id, status: row.status, round: row.round };
    keep_answer(&mut work, principal, key, &json!(said)).await?;
    work.commit().await?;
    Ok(said)
}

/// Words that change nothing of the plan that is there, and what is answered.
pub(super) struct Talk {
    pub(super) answer: String,
    plan_id: Option<Uuid>,
    round: i32,
}

impl Talk {
    /// Whether the request still stands where it stood when the answer was found.
    pub(super) fn is_about(&self, row: &Row) -> bool {
        transition::shows_a_plan(row.status) && row.plan_id == self.plan_id && row.round == self.round
    }
}

/// Asks the planner, before anything is locked, whether the words change a plan that people can see.
pub(super) async fn unchanged(context: &Context, principal: &Principal, request_id: Uuid, text: &str) -> Result<Option<Talk>, Problem> {
    let mut connection = context.store.acquire().await?;
    let Some(row) = requests::get(&mut connection, request_id).await? else { return Ok(None) };
    // Whether they may with this plan is looked at under its lock.
    let may = principal.id == row.principal_id || principal.may_somewhere(&REQUESTS_MANAGE);
    if !may || !transition::shows_a_plan(row.status) || row.plan_id.is_none() {
        return Ok(None);
    }
    let mut input = plan_round::input_of(&mut connection, &row, row.round).await?;
    drop(connection);
    input.conversation.push(Turn { from_user: true, text: text.to_owned() });
    let answer = context.planner.unchanged(&input).await;
    Ok(answer.map(|answer| Talk { answer, plan_id: row.plan_id, round: row.round }))
}

/// Adds the words and their answer to the conversation. The plan keeps its state, its hash and its approvability.
pub(super) async fn answer(work: &mut Work, row: &Row, principal: &Principal, text: &str, answer: &str) -> Result<(), store::Error> {
    transition::say(work, row, Some(principal.id), text).await?;
    transition::say(work, row, None, answer).await?;
    let audit = AuditEvent::new(&principal.name, "request.talked", json!({"text": text, "answer": answer, "round": row.round}));
    work.audit(row.id, audit);
    Ok(())
}

/// The same inside a transaction that has locked the row and checked that it may: stops what runs for the plan so far, and begins the round.
pub async fn next_round(context: &Context, work: &mut Work, row: &mut Row, principal: &Principal, text: &str) -> Result<(), store::Error> {
    if matches!(row.status, Status::Discovering | Status::Previewing) {
        let reason = format!("{} asked for a change", principal.name);
        cancel_tasks::run(context, work, row.id, &reason, &principal.name).await?;
    }
    let event = if row.status == Status::NeedsInput { "request.answered" } else { "plan.revision_wanted" };
    let audit = AuditEvent::new(&principal.name, event, json!({"text": text, "round": row.round + 1}));
    transition::begin_round(context, work, row, principal.id, text, audit).await?;
    if principal.id == row.principal_id {
        return Ok(());
    }
    let notice = format!("{} changed this request, which somebody else had asked for. Their words: {text}", principal.name);
    transition::notify(work, row, principal.id, &notice).await
}

fn not_now(row: &Row) -> Problem {
    let message = match row.status {
        Status::Planning => "a planner is reading what was said before; wait for its plan or its question, then say what should change",
        Status::Running | Status::Paused | Status::NeedsAttention => {
            "its approved plan is under way and can't be changed; cancel it, or make a new request"
        }
        _ => "it is over; make a new request",
    };
    Problem::new(ErrorCode::InvalidTransition, format!("request {} is `{}`: {message}", row.id, row.status))
        .with_details(json!({"status": row.status, "next": row.status.next_calls()}))
}

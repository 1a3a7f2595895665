//! Moving a request: the guarded update, its audit row and its event, always together and in the caller's transaction.

use chiffon_kernel::domain::audit::AuditEvent;
use chiffon_kernel::domain::waiting::{Wait, What};
use chiffon_kernel::store;
use chiffon_kernel::verbs::work::Work;
use chiffon_plans::domain::plan_state::Event as PlanEvent;
use chiffon_protocol::Problem;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Context;
use crate::domain::request::{Event, Status};
use crate::store::messages::{self, Turn};
use crate::store::plans;
use crate::store::requests::{self, Move, Row};

/// What moves a request, and what is told about it.
#[derive(Debug)]
pub struct Change {
    /// What happened.
    pub event: Event,
    /// What it waits for now.
    pub waiting_for: Option<Wait>,
    /// What ended or stopped it.
    pub error: Option<Problem>,
    /// From when on it is to be planned.
    pub resend_at: Option<DateTime<Utc>>,
    /// Who did what.
    pub audit: AuditEvent,
}

impl Change {
    /// A move with nothing to wait for.
    pub fn new(event: Event, audit: AuditEvent) -> Self {
        Self { event, waiting_for: None, error: None, resend_at: None, audit }
    }

    /// The same, waiting for this.
    #[must_use]
    pub fn waiting_for(mut self, what: What, text: impl Into<String>) -> Self {
        self.waiting_for = Some(Wait::new(what, text));
        self
    }
}

/// Moves a request whose row the caller has locked; `row` is the new state after it.
pub async fn apply(context: &Context, work: &mut Work, row: &mut Row, change: Change) -> Result<(), store::Error> {
    apply_all(context, work, vec![(row, change)]).await
}

/// The same of several.
pub async fn apply_all(context: &Context, work: &mut Work, changes: Vec<(&mut Row, Change)>) -> Result<(), store::Error> {
    if changes.is_empty() {
        return Ok(());
    }
    let now = work.now();
    let mut moves = Vec::with_capacity(changes.len());
    for (row, change) in &changes {
        let to = row.status.on(change.event).map_err(|source| store::Error::Transition {
            table: "requests",
            id: row.id.to_string(),
            source: source.into(),
        })?;
        moves.push(Move {
            id: row.id,
            from: row.status,
            to,
            plan_id: row.plan_id,
            waiting_for: change.waiting_for.clone().map(|waiting| waiting.since(now)),
            error: change.error.as_ref().map(|problem| json!(problem)),
            resend_at: change.resend_at,
            deadline_at: deadline_of(context, to),
        });
    }
    requests::set_status(work, &moves, now).await?;
    for ((row, change), moved) in changes.into_iter().zip(moves) {
        work.audit(row.id, change.audit);
        row.status = moved.to;
        row.waiting_for = moved.waiting_for;
        tell(work, row, moved.error.as_ref());
    }
    Ok(())
}

/// When a state that begins now is over by itself, or its person reminded.
pub fn deadline_of(context: &Context, status: Status) -> Option<DateTime<Utc>> {
    context.settings.deadlines.of(status).map(|limit| context.clock.now() + limit.lasts)
}

/// Announces where a request stands.
pub fn tell(work: &mut Work, row: &Row, error: Option<&Value>) {
    work.event(row.id, "request", json!({"status": row.status, "waiting_for": row.waiting_for, "error": error}));
}

/// Adds a turn to the conversation, and announces it. `principal_id` is `None` for Chiffon's own words.
pub async fn say(work: &mut Work, row: &Row, principal_id: Option<Uuid>, text: &str) -> Result<(), store::Error> {
    say_all(work, vec![Turn { request_id: row.id, principal_id, text: text.to_owned(), round: row.round }]).await
}

/// The same in several conversations, one turn in each.
pub async fn say_all(work: &mut Work, turns: Vec<Turn>) -> Result<(), store::Error> {
    if turns.is_empty() {
        return Ok(());
    }
    let now = work.now();
    messages::add(work, &turns, now).await?;
    for turn in turns {
        let from = if turn.principal_id.is_some() { "user" } else { "chiffon" };
        work.event(turn.request_id, "message", json!({"from": from, "text": turn.text}));
    }
    Ok(())
}

/// Tells people what a person did to the request. Planners don't read it.
pub async fn notify(work: &mut Work, row: &Row, about: Uuid, text: &str) -> Result<(), store::Error> {
    let now = work.now();
    messages::add_notice(work, row.id, about, text, row.round, now).await?;
    work.event(row.id, "message", json!({"from": "chiffon", "text": text}));
    Ok(())
}

/// Begins the conversation's next round with a person's words: the plan of the round before is given up, and a planner is called.
pub async fn begin_round(
    context: &Context,
    work: &mut Work,
    row: &mut Row,
    principal_id: Uuid,
    text: &str,
    audit: AuditEvent,
) -> Result<(), store::Error> {
    if let Some(plan_id) = row.plan_id {
        plans::give_up(work, plan_id, PlanEvent::Supersede).await?;
    }
    row.round = requests::next_round(work, row.id).await?;
    say(work, row, Some(principal_id), text).await?;
    let change = Change { resend_at: Some(work.now()), ..Change::new(Event::Say, audit) };
    apply(context, work, row, change.waiting_for(What::Planner, "a planner reads what was said")).await?;
    work.wake_planner();
    Ok(())
}

/// Whether a request in this state has a plan that people can see.
pub fn shows_a_plan(status: Status) -> bool {
    matches!(status, Status::Previewing | Status::AwaitingApproval)
}

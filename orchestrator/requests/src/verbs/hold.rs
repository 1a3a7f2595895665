//! Holding a request and letting it go on: while it is held nothing more of it begins. What no agent has claimed is taken back;
//! what runs goes on. That it is held is remembered beside its state, because what needs a person is shown first.

use chiffon_engine::domain::task::{Event as TaskEvent, Task};
use chiffon_engine::store::task_locks;
use chiffon_engine::store::task_locks::OfRequest;
use chiffon_engine::store::{progress, ready};
use chiffon_engine::verbs::withdraw::{self, Withdrawal};
use chiffon_kernel::domain::audit::AuditEvent;
use chiffon_kernel::domain::missing;
use chiffon_kernel::domain::role::Principal;
use chiffon_kernel::domain::waiting::{Wait, What};
use chiffon_kernel::store;
use chiffon_kernel::verbs::work::Work;
use chiffon_protocol::{ErrorCode, Problem};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::submit::{checked_reason, may_ask};
use super::transition::{self, Change};
use super::{Context, advance_request, scope_of_plan};
use crate::domain::request::{Event, Status};
use crate::store::requests::{self, Row};

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Held {
    /// The request.
    pub request_id: Uuid,
    /// Where it stands.
    pub status: Status,
    /// Whether nothing more of it begins.
    pub held: bool,
    /// Tasks that agents have, and that go on.
    pub going_on: Vec<Uuid>,
    /// The same in words.
    pub text: String,
}

/// Holds a request.
pub async fn pause(context: &Context, principal: &Principal, request_id: Uuid, reason: Option<&str>) -> Result<Held, Problem> {
    let reason = checked_reason(context, reason)?;
    let reason = reason.as_deref();
    let (mut work, mut row) = open(context, principal, request_id).await?;
    if row.held || row.status.on(Event::Pause).is_err() {
        return Err(impossible(&mut work, &row, "paused").await?);
    }
    let text = words(principal, "paused it", reason);
    requests::set_held(&mut work, row.id, Some(&principal.name), context.clock.now()).await?;
    row.held = true;
    let audit = AuditEvent::new(&principal.name, "request.paused", json!({"reason": reason, "was": row.status}));
    let waits = format!("{text}; nothing more begins until `chiffon resume {}`", row.id);
    let change = Change::new(Event::Pause, audit);
    let change = if row.status == Status::Running { change.waiting_for(What::Resume, waits) } else { as_before(change, &row) };
    transition::apply(context, &mut work, &mut row, change).await?;
    take_back(context, &mut work, &row, principal).await?;
    ready::hold(&mut work, row.id).await?;
    transition::say(&mut work, &row, None, &text).await?;
    finish(work, row, text).await
}

/// Lets a request go on.
pub async fn resume(context: &Context, principal: &Principal, request_id: Uuid, reason: Option<&str>) -> Result<Held, Problem> {
    let reason = checked_reason(context, reason)?;
    let reason = reason.as_deref();
    let (mut work, mut row) = open(context, principal, request_id).await?;
    if !row.held || row.status.on(Event::Resume).is_err() {
        return Err(impossible(&mut work, &row, "resumed").await?);
    }
    let text = words(principal, "lets it go on", reason);
    requests::set_held(&mut work, row.id, None, context.clock.now()).await?;
    ready::resume(&mut work, row.id).await?;
    row.held = false;
    let audit = AuditEvent::new(&principal.name, "request.resumed", json!({"reason": reason, "was": row.status}));
    let change = Change::new(Event::Resume, audit);
    let change = if row.status == Status::Paused { change } else { as_before(change, &row) };
    transition::apply(context, &mut work, &mut row, change).await?;
    transition::say(&mut work, &row, None, &text).await?;
    advance_request::run(context, &mut work, &[row.id]).await?;
    finish(work, row, text).await
}

async fn open(context: &Context, principal: &Principal, request_id: Uuid) -> Result<(Work, Row), Problem> {
    may_ask(principal)?;
    let mut work = context.begin().await?;
    let row = requests::lock(&mut work, request_id).await?.ok_or_else(|| missing::request(request_id))?;
    scope_of_plan::own_or_managed(context, &mut work, principal, &row).await?;
    Ok((work, row))
}

async fn finish(mut work: Work, row: Row, text: String) -> Result<Held, Problem> {
    let tasks = progress::list_of_request(&mut work, row.id).await?;
    let row = requests::get(&mut work, row.id).await?.unwrap_or(row);
    work.wake_dispatcher();
    work.commit().await?;
    let going_on: Vec<Uuid> = tasks.iter().filter(|task| task.is_in_flight()).map(|task| task.id).collect();
    let running = if row.held && !going_on.is_empty() { format!("; {} that agents have go on", going_on.len()) } else { String::new() };
    Ok(Held { request_id: row.id, status: row.status, held: row.held, text: format!("{text}{running}"), going_on })
}

/// It goes on waiting for what it waits for.
fn as_before(change: Change, row: &Row) -> Change {
    let text = row.waiting_for.as_ref().map_or("a person has to decide", |waiting| waiting.text.as_str());
    change.waiting_for(What::Attention, text)
}

/// Takes back what nobody owns. The next offer has a higher number, so a claim for this one is refused.
async fn take_back(context: &Context, work: &mut Work, row: &Row, principal: &Principal) -> Result<(), store::Error> {
    let request =
        OfRequest { id: row.id, trace_id: row.trace_id.clone(), status: row.status.as_str().to_owned(), plan_id: row.plan_id, held: true };
    for locked in task_locks::lock_unfinished(work, row.id).await? {
        if locked.state().on(TaskEvent::Hold) != Ok(Task::Waiting) {
            continue;
        }
        let why = Wait::new(What::Resume, format!("its request is paused; `chiffon resume {}` lets it go on", row.id));
        let withdrawal = Withdrawal { actor: &principal.name, event: "task.held", why, excluded: None, not_before: None };
        withdraw::run(context, work, &request, &locked.task, &withdrawal).await?;
    }
    Ok(())
}

fn words(principal: &Principal, what: &str, reason: Option<&str>) -> String {
    format!("{} {what}{}", principal.name, reason.map(|reason| format!(": {reason}")).unwrap_or_default())
}

async fn impossible(work: &mut Work, row: &Row, wanted: &str) -> Result<Problem, store::Error> {
    let (code, why) = if row.status.is_finished() {
        (ErrorCode::AlreadyFinished, "it is over".to_owned())
    } else if row.held {
        let by = requests::held_by(work, row.id).await?.unwrap_or_else(|| "somebody".to_owned());
        (ErrorCode::InvalidTransition, format!("{by} paused it already; `chiffon resume {}` lets it go on", row.id))
    } else if wanted == "resumed" {
        (ErrorCode::InvalidTransition, "nobody holds it".to_owned())
    } else {
        (ErrorCode::InvalidTransition, "nothing of it runs yet; it can be paused while its approved plan runs".to_owned())
    };
    let details: Value = json!({"request_id": row.id, "status": row.status, "held": row.held});
    Ok(Problem::new(code, format!("request {} is `{}` and can't be {wanted}: {why}", row.id, row.status)).with_details(details))
}

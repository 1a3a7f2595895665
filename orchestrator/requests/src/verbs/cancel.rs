//! Taking back a request, or one of its tasks: what has not begun never begins, what runs is told to stop, and the answer
//! says what was stopped and what had already happened.

use chiffon_engine::store::progress::{self, TaskLine};
use chiffon_engine::store::task_changes::set_cancel_requested;
use chiffon_engine::verbs::cancel_tasks;
use chiffon_kernel::domain::audit::AuditEvent;
use chiffon_kernel::domain::role::Principal;
use chiffon_kernel::domain::waiting::What;
use chiffon_kernel::verbs::work::Work;
use chiffon_plans::domain::plan_state::Event as PlanEvent;
use chiffon_protocol::{ErrorCode, Problem};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::submit::{checked_reason, may_ask};
use super::transition::{self, Change};
use crate::domain::request::{Event, Status};
use crate::store::plans;
use crate::store::requests::{self, Row};
use crate::verbs::{Context, advance_request, scope_of_plan};

/// A task as the answer names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct CancelledTask {
    /// Its id.
    pub task_id: Uuid,
    /// `discover | preview | apply`: only the last changes anything.
    pub purpose: String,
    /// What it does.
    pub title: String,
    /// Where it stands now.
    pub status: String,
    /// Percent.
    pub progress: i16,
    /// Whether a host was changed, as far as is known.
    pub changed: Option<bool>,
}

impl CancelledTask {
    /// Its title, and whether it only looks.
    fn named(&self) -> String {
        match self.purpose.as_str() {
            "preview" => format!("{} (dry run)", self.title),
            _ => self.title.clone(),
        }
    }
}

impl From<&TaskLine> for CancelledTask {
    fn from(task: &TaskLine) -> Self {
        Self {
            task_id: task.id,
            purpose: task.purpose.clone(),
            title: task.title.clone(),
            status: task.status.clone(),
            progress: task.progress,
            changed: task.changed,
        }
    }
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Cancelled {
    /// The request.
    pub request_id: Uuid,
    /// Where it stands.
    pub status: Status,
    /// What will not begin.
    pub stopped: Vec<CancelledTask>,
    /// What runs, and was told to stop. It counts as running until its agent has proved that it stopped.
    pub stopping: Vec<CancelledTask>,
    /// What had already happened and is not undone.
    pub done: Vec<CancelledTask>,
    /// The same in words.
    pub text: String,
}

/// Cancels the request with this id, or the task with this id.
pub async fn run(context: &Context, principal: &Principal, id: Uuid, reason: Option<&str>) -> Result<Cancelled, Problem> {
    may_ask(principal)?;
    let reason = checked_reason(context, reason)?;
    let mut work = context.begin().await?;
    let (mut row, task_id) = find(&mut work, id).await?;
    scope_of_plan::own_or_managed(context, &mut work, principal, &row).await?;
    if row.status.is_finished() {
        return Err(finished(format!("request {} is `{}` already; nothing is left to cancel", row.id, row.status), &row));
    }
    let before = progress::list_of_request(&mut work, row.id).await?;
    let reason = reason.map_or_else(|| format!("cancelled by {}", principal.name), |why| format!("cancelled by {}: {why}", principal.name));
    match task_id {
        Some(task_id) => one_task(context, &mut work, &row, &before, task_id, &reason, principal).await?,
        None => whole_request(context, &mut work, &mut row, &reason, principal).await?,
    }
    let after = progress::list_of_request(&mut work, row.id).await?;
    let row = requests::get(&mut work, row.id).await?.unwrap_or(row);
    work.wake_dispatcher();
    work.commit().await?;
    Ok(report(&row, &before, &after))
}

async fn find(work: &mut Work, id: Uuid) -> Result<(Row, Option<Uuid>), Problem> {
    if let Some(row) = requests::lock(work, id).await? {
        return Ok((row, None));
    }
    if let Some(request_id) = requests::find_by_task(work, id).await?
        && let Some(row) = requests::lock(work, request_id).await?
    {
        return Ok((row, Some(id)));
    }
    let message = format!("there is no request and no task {id}; `chiffon requests` lists them");
    Err(Problem::new(ErrorCode::RequestNotFound, message).with_details(json!({"id": id})))
}

async fn whole_request(context: &Context, work: &mut Work, row: &mut Row, reason: &str, principal: &Principal) -> Result<(), Problem> {
    cancel_tasks::run(context, work, row.id, reason, &principal.name).await?;
    // What stopped half-way waits for a person, and this is their decision: it stays as it is.
    for task in progress::list_of_request(work, row.id).await?.iter().filter(|task| task.status == "interrupted") {
        set_cancel_requested(work, task.id, reason, context.clock.now()).await?;
    }
    let data = json!({"reason": reason, "was": row.status});
    let change = Change::new(Event::Cancel, AuditEvent::new(&principal.name, "request.cancel_wanted", data));
    let under_way = matches!(row.status, Status::Running | Status::NeedsAttention | Status::Paused);
    if !under_way {
        if let Some(plan_id) = row.plan_id {
            plans::give_up(work, plan_id, PlanEvent::Withdraw).await?;
        }
        return Ok(transition::apply(context, work, row, change).await?);
    }
    let text = format!("{reason}; what runs is told to stop, and counts as running until its agent has proved that it stopped");
    transition::apply(context, work, row, change.waiting_for(What::Cancel, text)).await?;
    Ok(advance_request::run(context, work, &[row.id]).await?)
}

async fn one_task(
    context: &Context,
    work: &mut Work,
    row: &Row,
    tasks: &[TaskLine],
    task_id: Uuid,
    reason: &str,
    principal: &Principal,
) -> Result<(), Problem> {
    let task = tasks.iter().find(|task| task.id == task_id);
    if let Some(task) = task.filter(|task| !task.is_moving() && !task.is_in_flight()) {
        let next = if task.needs_a_person() { format!("; `chiffon resolve {task_id} --give-up` gives it up") } else { String::new() };
        return Err(finished(format!("task {task_id} is `{}` already; nothing is left to cancel{next}", task.status), row));
    }
    cancel_tasks::run_one(context, work, task_id, reason, &principal.name).await?;
    Ok(())
}

fn finished(message: String, row: &Row) -> Problem {
    Problem::new(ErrorCode::AlreadyFinished, message).with_details(json!({"request_id": row.id, "status": row.status}))
}

fn report(row: &Row, before: &[TaskLine], after: &[TaskLine]) -> Cancelled {
    let was_open = |task: &&TaskLine| before.iter().any(|before| before.id == task.id && (before.is_moving() || before.is_in_flight()));
    let lines = |chosen: Vec<&TaskLine>| -> Vec<CancelledTask> { chosen.into_iter().map(CancelledTask::from).collect() };
    let stopped = lines(after.iter().filter(was_open).filter(|task| matches!(task.status.as_str(), "cancelled" | "skipped")).collect());
    let stopping = lines(after.iter().filter(|task| task.cancel_requested && task.is_in_flight()).collect());
    // What was only looked at is nothing that could be undone.
    let has_happened = |task: &&TaskLine| task.purpose == "apply" && matches!(task.status.as_str(), "completed" | "interrupted");
    let done = lines(after.iter().filter(has_happened).collect());
    let text = in_words(row.status, &stopped, &stopping, &done);
    Cancelled { request_id: row.id, status: row.status, stopped, stopping, done, text }
}

fn in_words(status: Status, stopped: &[CancelledTask], stopping: &[CancelledTask], done: &[CancelledTask]) -> String {
    let mut sentences = Vec::new();
    let mut list = |word: &str, tasks: &[CancelledTask], with_progress: bool| {
        if !tasks.is_empty() {
            let lines: Vec<String> = tasks
                .iter()
                .map(|task| if with_progress { format!("{} (at {} %)", task.named(), task.progress) } else { task.named() })
                .collect();
            sentences.push(format!("{word}: {}.", lines.join("; ")));
        }
    };
    list("Told to stop", stopping, true);
    list("Will not begin", stopped, false);
    list("Had already happened and is not undone", done, false);
    if sentences.is_empty() {
        sentences.push(format!("Nothing had begun; the request is `{status}`."));
    }
    sentences.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_tells_what_stops_what_never_begins_and_what_stays() {
        let task = |title: &str, status: &str, progress| CancelledTask {
            task_id: Uuid::nil(),
            purpose: "apply".to_owned(),
            title: title.to_owned(),
            status: status.to_owned(),
            progress,
            changed: None,
        };
        let text = in_words(Status::Running, &[task("C", "cancelled", 0)], &[task("B", "running", 40)], &[task("A", "completed", 100)]);
        assert_eq!(text, "Told to stop: B (at 40 %). Will not begin: C. Had already happened and is not undone: A.");
        let dry = CancelledTask { purpose: "preview".to_owned(), ..task("B", "running", 40) };
        assert_eq!(in_words(Status::Previewing, &[], &[dry], &[]), "Told to stop: B (dry run) (at 40 %).");
        assert_eq!(in_words(Status::Cancelled, &[], &[], &[]), "Nothing had begun; the request is `cancelled`.");
    }
}

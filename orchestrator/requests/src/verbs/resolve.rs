//! A person decides about a task that was cut off: try it again, it is done, or give it up (RELIABILITY 13).
//!
//! Everything is looked at again under the locks of request and task: of two people who decide at once, one does, and the other is
//! told. What the old attempt reports later is recorded as conflicting and changes nothing (RELIABILITY 14).

use chiffon_engine::domain::task as domain;
use chiffon_engine::domain::task::{Asked, Decision, Proof, Purpose, Refusal, Status};
use chiffon_engine::store::task_changes::set_resolved;
use chiffon_engine::store::task_locks;
use chiffon_engine::store::task_locks::Locked;
use chiffon_engine::verbs::{end_task, retry, task_story, wait};
use chiffon_kernel::domain::role::Principal;
use chiffon_kernel::store::audit;
use chiffon_kernel::verbs::work::Work;
use chiffon_process::shown;
use chiffon_protocol::{ErrorCode, Problem};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::submit::{checked_reason, may_ask};
use crate::domain::permissions::TASKS_RESOLVE;
use crate::store::requests::{self, Row};
use crate::store::{deadlines, plans};
use crate::verbs::{Context, advance_request, scope_of_plan, transition};

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolve {
    /// The task.
    pub task_id: Uuid,
    /// What is decided.
    pub decision: Decision,
    /// The attempt that was seen; none: whichever is the newest one.
    pub attempt: Option<i32>,
    /// Why, or how they know.
    pub comment: Option<String>,
    /// The person's word that the attempt does not run any more.
    pub not_running: bool,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Resolved {
    /// The task.
    pub task_id: Uuid,
    /// Its request.
    pub request_id: Uuid,
    /// What was decided.
    pub decision: Decision,
    /// About which attempt.
    pub attempt: i32,
    /// Where the task stands.
    #[schema(value_type = String)]
    pub task_status: Status,
    /// Where the request stands.
    pub request_status: crate::domain::request::Status,
    /// The same in words.
    pub text: String,
}

/// Decides, and does what follows from it.
pub async fn run(context: &Context, principal: &Principal, input: Resolve) -> Result<Resolved, Problem> {
    may_ask(principal)?;
    let comment = checked_reason(context, input.comment.as_deref())?;
    let comment = comment.as_deref();
    let mut work = context.begin().await?;
    let (row, locked) = find(&mut work, input.task_id).await?;
    may_resolve(context, &mut work, principal, &row).await?;
    let proof = retry::proof(context, &locked);
    let attempt = input.attempt.unwrap_or(locked.task.attempt);
    let asked = Asked { decision: input.decision, attempt, has_comment: comment.is_some(), not_running: input.not_running };
    let next = match can_be_resolved(&row, &locked).then(|| domain::resolve(locked.state(), asked, proof)) {
        Some(Ok(next)) => next.status(),
        Some(Err(refusal)) => return Err(refused(context, &mut work, &row, &locked, &input, refusal).await?),
        None => return Err(refused(context, &mut work, &row, &locked, &input, Refusal::NotHere).await?),
    };
    if next == Status::Waiting && deadlines::passed(&mut work, row.id).await?.is_some() {
        let message = format!(
            "the deadline of request {} has passed: nothing of it is tried again; give the task up, or say that it is done",
            row.id
        );
        return Err(Problem::new(ErrorCode::DeadlinePassed, message).with_details(json!({"request_id": row.id})));
    }
    let decided = Decided { principal, decision: input.decision, comment, proof, not_running: input.not_running, next };
    apply(context, &mut work, &row, &locked, &decided).await?;
    let row = requests::get(&mut work, row.id).await?.unwrap_or(row);
    work.commit().await?;
    Ok(Resolved {
        task_id: input.task_id,
        request_id: row.id,
        decision: input.decision,
        attempt,
        task_status: next,
        request_status: row.status,
        text: decided.text(&locked),
    })
}

struct Decided<'d> {
    principal: &'d Principal,
    decision: Decision,
    comment: Option<&'d str>,
    proof: Option<Proof>,
    not_running: bool,
    next: Status,
}

impl Decided<'_> {
    fn text(&self, locked: &Locked) -> String {
        let (who, title) = (&self.principal.name, &locked.task.title);
        let what = match (self.decision, self.next) {
            (Decision::Retry, _) => "is tried again",
            (Decision::Done, _) => "is done",
            (Decision::GiveUp, Status::Cancelled) => "is given up, as it was to be stopped",
            (Decision::GiveUp, _) => "is given up",
        };
        let word = if self.proof.is_none() { ", and says that nothing of it runs any more" } else { "" };
        let why = self.comment.map(|comment| format!(": {comment}")).unwrap_or_default();
        format!("{who} decided that \"{title}\" {what}{word}{why}")
    }
}

async fn find(work: &mut Work, task_id: Uuid) -> Result<(Row, Locked), Problem> {
    let missing = || {
        let message = format!("there is no task {task_id}; `GET /request/{{id}}` lists the tasks of a request");
        Problem::new(ErrorCode::TaskNotFound, message).with_details(json!({"task_id": task_id}))
    };
    let request_id = requests::find_by_task(work, task_id).await?.ok_or_else(missing)?;
    let row = requests::lock(work, request_id).await?.ok_or_else(missing)?;
    let locked = task_locks::lock(work, task_id).await?.ok_or_else(missing)?;
    Ok((row, locked))
}

/// Whoever may cancel a request may decide about its tasks, but no program: it is a person's word that counts here.
pub(super) async fn may_resolve(context: &Context, work: &mut Work, principal: &Principal, row: &Row) -> Result<(), Problem> {
    principal.check_somewhere(&TASKS_RESOLVE)?;
    scope_of_plan::own_or_managed(context, work, principal, row).await?;
    if principal.may_everywhere(&TASKS_RESOLVE) {
        return Ok(());
    }
    let Some(plan_id) = row.plan_id else { return Err(TASKS_RESOLVE.refused(principal)) };
    let plan = plans::get(work, plan_id).await?;
    scope_of_plan::check(context, work, principal, &TASKS_RESOLVE, (&plan.document, &[])).await
}

/// Looks at things before an approval are tried again by themselves, and end with their plan.
fn can_be_resolved(row: &Row, locked: &Locked) -> bool {
    !row.status.is_finished() && row.plan_id == Some(locked.task.plan_id) && locked.task.purpose == Purpose::Apply
}

async fn refused(
    context: &Context,
    work: &mut Work,
    row: &Row,
    locked: &Locked,
    input: &Resolve,
    refusal: Refusal,
) -> Result<Problem, Problem> {
    let task = &locked.task;
    let (id, status) = (task.id, task.status.as_str());
    let decided = audit::last_decision(work, row.id, id).await?;
    let before = decided.as_ref().map(|(who, what)| format!("; {who} decided `{what}`")).unwrap_or_default();
    let (code, message) = match refusal {
        Refusal::NotHere => (
            ErrorCode::NothingToDecide,
            format!(
                "task {id} is `{status}` and its request `{}`: nothing is to be decided about it{before}. `chiffon show {}` says how it stands",
                row.status, row.id
            ),
        ),
        Refusal::Cancelled => (
            ErrorCode::NothingToDecide,
            format!("task {id} was cancelled, and cancelled work is not tried again; say that it is done, or give it up"),
        ),
        Refusal::OtherAttempt => (
            ErrorCode::StaleAttempt,
            format!(
                "task {id} is at attempt {} by now, which is `{status}`, not at attempt {}{before}; look again (`chiffon why {}`)",
                task.attempt,
                input.attempt.unwrap_or(task.attempt),
                row.id
            ),
        ),
        Refusal::CommentMissing => (
            ErrorCode::CommentMissing,
            format!("how do you know? Deciding about task {id} wants a comment, because your word stands in for a report"),
        ),
        Refusal::MayStillRun => (ErrorCode::MayStillRun, may_still_run(context, locked)),
    };
    let details = json!({
        "task_id": id, "request_id": row.id, "status": status, "attempt": task.attempt, "request_status": row.status,
        "decided": decided.map(|(by, decision)| json!({"by": by, "decision": decision})),
    });
    Ok(Problem::new(code, message).with_details(details))
}

fn may_still_run(context: &Context, locked: &Locked) -> String {
    let agent = locked.attempt.as_ref().and_then(|attempt| attempt.agent_id.as_deref()).unwrap_or("its agent");
    let until = retry::over(context, locked).filter(|over| *over > context.clock.now());
    let until = until.map(|over| format!(" until {}", shown(over))).unwrap_or_default();
    format!(
        "task {} may still run{until}: {agent} has not reported its end. Look at the host, and say so when nothing of it runs there any more \
         (`--not-running`, `not_running`), with a comment",
        locked.task.id
    )
}

async fn apply(context: &Context, work: &mut Work, row: &Row, locked: &Locked, decided: &Decided<'_>) -> Result<(), Problem> {
    let (task, text) = (&locked.task, decided.text(locked));
    if decided.next == Status::Waiting {
        retry::again(context, work, locked, None, &text).await?;
    } else {
        let given_up = Problem::new(ErrorCode::GivenUp, &text).with_details(json!({"attempt": task.attempt}));
        let error = (decided.next != Status::Completed).then_some(&given_up);
        set_resolved(work, task.id, (task.status, decided.next), &text, error, context.clock.now()).await?;
    }
    let particulars = json!({
        "decision": decided.decision, "comment": decided.comment, "not_running": decided.not_running,
        "proof": decided.proof.map(Proof::as_str), "was": task.status, "becomes": decided.next,
    });
    task_story::tell(work, task, decided.next, &decided.principal.name, "task.resolved", particulars);
    if decided.next != Status::Waiting {
        end_task::follow(context, work, &[end_task::Followed::new(task, decided.next)]).await?;
    }
    transition::say(work, row, None, &text).await?;
    advance_request::run(context, work, &[row.id]).await?;
    if decided.next == Status::Waiting {
        wait::mirror_task(work, task.id).await?;
    }
    Ok(())
}

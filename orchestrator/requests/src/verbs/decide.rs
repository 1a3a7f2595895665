//! Deciding about a plan: approve, reject, or ask for a change in words.
//!
//! Everything is looked at again under the request's lock (RELIABILITY 18): the current hash, the state, the time, who decides
//! and who has decided before. The last needed approval is consumed in the transaction that starts the run.

use chiffon_engine::verbs::cancel_tasks;
use chiffon_kernel::domain::audit::AuditEvent;
use chiffon_kernel::domain::missing;
use chiffon_kernel::domain::role::Principal;
use chiffon_kernel::verbs::work::Work;
use chiffon_plans::domain::plan_state::{Event as PlanEvent, State as PlanState};
use chiffon_process::shown;
use chiffon_protocol::{ErrorCode, Problem};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::submit::{checked_text, may_ask};
use super::transition::{self, Change};
use crate::domain::permissions::REQUESTS_APPROVE;
use crate::domain::request::{Event, Status};
use crate::store::requests::{self, Row};
use crate::store::{approvals, plans};
use crate::verbs::{Context, approve, expire, say, scope_of_plan};

/// What can be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Run exactly this plan.
    Approve,
    /// Don't, and end the request.
    Reject,
    /// Make another one; the comment says what should change.
    Revise,
}

impl Decision {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Revise => "revise",
        }
    }
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decide {
    /// The request.
    pub request_id: Uuid,
    /// The hash of the plan that was seen.
    pub plan_sha256: String,
    /// What is decided.
    pub decision: Decision,
    /// Why; for a revision, what should change.
    pub comment: Option<String>,
    /// Steps that an approval leaves out.
    pub left_out: Vec<String>,
    /// The approval link through which they came, where they did not sign in.
    pub link_id: Option<Uuid>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Decided {
    /// The request.
    pub request_id: Uuid,
    /// Where it stands.
    pub status: Status,
    /// The plan that was decided about.
    pub plan_sha256: String,
    /// Distinct people who have approved it.
    pub approvals_given: i64,
    /// Distinct people who have to.
    pub approvals_needed: i32,
    /// The steps that an approval has left out.
    pub left_out: Vec<String>,
}

/// Records a decision and does what follows from it. Approvals that come at the same time are one transaction.
pub async fn run(context: &Context, principal: &Principal, input: Decide) -> Result<Decided, Problem> {
    if input.decision == Decision::Approve {
        return approve::run(context, principal, input).await;
    }
    if !input.left_out.is_empty() {
        let message = "`left_out` goes with the decision `approve`; leave it out, or say in words what should be different";
        return Err(Problem::new(ErrorCode::InvalidField, message).with_details(json!({"field": "left_out"})));
    }
    let talk = match input.comment.as_deref().map(|words| checked_text(context, words)) {
        Some(Ok(words)) if input.decision == Decision::Revise => say::unchanged(context, principal, input.request_id, &words).await?,
        _ => None,
    };
    let mut work = context.begin().await?;
    let mut row = requests::lock(&mut work, input.request_id).await?.ok_or_else(|| missing::request(input.request_id))?;
    may_decide(principal, input.decision)?;
    if input.decision == Decision::Revise {
        scope_of_plan::own_or_managed(context, &mut work, principal, &row).await?;
    }
    let plan = match row.plan_id {
        Some(plan_id) => Some(plans::get(&mut work, plan_id).await?),
        None => None,
    };
    let plan = seen_plan(&row, plan, &input.plan_sha256)?;
    if expire::if_over(context, &mut work, &mut row, &plan).await? {
        work.commit().await?;
        return Err(expired(&row));
    }
    can_be_decided(&row, &plan, input.decision)?;
    if input.decision == Decision::Reject {
        scope_of_plan::check(context, &mut work, principal, &REQUESTS_APPROVE, (&plan.document, &[])).await?;
    }
    let decided = if input.decision == Decision::Reject {
        reject(context, &mut work, &mut row, &plan, principal, &input).await?
    } else if let Some(talk) = talk.filter(|talk| talk.is_about(&row)) {
        // Words that change nothing take no plan away.
        let words = checked_text(context, input.comment.as_deref().unwrap_or_default())?;
        say::answer(&mut work, &row, principal, &words, &talk.answer).await?;
        decided(&row, &plan, &input, 0)
    } else {
        revise(context, &mut work, &mut row, &plan, principal, &input).await?
    };
    work.wake_dispatcher();
    work.commit().await?;
    Ok(decided)
}

/// Whether they may decide so at all; for this plan: see [`scope_of_plan`].
pub(super) fn may_decide(principal: &Principal, decision: Decision) -> Result<(), Problem> {
    if decision == Decision::Revise {
        return may_ask(principal);
    }
    principal.check_somewhere(&REQUESTS_APPROVE)
}

/// A part of a hash, or one in other letters, may well be that of the current plan: it is no other plan's.
pub(super) fn whole_hash(seen: &str) -> Result<(), Problem> {
    let is_whole = seen.len() == 64 && seen.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if is_whole {
        return Ok(());
    }
    let message = "`plan_sha256` is no whole hash: send all 64 characters of the plan's, in lower case, as GET /request/{id} has them";
    Err(Problem::new(ErrorCode::InvalidField, message).with_details(json!({"field": "plan_sha256"})))
}

/// The current plan, if its hash is the one that was seen.
pub(super) fn seen_plan(row: &Row, plan: Option<plans::Row>, seen: &str) -> Result<plans::Row, Problem> {
    whole_hash(seen)?;
    let Some((plan, sha256)) = plan.and_then(|plan| plan.sha256.clone().map(|sha256| (plan, sha256))) else { return Err(no_plan_yet(row)) };
    let superseded = plan.state == PlanState::Superseded;
    if sha256 == seen && !superseded {
        return Ok(plan);
    }
    if row.status == Status::NeedsInput {
        return Err(no_plan_yet(row));
    }
    let message = if superseded {
        format!("a new revision of the plan of request {} is being made; look at it when it is there", row.id)
    } else {
        format!("the plan of request {} is now revision {} with another hash; look at it and decide again", row.id, plan.revision)
    };
    let shown = (!superseded).then(|| json!({"revision": plan.revision, "sha256": sha256, "document": plan.document}));
    Err(Problem::new(ErrorCode::StalePlan, message).with_details(json!({"seen": seen, "plan": shown})))
}

/// Why there is nothing to decide about yet, and what has to come before.
fn no_plan_yet(row: &Row) -> Problem {
    let (id, status) = (row.id, row.status);
    let next = if status == Status::NeedsInput {
        format!("it waits for an answer first: `chiffon revise {id} \"your words\"`")
    } else {
        "look at it again shortly".to_owned()
    };
    Problem::new(ErrorCode::NoPlanYet, format!("request {id} is `{status}` and has no plan to decide about yet; {next}"))
        .with_details(json!({"status": status, "next": status.next_calls()}))
}

pub(super) fn expired(row: &Row) -> Problem {
    Problem::new(
        ErrorCode::PlanExpired,
        format!("the plan of request {} has expired and can't be decided about any more; ask again", row.id),
    )
    .with_details(json!({"status": row.status}))
}

pub(super) fn can_be_decided(row: &Row, plan: &plans::Row, decision: Decision) -> Result<(), Problem> {
    let event = match decision {
        Decision::Approve => Event::Approve,
        Decision::Reject => Event::Reject,
        Decision::Revise => Event::Say,
    };
    if row.status.on(event).is_ok() {
        return Ok(());
    }
    let details = json!({"status": row.status, "next": row.status.next_calls()});
    let (code, message) = match row.status {
        Status::Previewing | Status::Discovering | Status::Planning | Status::NeedsInput => return Err(no_plan_yet(row)),
        Status::Expired => return Err(expired(row)),
        Status::Cancelled => (ErrorCode::AlreadyFinished, format!("request {} was cancelled; ask again", row.id)),
        Status::Rejected => (ErrorCode::AlreadyDecided, format!("the plan of request {} was rejected; ask again", row.id)),
        Status::AwaitingApproval | Status::Running | Status::NeedsAttention | Status::Paused | Status::Completed | Status::Failed => {
            let when = plan.approved_at.map(|at| format!(" at {}", shown(at))).unwrap_or_default();
            (ErrorCode::AlreadyDecided, format!("the plan of request {} was approved{when} and runs once; it is `{}`", row.id, row.status))
        }
    };
    Err(Problem::new(code, message).with_details(details))
}

pub(super) fn new_decision<'n>(context: &Context, plan: &plans::Row, principal: &Principal, input: &'n Decide) -> approvals::New<'n> {
    approvals::New {
        id: context.ids.new_id(),
        plan_id: plan.id,
        plan_sha256: &input.plan_sha256,
        principal_id: principal.id,
        decision: input.decision.as_str(),
        comment: input.comment.as_deref(),
        left_out: &input.left_out,
        link_id: input.link_id,
    }
}

async fn reject(
    context: &Context,
    work: &mut Work,
    row: &mut Row,
    plan: &plans::Row,
    principal: &Principal,
    input: &Decide,
) -> Result<Decided, Problem> {
    approvals::add(work, &new_decision(context, plan, principal, input), context.clock.now()).await?;
    plans::move_on(work, plan.id, plan.state, PlanEvent::Reject).await?;
    if row.status == Status::Previewing {
        cancel_tasks::run(context, work, row.id, &format!("{} rejected the plan", principal.name), &principal.name).await?;
    }
    let why = input.comment.as_deref().map(|comment| format!(": {comment}")).unwrap_or_default();
    transition::say(work, row, None, &format!("{} rejected plan {}{why}", principal.name, plan.revision)).await?;
    let mut data = json!({"revision": plan.revision, "sha256": input.plan_sha256, "comment": input.comment});
    if let Some(link_id) = input.link_id {
        data["approval_link_id"] = json!(link_id);
    }
    let event = AuditEvent::new(&principal.name, "plan.rejected", data);
    transition::apply(context, work, row, Change::new(Event::Reject, event)).await?;
    Ok(decided(row, plan, input, 0))
}

async fn revise(
    context: &Context,
    work: &mut Work,
    row: &mut Row,
    plan: &plans::Row,
    principal: &Principal,
    input: &Decide,
) -> Result<Decided, Problem> {
    let text = checked_text(context, input.comment.as_deref().unwrap_or_default())?;
    approvals::add(work, &new_decision(context, plan, principal, input), context.clock.now()).await?;
    say::next_round(context, work, row, principal, &text).await?;
    Ok(decided(row, plan, input, 0))
}

pub(super) fn decided(row: &Row, plan: &plans::Row, input: &Decide, given: i64) -> Decided {
    Decided {
        request_id: row.id,
        status: row.status,
        plan_sha256: input.plan_sha256.clone(),
        approvals_given: given,
        approvals_needed: plan.approvals_needed,
        left_out: input.left_out.clone(),
    }
}

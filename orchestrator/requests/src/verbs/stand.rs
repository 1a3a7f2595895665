//! Standing for a plan's steps: whoever has approved a plan gives the same steps a word for requests to come, for a while.
//!
//! Only a person, only for what they have approved themselves, once the plan has all of its approvals, and never for what destroys something.

use std::time::Duration;

use chiffon_kernel::domain::audit::AuditEvent;
use chiffon_kernel::domain::missing;
use chiffon_kernel::domain::role::Principal;
use chiffon_kernel::verbs::work::Work;
use chiffon_protocol::action::Risk;
use chiffon_protocol::{ErrorCode, Problem};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;

use super::decide::whole_hash;
use super::submit::checked_reason;
use crate::domain::origin::is_kind;
use crate::domain::permissions::APPROVALS_STAND;
use crate::domain::standing_approval::{Scope, ScopeKind};
use crate::store::requests::{self, Row};
use crate::store::{approvals, plans, standing_approvals};
use crate::verbs::{Context, scope_of_plan};

/// The most kinds of origins that one covers.
const MOST_KINDS: usize = 16;

/// A word to be given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stand {
    /// The request whose plan was approved.
    pub request_id: Uuid,
    /// The plan's hash.
    pub plan_sha256: String,
    /// For how long; as long as the policy allows unless told otherwise.
    pub valid_for: Option<Duration>,
    /// Whose requests it covers.
    pub scope: ScopeKind,
    /// With the scope `origin`: of which kinds.
    pub origin_kinds: Vec<String>,
    /// Why.
    pub comment: Option<String>,
}

/// Gives a standing approval; its id.
pub async fn run(context: &Context, principal: &Principal, input: Stand) -> Result<Uuid, Problem> {
    principal.check_somewhere(&APPROVALS_STAND)?;
    whole_hash(&input.plan_sha256)?;
    let comment = checked_reason(context, input.comment.as_deref())?;
    let mut work = context.begin().await?;
    let row = requests::lock(&mut work, input.request_id).await?.ok_or_else(|| missing::request(input.request_id))?;
    let plan = approved_plan(&mut work, &row, principal, &input.plan_sha256).await?;
    scope_of_plan::check(context, &mut work, principal, &APPROVALS_STAND, (&plan.document, &[])).await?;
    let scope = scope(&input, &row)?;
    let now = work.now();
    let expires_at = expiry(context, now, input.valid_for)?;
    let steps_sha256 = plan.document.steps_sha256();
    let new = standing_approvals::New {
        id: context.ids.new_id(),
        steps_sha256: &steps_sha256,
        scope: &scope,
        given_by: principal.id,
        expires_at,
        request_id: row.id,
        plan_id: plan.id,
        plan_sha256: &input.plan_sha256,
        comment: comment.as_deref(),
    };
    standing_approvals::add(&mut work, &new, now).await?;
    let data = json!({
        "standing_approval": new.id, "request_id": row.id, "revision": plan.revision, "sha256": input.plan_sha256, "steps_sha256": steps_sha256,
        "scope": scope.kind(), "requester_id": scope.requester_id(), "origin_kinds": scope.origin_kinds(), "expires_at": expires_at,
        "comment": comment,
    });
    work.audit_system(AuditEvent::new(&principal.name, "approval.stood", data));
    let id = new.id;
    work.commit().await?;
    Ok(id)
}

/// The plan of this hash, if it may be stood for by this person.
async fn approved_plan(work: &mut Work, row: &Row, principal: &Principal, sha256: &str) -> Result<plans::Row, Problem> {
    let Some(plan) = plans::find(work, row.id, sha256).await? else {
        let message = format!("request {} has no plan with this hash; `chiffon show {0}` shows the plan that it has", row.id);
        return Err(Problem::new(ErrorCode::StalePlan, message).with_details(json!({"seen": sha256})));
    };
    if let Some(step) = plan.document.steps.iter().find(|step| step.risk >= Risk::Destructive) {
        let message = format!(
            "`{}` removes things, and nobody stands for that: it is approved each time by whoever looks at its preview",
            step.title
        );
        return Err(Problem::new(ErrorCode::NotStandable, message).with_details(json!({"step_id": step.step_id, "risk": step.risk})));
    }
    if plan.approved_at.is_none() {
        let message =
            format!("plan {} of request {} does not have all of its approvals; `chiffon approve {1}` comes first", plan.revision, row.id);
        return Err(Problem::new(ErrorCode::NotApprovedByYou, message).with_details(json!({"state": plan.state})));
    }
    if !approvals::is_own_word(work, plan.id, principal.id).await? {
        let message = format!(
            "`{}` has not approved plan {} of request {} in a word of their own, and can't stand for it; somebody who has can",
            principal.name, plan.revision, row.id
        );
        return Err(Problem::new(ErrorCode::NotApprovedByYou, message));
    }
    Ok(plan)
}

fn scope(input: &Stand, row: &Row) -> Result<Scope, Problem> {
    let refuse = |message: String| Err(Problem::new(ErrorCode::InvalidField, message).with_details(json!({"field": "origin_kinds"})));
    let kinds = &input.origin_kinds;
    match input.scope {
        ScopeKind::Origin if kinds.is_empty() || kinds.len() > MOST_KINDS => {
            refuse(format!("the scope `origin` wants `origin_kinds`: 1 to {MOST_KINDS} kinds such as `schedule`"))
        }
        ScopeKind::Origin => match kinds.iter().find(|kind| !is_kind(kind)) {
            Some(bad) => {
                refuse(format!("`{}` is no kind of what begins requests; those are words such as `schedule`", bad.escape_default()))
            }
            None => Ok(Scope::Origin(kinds.clone())),
        },
        _ if !kinds.is_empty() => refuse("`origin_kinds` goes with the scope `origin` only".to_owned()),
        ScopeKind::Requester => Ok(Scope::Requester(row.principal_id)),
        ScopeKind::Any => Ok(Scope::Any),
    }
}

/// When it is over: never later than the policy allows.
fn expiry(context: &Context, now: DateTime<Utc>, asked: Option<Duration>) -> Result<DateTime<Utc>, Problem> {
    let longest = context.policy.standing_valid_for;
    let valid_for = asked.unwrap_or(longest);
    let expires_at = TimeDelta::from_std(valid_for).ok().and_then(|valid_for| now.checked_add_signed(valid_for));
    expires_at.filter(|at| *at > now && valid_for <= longest).ok_or_else(|| {
        let (days, seconds) = (longest.as_secs_f64() / 86_400.0, longest.as_secs());
        let message = format!(
            "`valid_for` is longer than nothing and at most as long as `policy.standing_valid_for`, which is {days} days ({seconds} seconds)"
        );
        Problem::new(ErrorCode::InvalidField, message).with_details(json!({"field": "valid_for", "most_seconds": seconds}))
    })
}

//! Withdrawing a standing approval: once this is answered, nothing begins under it any more. What runs already goes on.

use chiffon_kernel::domain::audit::AuditEvent;
use chiffon_kernel::domain::role::Principal;
use chiffon_protocol::{ErrorCode, Problem};
use serde_json::json;
use uuid::Uuid;

use super::submit::checked_reason;
use crate::domain::permissions::APPROVALS_WITHDRAW;
use crate::store::plans;
use crate::store::read::standing_approvals as read;
use crate::store::standing_approvals::{self, Withdrawal};
use crate::verbs::{Context, scope_of_plan};

/// Withdraws it, unless it is withdrawn; the requests that go on under it. Whoever gave it may, and whoever may with anybody's.
pub async fn run(context: &Context, principal: &Principal, id: Uuid, reason: Option<&str>) -> Result<Vec<Uuid>, Problem> {
    let reason = checked_reason(context, reason)?;
    let mut work = context.begin().await?;
    let locked = standing_approvals::lock(&mut work, id).await?.ok_or_else(|| missing(id))?;
    if locked.given_by != principal.id {
        principal.check_somewhere(&APPROVALS_WITHDRAW)?;
        if !principal.may_everywhere(&APPROVALS_WITHDRAW) {
            let plan = plans::get(&mut work, locked.plan_id).await?;
            scope_of_plan::check(context, &mut work, principal, &APPROVALS_WITHDRAW, (&plan.document, &[])).await?;
        }
    }
    if locked.withdrawn_at.is_none() {
        let now = work.now();
        let withdrawal = Withdrawal { by: &principal.name, why: reason.as_deref() };
        standing_approvals::withdraw(&mut work, id, withdrawal, now).await?;
        let data = json!({"standing_approval": id, "reason": reason});
        work.audit_system(AuditEvent::new(&principal.name, "approval.withdrawn", data));
    }
    let going_on = read::running_under(&mut work, id).await?;
    work.commit().await?;
    Ok(going_on)
}

/// There is no such standing approval.
pub fn missing(id: Uuid) -> Problem {
    Problem::new(ErrorCode::StandingNotFound, format!("there is no standing approval {id}; `chiffon standing list` lists them"))
        .with_details(json!({"standing_approval_id": id}))
}

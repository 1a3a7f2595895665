//! Whom a channel is for, and what they may be told.

use chiffon_kernel::domain::role::Principal;
use chiffon_kernel::domain::scope::Target;
use chiffon_kernel::store::Error;
use chiffon_requests::domain::permissions::{REQUESTS_APPROVE, REQUESTS_READ};
use chiffon_requests::verbs::scope_of_plan;
use sqlx::PgConnection;

use crate::domain::kind::Kind;
use crate::domain::notice::Request;
use crate::domain::permissions::NOTIFICATIONS_READ;

/// Why this person is not told this, if there is a reason.
pub async fn refused(
    connection: &mut PgConnection,
    person: &Principal,
    kind: Kind,
    request: &Request,
) -> Result<Option<&'static str>, Error> {
    let decides = kind == Kind::ApprovalNeeded || (kind == Kind::Waiting && request.status == "awaiting_approval");
    Ok(match &request.plan {
        Some(plan) if decides => {
            if !scope_of_plan::covers_current(connection, person, &REQUESTS_APPROVE, request.id).await? {
                Some("the person may not approve this plan")
            } else if !plan.self_approval && plan.authors.contains(&person.id) {
                Some("the plan is to be approved by somebody who said no word in its conversation")
            } else if plan.approved_by.contains(&person.id) {
                Some("the person has approved it")
            } else {
                None
            }
        }
        _ if person.may(&REQUESTS_READ, Target::ALL) => None,
        _ => Some("the person may not see requests"),
    })
}

/// Whether this person is told of what concerns no request: agents, budgets, certificates.
pub fn looks_after_the_house(person: &Principal) -> bool {
    !person.is_program && person.may_somewhere(&NOTIFICATIONS_READ)
}

//! Whom a channel is for, and what they may be told.

use chiffon_kernel::domain::role::Principal;
use chiffon_kernel::domain::scope::Target;
use chiffon_kernel::store::Error;
use chiffon_requests::domain::permissions::{REQUESTS_APPROVE, REQUESTS_READ};
use chiffon_requests::verbs::scope_of_plan;
use sqlx::PgConnection;

use crate::domain::kind::Kind;
use crate::domain::notice::Request;

/// Why this person is not told this, if there is a reason.
pub async fn refused(
    connection: &mut PgConnection,
    person: &Principal,
    kind: Kind,
    request: &Request,
) -> Result<Option<&'static str>, Error> {
    Ok(match (kind, &request.plan) {
        (Kind::ApprovalNeeded, Some(plan)) => {
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

//! Whether somebody may do something with a plan, where they hold the permission for some hosts, actions and risks only.
//!
//! Who holds it everywhere costs no statement. A denial names the step, the host, the permission, and who holds it for all of that.

use std::collections::BTreeSet;
use std::sync::Arc;

use chiffon_fleet::store::catalogue;
use chiffon_kernel::domain::permission::Permission;
use chiffon_kernel::domain::role::Principal;
use chiffon_kernel::store::{self, principals};
use chiffon_kernel::verbs::holders;
use chiffon_kernel::verbs::work::Work;
use chiffon_plans::domain::fleet::Fleet;
use chiffon_plans::domain::plan::{PlanDocument, Step};
use chiffon_protocol::{ErrorCode, Problem};
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::Context;
use crate::domain::permissions::{REQUESTS_ASK, REQUESTS_MANAGE};
use crate::domain::scope_of_plan::{Uncovered, to_run, uncovered};
use crate::store::requests::Row;
use crate::store::{messages, plans};

/// So many steps are told in words.
const MOST_TOLD: usize = 3;

/// The hosts and groups that bound what somebody may do; nothing is read for who may everywhere.
pub async fn ground(connection: &mut PgConnection, principal: &Principal, permission: &Permission) -> Result<Arc<Fleet>, store::Error> {
    if principal.may_everywhere(permission) { Ok(Arc::default()) } else { catalogue::fleet(connection).await }
}

/// Why this principal may not do that with these steps.
pub async fn refused(
    context: &Context,
    connection: &mut PgConnection,
    principal: &Principal,
    permission: &Permission,
    steps: &[&Step],
) -> Result<Option<Problem>, store::Error> {
    let fleet = ground(connection, principal, permission).await?;
    let missing = uncovered(principal, permission, steps, &fleet);
    if missing.is_empty() {
        return Ok(None);
    }
    let covers = |other: &Principal| uncovered(other, permission, steps, &fleet).is_empty();
    let names = holders::names(context, connection, permission, principal.id, covers).await?;
    let mut problem = denial(principal, permission, &missing);
    holders::tell(&mut problem, names);
    Ok(Some(problem))
}

/// Refuses who may not do that with this plan, but for the steps that are left out.
pub(super) async fn check(
    context: &Context,
    connection: &mut PgConnection,
    principal: &Principal,
    permission: &Permission,
    (plan, left_out): (&PlanDocument, &[String]),
) -> Result<(), Problem> {
    refused(context, connection, principal, permission, &to_run(&plan.steps, left_out)).await?.map_or(Ok(()), Err)
}

/// Who asked may go on with a request; so may whoever looks after all requests, or after those of its plan's hosts, actions and risks.
pub(super) async fn own_or_managed(context: &Context, work: &mut Work, principal: &Principal, row: &Row) -> Result<(), Problem> {
    if principal.id == row.principal_id || principal.may_everywhere(&REQUESTS_MANAGE) {
        return Ok(());
    }
    if principal.may_somewhere(&REQUESTS_MANAGE)
        && let Some(plan_id) = row.plan_id
    {
        let plan = plans::get(work, plan_id).await?;
        return check(context, work, principal, &REQUESTS_MANAGE, (&plan.document, &[])).await;
    }
    let message =
        format!("request {} is somebody else's; `{}` may change only their own (operators may change any)", row.id, principal.name);
    Err(Problem::new(ErrorCode::Forbidden, message).with_details(REQUESTS_MANAGE.details(principal)))
}

/// Why a plan can't be asked for: who asked, or has changed in words what was asked, may not ask for all of it.
pub(super) async fn not_to_be_asked(
    context: &Context,
    work: &mut Work,
    row: &Row,
    document: &PlanDocument,
) -> Result<Option<Problem>, store::Error> {
    let mut authors = BTreeSet::from([row.principal_id]);
    if row.round > 1 {
        authors.extend(messages::list_speakers(work, row.id).await?.into_iter().map(|speaker| speaker.id));
    }
    let authors: Vec<Uuid> = authors.into_iter().collect();
    let steps: Vec<&Step> = document.steps.iter().collect();
    for author in principals::get_all(work, &authors).await? {
        if let Some(problem) = refused(context, work, &author, &REQUESTS_ASK, &steps).await? {
            return Ok(Some(problem));
        }
    }
    Ok(None)
}

/// Whether somebody may do that with the plan that a request has now, all of it.
pub async fn covers_current(
    connection: &mut PgConnection,
    principal: &Principal,
    permission: &Permission,
    request_id: Uuid,
) -> Result<bool, store::Error> {
    if principal.may_everywhere(permission) || !principal.may_somewhere(permission) {
        return Ok(principal.may_everywhere(permission));
    }
    let Some(plan) = plans::current(connection, request_id).await? else { return Ok(false) };
    let fleet = ground(connection, principal, permission).await?;
    Ok(uncovered(principal, permission, &to_run(&plan.document.steps, &[]), &fleet).is_empty())
}

/// What a denial says.
pub fn denial(principal: &Principal, permission: &Permission, missing: &[Uncovered]) -> Problem {
    let told: Vec<String> = missing.iter().take(MOST_TOLD).map(Uncovered::told).collect();
    let more = missing.len().saturating_sub(MOST_TOLD);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    let holds: Vec<String> = principal
        .grants
        .iter()
        .filter(|grant| permission.is_held_by(grant.role, principal.is_program))
        .map(|grant| format!("{} for {}", grant.role.as_str(), grant.scope.told()))
        .collect();
    let holds =
        if holds.is_empty() { format!("their role is {}", principal.role.as_str()) } else { format!("they are {}", holds.join("; ")) };
    let message =
        format!("`{}` may not {} (`{}`) with {}{more}: {holds}", principal.name, permission.lets, permission.name, told.join("; "));
    let mut details: Value = permission.details(principal);
    details["steps"] = json!(missing);
    Problem::new(ErrorCode::Forbidden, message).with_details(details)
}

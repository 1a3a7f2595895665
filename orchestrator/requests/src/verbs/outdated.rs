//! A plan that destroys something is approved only while its previews hold: where Chiffon itself has changed one of their hosts since, the
//! same steps are planned and previewed again. Plans that destroy nothing say after the run where it differed.

use chiffon_engine::store::host_results::{self, ChangedSince};
use chiffon_kernel::verbs::work::Work;
use chiffon_protocol::action::Risk;
use chiffon_protocol::{ErrorCode, Problem};
use serde_json::json;

use super::{Context, plan_again};
use crate::store::plans;
use crate::store::requests::Row;

/// What came between, where such a plan is outdated.
pub(super) async fn of(work: &mut Work, row: &Row, plan: &plans::Row) -> Result<Option<ChangedSince>, Problem> {
    if plan.document.risk() < Risk::Destructive {
        return Ok(None);
    }
    let hosts: Vec<String> = plan.document.steps.iter().flat_map(|step| step.hosts.iter().cloned()).collect();
    Ok(host_results::changed_since_previews(work, (row.id, plan.id), &hosts).await?)
}

/// Plans the same steps again, in the caller's transaction; what the caller answers.
pub(super) async fn plan(context: &Context, work: &mut Work, row: &Row, between: &ChangedSince) -> Result<Problem, Problem> {
    let what = format!("{} has been changed by \"{}\"", between.host, between.title);
    plan_again::because(context, work, row.id, &what).await?;
    let message = format!("{what} since this plan was previewed, so the same steps are previewed again; look at the new plan and decide");
    Ok(Problem::new(ErrorCode::StalePlan, message).with_details(json!({"host": between.host, "request_id": between.request_id})))
}

//! Starting a plan that has just been proposed under the standing approvals of as many people as it needs, in the transaction that proposes it.
//!
//! What is held, what destroys something, and what could not be previewed waits for a person, whatever they stand for. So does a plan whose
//! previews read other variables of its hosts than those of the plan on which they gave their word. Their rows are locked, so that nothing begins
//! under one that has been withdrawn (RELIABILITY 18).

use chiffon_kernel::domain::audit::AuditEvent;
use chiffon_kernel::store;
use chiffon_kernel::verbs::work::Work;
use chiffon_plans::domain::runnable;
use chiffon_process::shown;
use chiffon_protocol::action::Risk;
use serde_json::{Value, json};
use uuid::Uuid;

use super::start_run::{self, Fixed, Start};
use super::transition::{self, Change};
use super::{Context, freeze, scope_of_plan};
use crate::domain::permissions::{APPROVALS_STAND, REQUESTS_APPROVE};
use crate::domain::request::Event;
use crate::domain::scope_of_plan::{to_run, uncovered};
use crate::domain::standing_approval::{Asked, Standing, enough};
use crate::store::requests::Row;
use crate::store::{approvals, messages, standing_approvals};

/// Starts the plan of a request that waits for its approvers, if enough people stand for its steps.
pub(super) async fn run(context: &Context, work: &mut Work, row: &mut Row, plan: &Fixed<'_>) -> Result<(), store::Error> {
    let document = plan.document;
    let waits = row.held || document.risk() >= Risk::Destructive || runnable::check(&context.settings.kinds, &document.steps).is_err();
    let (false, Some(sha256), Some(steps_sha256)) = (waits, plan.sha256, plan.steps_sha256) else { return Ok(()) };
    let now = work.now();
    let found = standing_approvals::lock_covering(work, steps_sha256, plan.id, now).await?;
    let found = who_may(work, found, plan).await?;
    if found.is_empty() {
        return Ok(());
    }
    let authors = if document.policy.self_approval { Vec::new() } else { authors(work, row).await? };
    let asked = Asked { principal_id: row.principal_id, origin: &row.origin, authors: &authors };
    let needed = freeze::approvals_needed(document);
    let Some(used) = enough(found, asked, usize::try_from(needed).unwrap_or_default()) else { return Ok(()) };
    let words = used.iter().map(|one| approvals::Stood { id: context.ids.new_id(), principal_id: one.given_by.id, standing_id: one.id });
    approvals::add_standing(work, plan.id, sha256, &words.collect::<Vec<_>>(), now).await?;
    transition::say(work, row, None, &told(&used)).await?;
    let named: Vec<Value> =
        used.iter().map(|one| json!({"id": one.id, "given_by": one.given_by.name, "expires_at": one.expires_at})).collect();
    let data = json!({
        "revision": document.revision, "sha256": sha256, "steps_sha256": steps_sha256, "standing_approvals": named,
        "approvals_given": used.len(), "approvals_needed": needed,
    });
    let change = Change::new(Event::Approve, AuditEvent::by_chiffon("plan.approved", data));
    start_run::run(context, work, vec![Start { row, plan: *plan, change, left_out: None }], now).await?;
    work.wake_dispatcher();
    Ok(())
}

/// Those whose givers may approve these very steps, and stand for them, today.
async fn who_may(work: &mut Work, found: Vec<Standing>, plan: &Fixed<'_>) -> Result<Vec<Standing>, store::Error> {
    let steps = to_run(&plan.document.steps, &[]);
    let mut may = Vec::new();
    for one in found {
        let fleet = scope_of_plan::ground(work, &one.given_by, &REQUESTS_APPROVE).await?;
        if [REQUESTS_APPROVE, APPROVALS_STAND].iter().all(|needed| uncovered(&one.given_by, needed, &steps, &fleet).is_empty()) {
            may.push(one);
        }
    }
    Ok(may)
}

/// Who asked, and who has changed in words what was asked.
async fn authors(work: &mut Work, row: &Row) -> Result<Vec<Uuid>, store::Error> {
    let speakers = messages::list_speakers(work, row.id).await?;
    Ok(speakers.into_iter().map(|speaker| speaker.id).chain([row.principal_id]).collect())
}

/// By whose word it runs, and how that is taken back.
fn told(used: &[Standing]) -> String {
    let by: Vec<String> =
        used.iter().map(|one| format!("{} stands for its steps until {} ({})", one.given_by.name, shown(one.expires_at), one.id)).collect();
    let ids: Vec<String> = used.iter().map(|one| format!("`chiffon standing withdraw {}`", one.id)).collect();
    let plural = if used.len() == 1 { "a standing approval" } else { "standing approvals" };
    format!(
        "This plan runs under {plural}, and nobody is asked: {}. {} ends that for what is asked later.",
        by.join("; "),
        ids.join(" or ")
    )
}

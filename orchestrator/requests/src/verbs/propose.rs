//! From a draft to a stored revision: checked against the catalogue, announced, and fixed or sent to find out first.
//!
//! One path for what a planner drafted and for steps that are planned again. In the caller's transaction, for a request that is
//! `planning`. A draft that does not stand is no revision; the person is told why and asked.

use chiffon_kernel::domain::waiting::What;
use std::collections::BTreeMap;

use chiffon_engine::verbs::create_tasks;
use chiffon_kernel::domain::audit::AuditEvent;
use chiffon_kernel::store;
use chiffon_kernel::verbs::work::Work;
use chiffon_plans::domain::assemble::{self, AssembleInput};
use chiffon_plans::domain::catalogue::Catalogue;
use chiffon_plans::domain::fleet::Fleet;
use chiffon_plans::domain::plan::{Draft, PlanDocument, PlannedBy};
use chiffon_plans::domain::plan_state::State;
use chiffon_protocol::{ErrorCode, Problem};
use serde_json::json;
use uuid::Uuid;

use super::transition::{self, Change};
use crate::domain::request::Event;
use crate::store::plans;
use crate::store::requests::Row;
use crate::verbs::{Context, freeze, scope_of_plan};

/// A draft and what it is checked against.
#[derive(Debug, Clone, Copy)]
pub struct Drafted<'d> {
    /// The draft.
    pub draft: &'d Draft,
    /// Who made it.
    pub planned_by: &'d PlannedBy,
    /// What there is to choose from.
    pub catalogue: &'d Catalogue,
    /// Where it could run.
    pub fleet: &'d Fleet,
    /// Seconds that actions took so far, by name.
    pub history: &'d BTreeMap<String, f64>,
    /// The revision before.
    pub previous: Option<&'d PlanDocument>,
}

/// Makes the draft the request's plan, or asks the person about what is wrong with it.
pub async fn run(context: &Context, work: &mut Work, row: &mut Row, drafted: Drafted<'_>) -> Result<(), store::Error> {
    let revision = plans::next_revision(work, row.id).await?;
    let history = |action: &str| drafted.history.get(action).copied();
    let assembled = assemble::assemble(AssembleInput {
        request_id: row.id,
        revision,
        draft: drafted.draft,
        planned_by: drafted.planned_by,
        catalogue: drafted.catalogue,
        fleet: drafted.fleet,
        policy: &context.policy,
        history: &history,
        previous: drafted.previous,
    });
    let document = match assembled {
        Ok(document) => document,
        Err(problems) => return refuse(context, work, row, &all_of(&problems)).await,
    };
    if let Some(problem) = scope_of_plan::not_to_be_asked(context, work, row, &document).await? {
        return refuse(context, work, row, &problem).await;
    }
    let plan_id = add_plan(context, work, row, &document).await?;
    if document.open_discoveries().next().is_none() {
        return freeze::fix(context, work, row, plan_id, &document).await;
    }
    create_tasks::discover(context, work, &freeze::new_tasks(row, plan_id, &document)).await?;
    let audit = AuditEvent::by_chiffon("plan.discovery_begun", json!({"revision": revision}));
    transition::apply(context, work, row, Change::new(Event::Discover, audit)).await
}

/// Asks the person, because this can't be planned.
pub async fn refuse(context: &Context, work: &mut Work, row: &mut Row, problem: &Problem) -> Result<(), store::Error> {
    let audit = AuditEvent::by_chiffon("request.not_plannable", json!({"round": row.round, "problem": problem}));
    ask(context, work, row, &problem.message, audit, Some(problem)).await
}

/// Asks the person.
pub async fn ask(
    context: &Context,
    work: &mut Work,
    row: &mut Row,
    text: &str,
    audit: AuditEvent,
    problem: Option<&Problem>,
) -> Result<(), store::Error> {
    transition::say(work, row, None, text).await?;
    let change = Change { error: problem.cloned(), ..Change::new(Event::Ask, audit) };
    transition::apply(context, work, row, change.waiting_for(What::Answer, text)).await
}

async fn add_plan(context: &Context, work: &mut Work, row: &mut Row, document: &PlanDocument) -> Result<Uuid, store::Error> {
    let now = context.clock.now();
    let plan_id = context.ids.new_id();
    let new = plans::New { id: plan_id, round: row.round, document, approvals_needed: freeze::approvals_needed(document) };
    plans::add(work, &new, now).await?;
    // Stored with the move that follows.
    row.plan_id = Some(plan_id);
    let data = json!({"revision": document.revision, "provider": document.planned_by.provider, "model": document.planned_by.model});
    work.audit(row.id, AuditEvent::by_chiffon("plan.made", data));
    let data = json!({"plan_id": plan_id, "revision": document.revision, "state": State::Discovering});
    work.event(row.id, "plan", data);
    let mut text = format!("Plan {}: {}", document.revision, document.summary);
    for note in &document.notes {
        text.push_str("\n- ");
        text.push_str(note);
    }
    transition::say(work, row, None, &text).await?;
    Ok(plan_id)
}

/// One problem that tells all of them.
fn all_of(problems: &[Problem]) -> Problem {
    let code = problems.first().map_or(ErrorCode::InvalidPlan, |problem| problem.code);
    let text: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
    Problem::new(code, text.join("; ")).with_details(json!({"problems": problems}))
}

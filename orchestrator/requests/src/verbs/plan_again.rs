//! Planning the same steps again, because an action has other content by now than the plan that is previewed or was approved, or
//! because variables of its hosts are others than at the preview.
//!
//! Only where something has really moved on, and only while nothing of the plan was begun on a host: the new revision gets
//! its own previews and needs its own approval. No planner is asked, because nobody has said anything new.

use std::collections::BTreeSet;

use chiffon_engine::store::attempts;
use chiffon_engine::store::progress::{self, TaskLine};
use chiffon_engine::verbs::cancel_tasks;
use chiffon_fleet::store::{actions, catalogue};
use chiffon_kernel::domain::audit::AuditEvent;
use chiffon_kernel::store;
use chiffon_kernel::verbs::work::Work;
use chiffon_plans::domain::catalogue::Catalogue;
use chiffon_plans::domain::plan::{Draft, DraftStep, PlanDocument};
use chiffon_plans::domain::plan_state::Event as PlanEvent;
use chiffon_protocol::ErrorCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::propose::{self, Drafted};
use super::transition::{self, Change};
use crate::domain::request::Event;
use crate::store::requests::{self, Row};
use crate::store::{durations, messages, plans};
use crate::verbs::Context;

/// Enough of a content hash to tell two apart.
const SHOWN: usize = 12;

/// Plans the request's steps again, in the caller's transaction; `false` where there is no reason to, or something was begun.
pub async fn run(context: &Context, work: &mut Work, request_id: Uuid) -> Result<bool, store::Error> {
    let Some((row, plan_id)) = planned(work, request_id).await? else { return Ok(false) };
    let plan = plans::get(work, plan_id).await?;
    let (catalogue, _) = catalogue::load(work).await?;
    let changes = changes(&plan.document, &catalogue);
    if changes.is_empty() || was_begun(work, plan_id, None).await? {
        return Ok(false);
    }
    again(context, work, row, &plan, &changes.join(" and ")).await?;
    Ok(true)
}

/// Whether the request's steps can be planned again although an agent has had this task: it has refused it, and nothing was begun.
pub(super) async fn is_possible(work: &mut Work, request_id: Uuid, refused: Uuid) -> Result<bool, store::Error> {
    let Some((_, plan_id)) = planned(work, request_id).await? else { return Ok(false) };
    Ok(!was_begun(work, plan_id, Some(refused)).await?)
}

/// Plans them again because of this. The caller has found that it [is possible](is_possible), and ended what was refused.
pub(super) async fn because(context: &Context, work: &mut Work, request_id: Uuid, what: &str) -> Result<(), store::Error> {
    let Some((row, plan_id)) = planned(work, request_id).await? else { return Ok(()) };
    let plan = plans::get(work, plan_id).await?;
    again(context, work, row, &plan, what).await
}

/// The request with its plan, where it stands so that it can be planned again.
async fn planned(work: &mut Work, request_id: Uuid) -> Result<Option<(Row, Uuid)>, store::Error> {
    let row = requests::lock(work, request_id).await?.filter(|row| row.status.on(Event::PlanAgain).is_ok());
    Ok(row.and_then(|row| row.plan_id.map(|plan_id| (row, plan_id))))
}

async fn again(context: &Context, work: &mut Work, mut row: Row, plan: &plans::Row, what: &str) -> Result<(), store::Error> {
    let why = format!("{what} since plan {} was made", plan.revision);
    give_up_plan(context, work, &mut row, plan, &why).await?;
    let (catalogue, fleet) = catalogue::load(work).await?;
    let previous = &plan.document;
    let steps = without_old_defaults(work, row.id, previous).await?;
    let draft = draft(previous, steps, &why);
    let history = durations::list(work, context.clock.now()).await?;
    let planned_by = &previous.planned_by;
    let drafted = Drafted { draft: &draft, planned_by, catalogue: &catalogue, fleet: &fleet, history: &history, previous: Some(previous) };
    propose::run(context, work, &mut row, drafted).await
}

/// The actions of the plan that have other content by now, in words.
fn changes(plan: &PlanDocument, catalogue: &Catalogue) -> Vec<String> {
    let moved: BTreeSet<(&str, &str, &str)> = plan
        .steps
        .iter()
        .filter_map(|step| {
            Some((step.action(), step.tool.sha256.as_str(), catalogue.for_hosts(step.action(), &step.hosts)?.sha256.as_str()))
        })
        .filter(|(_, planned, now)| planned != now)
        .collect();
    let shown = |sha256: &str| sha256.get(..SHOWN).unwrap_or(sha256).to_owned();
    moved.into_iter().map(|(action, planned, now)| format!("`{action}` has changed ({} to {})", shown(planned), shown(now))).collect()
}

/// Whether an agent has begun a change of this plan, or may have. The only try of what was `refused` is none, also where it was refused
/// while this one ran.
async fn was_begun(work: &mut Work, plan_id: Uuid, refused: Option<Uuid>) -> Result<bool, store::Error> {
    let tasks = progress::list(work, plan_id, "apply").await?;
    let tries = attempts::count_tries_of(work, &tasks.iter().map(|task| task.id).collect::<Vec<_>>()).await?;
    Ok(tasks.iter().any(|task| {
        let is_refused = refused.is_some_and(|refused| refused == task.id || was_refused(task));
        let tries = tries.get(&task.id).copied().unwrap_or_default();
        !(is_refused || is_untouched(task)) || tries > u32::from(is_refused)
    }))
}

/// Its agent found other variables than those of the preview, and has run nothing.
fn was_refused(task: &TaskLine) -> bool {
    let code = task.error.as_ref().and_then(|error| error["code"].as_u64());
    task.status == "failed" && task.changed != Some(true) && code == Some(u64::from(ErrorCode::VariablesChanged.number()))
}

/// An offer that nobody has claimed is taken back with the task; a claim that comes later is refused. What was left out has not run.
fn is_untouched(task: &TaskLine) -> bool {
    let was_left_out = task.status == "skipped" && task.consequence.as_deref() == Some("continue");
    was_left_out || matches!(task.status.as_str(), "pending" | "waiting" | "dispatched")
}

async fn give_up_plan(context: &Context, work: &mut Work, row: &mut Row, plan: &plans::Row, why: &str) -> Result<(), store::Error> {
    cancel_tasks::run(context, work, row.id, why, "chiffon").await?;
    plans::move_on(work, plan.id, plan.state, PlanEvent::Supersede).await?;
    row.round = requests::next_round(work, row.id).await?;
    let nothing_ran =
        if plan.approved_at.is_some() { " Nothing of it was run, and its approval does not count for the new plan." } else { "" };
    let text = format!("{why}, so the same steps are planned again.{nothing_ran}");
    transition::notify(work, row, row.principal_id, &text).await?;
    let audit = AuditEvent::by_chiffon("plan.made_again", json!({"revision": plan.revision, "sha256": plan.sha256, "reason": why}));
    transition::apply(context, work, row, Change::new(Event::PlanAgain, audit)).await
}

/// The steps as they were drafted, without what only a default of the action's earlier content said: the new content has its own. A
/// value that somebody has written stays.
async fn without_old_defaults(work: &mut Work, request_id: Uuid, previous: &PlanDocument) -> Result<Vec<DraftStep>, store::Error> {
    let said: Vec<String> = messages::list(work, request_id).await?.into_iter().filter(|said| said.by_user).map(|said| said.text).collect();
    let was_said = |value: &Value| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        !value.is_empty() && said.iter().any(|text| text.contains(&value))
    };
    let mut steps = previous.as_drafted();
    for (drafted, step) in steps.iter_mut().zip(&previous.steps) {
        let Some(spec) = actions::get(work, step.action(), &step.tool.sha256).await? else { continue };
        for (name, schema) in spec.parameter_schemas() {
            let default = schema.get("default");
            if default.is_some() && drafted.parameters.get(name) == default && !default.is_some_and(was_said) {
                drafted.parameters.remove(name);
            }
        }
    }
    Ok(steps)
}

/// The steps that stood, with a note that says why they are planned again.
fn draft(previous: &PlanDocument, steps: Vec<DraftStep>, why: &str) -> Draft {
    let mut notes: Vec<String> = previous.notes.iter().filter(|note| !note.starts_with(NOTE)).cloned().collect();
    notes.push(format!("{NOTE}{why}"));
    Draft { summary: previous.summary.clone(), steps, notes }
}

const NOTE: &str = "planned again: ";

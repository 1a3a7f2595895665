//! What time alone moves: states that have lasted too long, plans that nobody approved, askers' deadlines, people who have to be
//! reminded, and model calls that nobody will settle. Each under the request's lock, which is looked at again.

use chiffon_kernel::domain::waiting::What;
use std::time::Duration;

use chiffon_engine::verbs::cancel_tasks;
use chiffon_engine::verbs::lose_attempt::Fence;
use chiffon_kernel::domain::audit::AuditEvent;
use chiffon_kernel::store::{self, leases};
use chiffon_kernel::verbs::work::Work;
use chiffon_models::store::llm_calls;
use chiffon_plans::domain::plan_state::Event as PlanEvent;
use chiffon_process::shown;
use chiffon_protocol::{ErrorCode, Problem};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;

use super::transition::{self, Change};
use crate::domain::deadline::{Limit, Then};
use crate::domain::request::{Event, Status};
use crate::store::deadlines::{self, Times};
use crate::store::plans;
use crate::store::requests::{self, Row};
use crate::verbs::{Context, advance_request, expire};

/// How many requests are looked at in one go.
const BATCH: i64 = 100;
/// No call to a model takes longer: its planner is dead, and the call counts as spent.
pub const LONGEST_CALL: Duration = Duration::from_hours(1);
/// Who decides here, as the audit log names it.
const ACTOR: &str = "chiffon";

/// Does all that is due; how many things. The caller holds the lease of the fence.
pub async fn run(context: &Context, fence: Fence) -> Result<usize, store::Error> {
    let now = context.clock.now();
    let mut connection = context.store.acquire().await?;
    let due = deadlines::list_due(&mut connection, now, BATCH).await?;
    let longest = TimeDelta::from_std(LONGEST_CALL).unwrap_or(TimeDelta::hours(1));
    let settled = llm_calls::settle_abandoned(&mut connection, now - longest, now).await?;
    drop(connection);
    let mut done = usize::try_from(settled).unwrap_or(usize::MAX);
    for request_id in due {
        done += usize::from(one(context, fence, request_id).await?);
    }
    Ok(done)
}

async fn one(context: &Context, fence: Fence, request_id: Uuid) -> Result<bool, store::Error> {
    let mut work = context.begin().await?;
    let Some(mut row) = requests::lock(&mut work, request_id).await?.filter(|row| !row.status.is_finished()) else {
        return Ok(false);
    };
    if !leases::is_held(&mut work, fence.lease, fence.epoch).await? {
        return Ok(false);
    }
    let now = context.clock.now();
    let Times { deadline, expiring_at, deadline_at } = deadlines::get(&mut work, request_id).await?;
    let limit = context.settings.deadlines.of(row.status);
    if let Some(deadline) = deadline.filter(|at| *at <= now && expiring_at.is_none()) {
        deadline_passed(context, &mut work, &mut row, deadline).await?;
    } else if deadline_at.is_some_and(|at| at <= now) {
        match limit {
            Some(limit) if limit.then == Then::Expire => lasted_too_long(context, &mut work, &mut row, limit).await?,
            Some(limit) => remind(context, &mut work, &row, limit).await?,
            // A state that has no such time any more.
            None => deadlines::set_next(&mut work, row.id, None).await?,
        }
    } else if !expire::if_due(context, &mut work, &mut row).await? {
        return Ok(false);
    }
    work.commit().await?;
    Ok(true)
}

/// What a request says whose asker's deadline has passed.
pub fn passed(deadline: DateTime<Utc>) -> Problem {
    let message =
        format!("its deadline, {}, passed before it was done; what was done stays done. Ask again if it is still wanted", shown(deadline));
    Problem::new(ErrorCode::DeadlinePassed, message).with_details(json!({"deadline": deadline}))
}

async fn deadline_passed(context: &Context, work: &mut Work, row: &mut Row, deadline: DateTime<Utc>) -> Result<(), store::Error> {
    let problem = passed(deadline);
    let under_way = matches!(row.status, Status::Running | Status::NeedsAttention | Status::Paused);
    if !under_way {
        return end(context, work, row, &problem, "request.deadline_passed").await;
    }
    let now = context.clock.now();
    let reason = format!("its request's deadline, {}, has passed", shown(deadline));
    deadlines::set_expiring(work, row.id, now).await?;
    transition::say(work, row, None, &format!("The deadline has passed: {}", problem.message)).await?;
    cancel_tasks::run(context, work, row.id, &reason, ACTOR).await?;
    let event = AuditEvent::by_chiffon("request.deadline_passed", json!({"deadline": deadline, "was": row.status}));
    if row.status == Status::NeedsAttention {
        // What a person has to decide about is still to be decided.
        work.audit(row.id, event);
    } else {
        let text = format!("{reason}; what runs is told to stop, and counts as running until its agent has proved that it stopped");
        transition::apply(context, work, row, Change::new(Event::Cancel, event).waiting_for(What::Cancel, text)).await?;
    }
    advance_request::run(context, work, &[row.id]).await
}

async fn lasted_too_long(context: &Context, work: &mut Work, row: &mut Row, limit: Limit) -> Result<(), store::Error> {
    let waited_for = row.waiting_for.as_ref().map_or("its tasks", |waiting| waiting.text.as_str());
    let hours = limit.lasts.as_secs_f64() / 3600.0;
    let message = format!(
        "it was `{}` for longer than {hours:.1} h (`{}`), waiting for: {waited_for}. Ask again when that is well",
        row.status, limit.setting
    );
    let problem = Problem::new(ErrorCode::WaitedTooLong, message).with_details(json!({"setting": limit.setting, "was": row.status}));
    end(context, work, row, &problem, "request.waited_too_long").await
}

/// Ends a request that has not begun to change anything. Discoveries and previews that agents have are told to stop.
async fn end(context: &Context, work: &mut Work, row: &mut Row, problem: &Problem, event: &'static str) -> Result<(), store::Error> {
    cancel_tasks::run(context, work, row.id, &problem.message, ACTOR).await?;
    if let Some(plan_id) = row.plan_id {
        plans::give_up(work, plan_id, PlanEvent::Expire).await?;
    }
    transition::say(work, row, None, &format!("The request has expired: {}", problem.message)).await?;
    let audit = AuditEvent::by_chiffon(event, json!({"was": row.status, "problem": problem}));
    transition::apply(context, work, row, Change { error: Some(problem.clone()), ..Change::new(Event::Expire, audit) }).await
}

/// Says again what a person has to decide.
async fn remind(context: &Context, work: &mut Work, row: &Row, limit: Limit) -> Result<(), store::Error> {
    let waiting = row.waiting_for.as_ref();
    let since = waiting.map(|waiting| waiting.since.format(" since %Y-%m-%d %H:%M UTC").to_string()).unwrap_or_default();
    let text = format!("Still `{}`{since}: {}", row.status, waiting.map_or("a person has to decide", |waiting| &waiting.text));
    transition::say(work, row, None, &text).await?;
    deadlines::set_next(work, row.id, Some(context.clock.now() + limit.lasts)).await
}

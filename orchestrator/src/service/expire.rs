//! Ending a request whose plan nobody has approved in time.

use chiffon_protocol::Problem;
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Context;
use super::transition::{self, Change};
use crate::domain::audit::AuditEvent;
use crate::domain::request::{Event, Status};
use crate::store;
use crate::store::plans;
use crate::store::requests::{self, Row};

/// Looks again under the lock, and expires the request if that is still due.
pub async fn run(context: &Context, request_id: Uuid) -> Result<bool, Problem> {
    let mut transaction = context.store.begin().await?;
    let Some(mut row) = requests::lock(&mut transaction, request_id).await? else { return Ok(false) };
    let expired = if_due(context, &mut transaction, &mut row).await?;
    store::commit(transaction).await?;
    Ok(expired)
}

/// The same in a transaction that has locked the row.
pub async fn if_due(context: &Context, connection: &mut PgConnection, row: &mut Row) -> Result<bool, store::Error> {
    let (Status::AwaitingApproval, Some(plan_id)) = (row.status, row.plan_id) else { return Ok(false) };
    let plan = plans::get(connection, plan_id).await?;
    let Some(expires_at) = plan.expires_at.filter(|at| *at <= context.clock.now()) else { return Ok(false) };
    plans::set_state(connection, plan_id, "expired").await?;
    let text =
        format!("Nobody approved plan {} before {}. Ask again to get a fresh one.", plan.revision, expires_at.format("%Y-%m-%d %H:%M UTC"));
    transition::say(context, connection, row, None, &text).await?;
    let audit = AuditEvent::by_chiffon("plan.expired", json!({"revision": plan.revision, "sha256": plan.sha256}));
    transition::apply(context, connection, row, Change::new(Event::Expire, audit)).await?;
    Ok(true)
}

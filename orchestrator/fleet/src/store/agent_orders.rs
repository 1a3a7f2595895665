//! What people want of agents: that they pause, drain, or work again.

use chiffon_kernel::store::Error;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::domain::agent_order::{Desired, Order};

/// A wish as its row has it.
#[derive(Debug)]
pub struct Row {
    /// The agent.
    pub agent_id: String,
    /// What it is to do, in the contract's words; empty: nothing was ordered.
    pub desired: String,
    /// Since when.
    pub desired_at: Option<DateTime<Utc>>,
    /// Who ordered it.
    pub desired_by: Option<String>,
    /// Why.
    pub desired_reason: String,
    /// Whether it was ordered of the start that is running.
    pub is_for_this_start: bool,
}

impl Row {
    /// The wish; `None` where nobody ever had one.
    pub fn order(self) -> Result<Option<Order>, Error> {
        let desired = Desired::from_word(&self.desired).ok_or_else(|| Error::BadData {
            table: "agents",
            column: "desired",
            id: self.agent_id.clone(),
            value: self.desired.clone(),
        })?;
        let Some(at) = self.desired_at else { return Ok(None) };
        let (by, is_for_this_start) = (self.desired_by.unwrap_or_default(), self.is_for_this_start);
        Ok(Some(Order { desired, at, by, reason: self.desired_reason, is_for_this_start }))
    }
}

/// An agent of whom something was wanted at some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ordered {
    /// The agent.
    pub agent_id: String,
    /// Its newest start.
    pub incarnation: i64,
    /// What is wanted of it.
    pub order: Order,
}

/// What is wanted of these agents; those of whom nobody ever wanted anything are left out.
pub async fn list(connection: &mut PgConnection, agent_ids: &[String]) -> Result<Vec<Ordered>, Error> {
    let rows = sqlx::query!(
        r#"SELECT id, incarnation, desired, desired_at, desired_by, desired_reason,
            COALESCE(desired_incarnation = incarnation, false) AS "is_for_this_start!"
        FROM agents
        WHERE id = ANY ($1) AND desired_at IS NOT NULL
        ORDER BY id"#,
        agent_ids,
    )
    .fetch_all(connection)
    .await?;
    let mut ordered = Vec::with_capacity(rows.len());
    for row in rows {
        let (agent_id, incarnation) = (row.id.clone(), row.incarnation);
        let order = Row {
            agent_id: row.id,
            desired: row.desired,
            desired_at: row.desired_at,
            desired_by: row.desired_by,
            desired_reason: row.desired_reason,
            is_for_this_start: row.is_for_this_start,
        };
        ordered.extend(order.order()?.map(|order| Ordered { agent_id, incarnation, order }));
    }
    Ok(ordered)
}

/// What is wanted of one agent, which is locked; `None` when there is no such agent.
pub async fn lock(connection: &mut PgConnection, agent_id: &str) -> Result<Option<(i64, Option<Order>)>, Error> {
    let row = sqlx::query!(
        r#"SELECT id, incarnation, desired, desired_at, desired_by, desired_reason,
            COALESCE(desired_incarnation = incarnation, false) AS "is_for_this_start!"
        FROM agents
        WHERE id = $1
        FOR UPDATE"#,
        agent_id,
    )
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let order = Row {
        agent_id: row.id,
        desired: row.desired,
        desired_at: row.desired_at,
        desired_by: row.desired_by,
        desired_reason: row.desired_reason,
        is_for_this_start: row.is_for_this_start,
    };
    Ok(Some((row.incarnation, order.order()?)))
}

/// Notes what is wanted of an agent from now on. A drain is meant for its newest start.
pub async fn set(
    connection: &mut PgConnection,
    agent_id: &str,
    desired: Desired,
    by: &str,
    reason: &str,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE agents
        SET desired = $2, desired_by = $3, desired_reason = $4, desired_at = $5, desired_incarnation = incarnation
        WHERE id = $1",
        agent_id,
        desired.as_str(),
        by,
        reason,
        at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

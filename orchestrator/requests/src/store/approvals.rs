//! Decisions of people about exactly one plan.

use chiffon_kernel::store::Error;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// A decision to be recorded.
#[derive(Debug, Clone)]
pub struct New<'n> {
    /// Its id.
    pub id: Uuid,
    /// The plan.
    pub plan_id: Uuid,
    /// The hash they saw.
    pub plan_sha256: &'n str,
    /// Who.
    pub principal_id: Uuid,
    /// `approve | reject | revise`
    pub decision: &'n str,
    /// Why.
    pub comment: Option<&'n str>,
}

/// Records a decision. A person may change their mind as long as theirs has started nothing; `false` when they have said the same before.
pub async fn add(connection: &mut PgConnection, new: &New<'_>, at: DateTime<Utc>) -> Result<bool, Error> {
    let done = sqlx::query!(
        "INSERT INTO approvals (id, plan_id, plan_sha256, principal_id, decision, comment, at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (plan_id, principal_id) DO UPDATE
        SET decision = $5, comment = $6, at = $7
        WHERE approvals.decision <> $5 AND approvals.consumed_at IS NULL",
        new.id,
        new.plan_id,
        new.plan_sha256,
        new.principal_id,
        new.decision,
        new.comment,
        at,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// How many distinct people have approved exactly this plan.
pub async fn count(connection: &mut PgConnection, plan_id: Uuid, plan_sha256: &str) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!"
        FROM approvals
        WHERE plan_id = $1 AND plan_sha256 = $2 AND decision = 'approve'"#,
        plan_id,
        plan_sha256,
    )
    .fetch_one(connection)
    .await?)
}

/// Notes that a plan's approvals have started its run.
pub async fn consume(connection: &mut PgConnection, plan_id: Uuid, at: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE approvals
        SET consumed_at = $2
        WHERE plan_id = $1 AND decision = 'approve' AND consumed_at IS NULL",
        plan_id,
        at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

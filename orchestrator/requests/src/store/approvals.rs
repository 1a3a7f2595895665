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

/// Records that somebody approves, and how many distinct people have by now approved exactly this plan. Whoever completes the number needed
/// uses all of their approvals up, in the same statement: the caller starts the run. `None` when they have said the same before.
pub async fn approve(connection: &mut PgConnection, new: &New<'_>, needed: i32, at: DateTime<Utc>) -> Result<Option<i64>, Error> {
    Ok(sqlx::query_scalar!(
        r#"WITH others AS (
            SELECT count(*) AS given
            FROM approvals
            WHERE plan_id = $2 AND plan_sha256 = $3 AND decision = 'approve' AND principal_id <> $4
        ), said AS (
            INSERT INTO approvals (id, plan_id, plan_sha256, principal_id, decision, comment, at, consumed_at)
            SELECT $1, $2, $3, $4, 'approve', $5, $6, CASE WHEN others.given + 1 >= $7 THEN $6::timestamptz END
            FROM others
            ON CONFLICT (plan_id, principal_id) DO UPDATE
            SET decision = EXCLUDED.decision, comment = EXCLUDED.comment, at = EXCLUDED.at, consumed_at = EXCLUDED.consumed_at
            WHERE approvals.decision <> EXCLUDED.decision AND approvals.consumed_at IS NULL
            RETURNING consumed_at
        ), used AS (
            UPDATE approvals
            SET consumed_at = said.consumed_at
            FROM said
            WHERE plan_id = $2 AND principal_id <> $4 AND decision = 'approve' AND approvals.consumed_at IS NULL AND said.consumed_at IS NOT NULL
        )
        SELECT others.given + 1 AS "given!"
        FROM others, said"#,
        new.id,
        new.plan_id,
        new.plan_sha256,
        new.principal_id,
        new.comment,
        at,
        i64::from(needed),
    )
    .fetch_optional(connection)
    .await?)
}

/// The word of somebody who stands for a plan's steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stood {
    /// The approval's id.
    pub id: Uuid,
    /// Who stands for them.
    pub principal_id: Uuid,
    /// By which standing approval.
    pub standing_id: Uuid,
}

/// Approves a plan that nobody has decided about by these words, all of which are used up by it: the caller starts the run.
pub async fn add_standing(
    connection: &mut PgConnection,
    plan_id: Uuid,
    plan_sha256: &str,
    words: &[Stood],
    at: DateTime<Utc>,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO approvals (id, plan_id, plan_sha256, principal_id, standing_id, decision, at, consumed_at)
        SELECT word.id, $4, $5, word.principal_id, word.standing_id, 'approve', $6, $6
        FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS word (id, principal_id, standing_id)",
        &words.iter().map(|word| word.id).collect::<Vec<_>>(),
        &words.iter().map(|word| word.principal_id).collect::<Vec<_>>(),
        &words.iter().map(|word| word.standing_id).collect::<Vec<_>>(),
        plan_id,
        plan_sha256,
        at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether this person has approved exactly this plan, in a word of their own that has started its run.
pub async fn is_own_word(connection: &mut PgConnection, plan_id: Uuid, principal_id: Uuid) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (
            SELECT
            FROM approvals a
            JOIN plans l ON l.id = a.plan_id AND l.sha256 = a.plan_sha256
            WHERE a.plan_id = $1 AND a.principal_id = $2 AND a.decision = 'approve' AND a.standing_id IS NULL AND a.consumed_at IS NOT NULL
        ) AS "is_own!""#,
        plan_id,
        principal_id,
    )
    .fetch_one(connection)
    .await?)
}

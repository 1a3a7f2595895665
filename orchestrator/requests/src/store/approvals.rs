//! Decisions of people about exactly one plan.

use std::collections::BTreeMap;

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
    /// The steps that an approval leaves out, sorted.
    pub left_out: &'n [String],
    /// The approval link through which they came.
    pub link_id: Option<Uuid>,
}

/// Records a decision. A person may change their mind as long as theirs has started nothing; `false` when they have said the same before.
pub async fn add(connection: &mut PgConnection, new: &New<'_>, at: DateTime<Utc>) -> Result<bool, Error> {
    let done = sqlx::query!(
        "INSERT INTO approvals (id, plan_id, plan_sha256, principal_id, decision, comment, at, link_id)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (plan_id, principal_id) DO UPDATE
        SET decision = $5, comment = $6, at = $7, left_out = '{}', link_id = $8
        WHERE approvals.decision <> $5 AND approvals.consumed_at IS NULL",
        new.id,
        new.plan_id,
        new.plan_sha256,
        new.principal_id,
        new.decision,
        new.comment,
        at,
        new.link_id,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Records that people approve, each another plan, and how many distinct people have by now approved exactly that one. Whoever completes the
/// number needed uses all of the plan's approvals up, in the same statement: the caller starts the run. Those who have said the same before
/// are left out.
pub async fn approve(connection: &mut PgConnection, words: &[(New<'_>, i32)], at: DateTime<Utc>) -> Result<BTreeMap<Uuid, i64>, Error> {
    let rows = sqlx::query!(
        r#"WITH word AS (
            SELECT *
            FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::int[], $8::text[], $9::uuid[])
                AS word (id, plan_id, plan_sha256, principal_id, comment, needed, left_out, link_id)
        ), others AS (
            SELECT word.plan_id, (
                SELECT count(*)
                FROM approvals a
                WHERE a.plan_id = word.plan_id AND a.plan_sha256 = word.plan_sha256 AND a.decision = 'approve'
                AND a.left_out = string_to_array(word.left_out, ',') AND a.principal_id <> word.principal_id
            ) AS given
            FROM word
        ), said AS (
            INSERT INTO approvals (id, plan_id, plan_sha256, principal_id, decision, comment, at, consumed_at, left_out, link_id)
            SELECT word.id, word.plan_id, word.plan_sha256, word.principal_id, 'approve', word.comment, $7,
                CASE WHEN others.given + 1 >= word.needed THEN $7::timestamptz END, string_to_array(word.left_out, ','),
                word.link_id
            FROM word
            JOIN others ON others.plan_id = word.plan_id
            ON CONFLICT (plan_id, principal_id) DO UPDATE
            SET decision = EXCLUDED.decision, comment = EXCLUDED.comment, at = EXCLUDED.at, consumed_at = EXCLUDED.consumed_at,
                left_out = EXCLUDED.left_out, link_id = EXCLUDED.link_id
            WHERE (approvals.decision <> EXCLUDED.decision OR approvals.left_out <> EXCLUDED.left_out) AND approvals.consumed_at IS NULL
            RETURNING plan_id, principal_id, consumed_at, left_out
        ), used AS (
            UPDATE approvals
            SET consumed_at = said.consumed_at
            FROM said
            WHERE approvals.plan_id = said.plan_id AND approvals.principal_id <> said.principal_id AND approvals.decision = 'approve'
            AND approvals.left_out = said.left_out AND approvals.consumed_at IS NULL AND said.consumed_at IS NOT NULL
        )
        SELECT others.plan_id AS "plan_id!", others.given + 1 AS "given!"
        FROM others
        JOIN said ON said.plan_id = others.plan_id"#,
        &words.iter().map(|(new, _)| new.id).collect::<Vec<_>>(),
        &words.iter().map(|(new, _)| new.plan_id).collect::<Vec<_>>(),
        &words.iter().map(|(new, _)| new.plan_sha256.to_owned()).collect::<Vec<_>>(),
        &words.iter().map(|(new, _)| new.principal_id).collect::<Vec<_>>(),
        &words.iter().map(|(new, _)| new.comment.map(str::to_owned)).collect::<Vec<_>>() as &[Option<String>],
        &words.iter().map(|(_, needed)| *needed).collect::<Vec<_>>(),
        at,
        &words.iter().map(|(new, _)| new.left_out.join(",")).collect::<Vec<_>>(),
        &words.iter().map(|(new, _)| new.link_id).collect::<Vec<_>>() as &[Option<Uuid>],
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.plan_id, row.given)).collect())
}

/// Who else has approved this plan, each with what they have left out.
pub async fn list_others(connection: &mut PgConnection, plan_id: Uuid, principal_id: Uuid) -> Result<Vec<(String, Vec<String>)>, Error> {
    let rows = sqlx::query!(
        "SELECT p.name, a.left_out
        FROM approvals a
        JOIN principals p ON p.id = a.principal_id
        WHERE a.plan_id = $1 AND a.principal_id <> $2 AND a.decision = 'approve'
        ORDER BY a.at, a.id",
        plan_id,
        principal_id,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.name, row.left_out)).collect())
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

/// Whether this person has approved exactly this plan, all of it, in a word of their own that has started its run.
pub async fn is_own_word(connection: &mut PgConnection, plan_id: Uuid, principal_id: Uuid) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (
            SELECT
            FROM approvals a
            JOIN plans l ON l.id = a.plan_id AND l.sha256 = a.plan_sha256
            WHERE a.plan_id = $1 AND a.principal_id = $2 AND a.decision = 'approve' AND a.standing_id IS NULL AND a.consumed_at IS NOT NULL
            AND a.left_out = '{}'
        ) AS "is_own!""#,
        plan_id,
        principal_id,
    )
    .fetch_one(connection)
    .await?)
}

//! Standing approvals. Whoever uses some locks them in the order of their ids, after the request's row; whoever withdraws one changes its row.
//! So a use and a withdrawal come one after the other.

use chiffon_kernel::domain::role::{Principal, Role};
use chiffon_kernel::store::{Error, grants};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::standing_approval::{Scope, Standing};

/// One to be given.
#[derive(Debug, Clone)]
pub struct New<'n> {
    /// Its id.
    pub id: Uuid,
    /// The steps that it covers.
    pub steps_sha256: &'n str,
    /// Whose requests it covers.
    pub scope: &'n Scope,
    /// Who gives it.
    pub given_by: Uuid,
    /// From then on it counts no more.
    pub expires_at: DateTime<Utc>,
    /// The request on whose plan it is given.
    pub request_id: Uuid,
    /// That plan.
    pub plan_id: Uuid,
    /// Its hash.
    pub plan_sha256: &'n str,
    /// Why.
    pub comment: Option<&'n str>,
}

/// Adds one.
pub async fn add(connection: &mut PgConnection, new: &New<'_>, at: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO standing_approvals (id, steps_sha256, scope, requester_id, origin_kinds, given_by, given_at, expires_at, request_id, plan_id, plan_sha256, comment)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        new.id,
        new.steps_sha256,
        new.scope.kind().as_str(),
        new.scope.requester_id(),
        new.scope.origin_kinds(),
        new.given_by,
        at,
        new.expires_at,
        new.request_id,
        new.plan_id,
        new.plan_sha256,
        new.comment,
    )
    .execute(connection)
    .await?;
    Ok(())
}

struct Stored {
    id: Uuid,
    scope: String,
    requester_id: Option<Uuid>,
    origin_kinds: Option<Vec<String>>,
    expires_at: DateTime<Utc>,
    given_by: Uuid,
    name: String,
    role: String,
    is_program: bool,
    grants: Option<Value>,
}

impl TryFrom<Stored> for Standing {
    type Error = Error;

    fn try_from(stored: Stored) -> Result<Self, Error> {
        let Stored { id, scope, requester_id, origin_kinds, expires_at, given_by, name, role, is_program, grants } = stored;
        let bad = |table, column, id: Uuid, value: &str| Error::BadData { table, column, id: id.to_string(), value: value.to_owned() };
        let scope = match (scope.as_str(), requester_id, origin_kinds) {
            ("requester", Some(requester_id), None) => Scope::Requester(requester_id),
            ("origin", None, Some(kinds)) => Scope::Origin(kinds),
            ("any", None, None) => Scope::Any,
            _ => return Err(bad("standing_approvals", "scope", id, &scope)),
        };
        let role = Role::from_word(&role).ok_or_else(|| bad("principals", "role", given_by, &role))?;
        let grants = grants::read(given_by, grants)?;
        Ok(Self { id, given_by: Principal { id: given_by, name, role, grants, is_program }, scope, expires_at })
    }
}

/// Those that cover these steps of a plan and count at this moment, locked until the transaction ends, so that none is withdrawn meanwhile.
/// Of people who have a token that counts; nobody else can be asked, or withdraw one. A plan whose previews read other variables than those of
/// the plan on which one was given is not covered by it.
pub async fn lock_covering(
    connection: &mut PgConnection,
    steps_sha256: &str,
    plan_id: Uuid,
    at: DateTime<Utc>,
) -> Result<Vec<Standing>, Error> {
    sqlx::query_as!(
        Stored,
        r#"SELECT s.id, s.scope, s.requester_id, s.origin_kinds, s.expires_at, s.given_by, p.name, p.role, p.kind = 'program' AS "is_program!", grants_of(p.id) AS grants
        FROM standing_approvals s
        JOIN principals p ON p.id = s.given_by
        WHERE s.steps_sha256 = $1 AND s.withdrawn_at IS NULL AND s.expires_at > $3
        AND (
            EXISTS (
                SELECT
                FROM api_tokens t
                WHERE t.principal_id = p.id AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $3)
            )
            OR EXISTS (
                SELECT
                FROM sessions b
                WHERE b.principal_id = p.id AND b.token_id IS NULL AND b.ended_at IS NULL AND b.expires_at > $3
            )
        )
        AND NOT EXISTS (
            SELECT
            FROM tasks seen
            WHERE seen.plan_id = $2 AND seen.purpose = 'preview' AND seen.variables IS DISTINCT FROM (
                SELECT approved.variables
                FROM tasks approved
                WHERE approved.plan_id = s.plan_id AND approved.purpose = 'preview' AND approved.step_id = seen.step_id
                AND approved.checks_attempt IS NULL
            )
        )
        ORDER BY s.id
        FOR SHARE OF s"#,
        steps_sha256,
        plan_id,
        at,
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(Standing::try_from)
    .collect()
}

/// What a withdrawal has to know of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locked {
    /// Who stands for it.
    pub given_by: Uuid,
    /// The plan on which it was given.
    pub plan_id: Uuid,
    /// Since when it is withdrawn.
    pub withdrawn_at: Option<DateTime<Utc>>,
}

/// Locks one until the transaction ends: nothing begins under it meanwhile.
pub async fn lock(connection: &mut PgConnection, id: Uuid) -> Result<Option<Locked>, Error> {
    Ok(sqlx::query_as!(
        Locked,
        "SELECT given_by, plan_id, withdrawn_at
        FROM standing_approvals
        WHERE id = $1
        FOR UPDATE",
        id,
    )
    .fetch_optional(connection)
    .await?)
}

/// A withdrawal.
#[derive(Debug, Clone, Copy)]
pub struct Withdrawal<'w> {
    /// Who withdraws.
    pub by: &'w str,
    /// Why.
    pub why: Option<&'w str>,
}

/// Withdraws one that is [locked](lock). Clocks of two processes may differ, so it is never withdrawn before its last use.
pub async fn withdraw(connection: &mut PgConnection, id: Uuid, withdrawal: Withdrawal<'_>, at: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE standing_approvals
        SET withdrawn_at = GREATEST($4, (SELECT max(a.at) FROM approvals a WHERE a.standing_id = $1)), withdrawn_by = $2, withdrawn_why = $3
        WHERE id = $1 AND withdrawn_at IS NULL",
        id,
        withdrawal.by,
        withdrawal.why,
        at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Withdraws all that there are; their ids.
pub async fn withdraw_all(connection: &mut PgConnection, withdrawal: Withdrawal<'_>, at: DateTime<Utc>) -> Result<Vec<Uuid>, Error> {
    let ids = sqlx::query_scalar!("SELECT id FROM standing_approvals WHERE withdrawn_at IS NULL ORDER BY id FOR UPDATE")
        .fetch_all(&mut *connection)
        .await?;
    for id in &ids {
        withdraw(connection, *id, withdrawal, at).await?;
    }
    Ok(ids)
}

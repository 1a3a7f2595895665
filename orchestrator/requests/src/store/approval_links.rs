//! Links by which one person comes to one plan, by the SHA-256 of their code. The code itself is never stored.

use chiffon_kernel::store::Error;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::approval_link::{Bound, Standing};

/// Adds a link, unless there is one of this id.
pub async fn add(connection: &mut PgConnection, link: &Bound, sha256: &[u8], at: DateTime<Utc>) -> Result<bool, Error> {
    let done = sqlx::query!(
        "INSERT INTO approval_links (id, principal_id, request_id, plan_sha256, code_sha256, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (id) DO NOTHING",
        link.id,
        link.principal_id,
        link.request_id,
        link.plan_sha256,
        sha256,
        at,
        link.expires_at,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A link.
#[derive(Debug, Clone)]
pub struct Found {
    /// What it is bound to.
    pub bound: Bound,
    /// SHA-256 of its code.
    pub sha256: Vec<u8>,
    /// When it was opened.
    pub used_at: Option<DateTime<Utc>>,
    /// The narrow session in which it was.
    pub session_id: Option<Uuid>,
    /// When it was refused for the first time.
    pub refused_at: Option<DateTime<Utc>>,
}

/// The link of this id, whether it still counts or not. Locked: of two that come with it at once, the second finds it used.
pub async fn lock(connection: &mut PgConnection, id: Uuid) -> Result<Option<Found>, Error> {
    let row = sqlx::query!(
        "SELECT principal_id, request_id, plan_sha256, code_sha256, expires_at, used_at, session_id, refused_at
        FROM approval_links
        WHERE id = $1
        FOR UPDATE",
        id,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| Found {
        bound: Bound {
            id,
            principal_id: row.principal_id,
            request_id: row.request_id,
            plan_sha256: row.plan_sha256,
            expires_at: row.expires_at,
        },
        sha256: row.code_sha256,
        used_at: row.used_at,
        session_id: row.session_id,
        refused_at: row.refused_at,
    }))
}

/// Notes that a link was opened, and in which narrow session.
pub async fn set_used(connection: &mut PgConnection, id: Uuid, session_id: Option<Uuid>, at: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query!("UPDATE approval_links SET used_at = $2, session_id = $3 WHERE id = $1", id, at, session_id).execute(connection).await?;
    Ok(())
}

/// Notes that a link was refused, the first time.
pub async fn set_refused(connection: &mut PgConnection, id: Uuid, at: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query!("UPDATE approval_links SET refused_at = $2 WHERE id = $1", id, at).execute(connection).await?;
    Ok(())
}

/// The links to plans of this request that a narrow session was opened by, newest first: each with its plan.
pub async fn list_of_session(connection: &mut PgConnection, session_id: Uuid, request_id: Uuid) -> Result<Vec<(Uuid, String)>, Error> {
    let rows = sqlx::query!(
        "SELECT id, plan_sha256
        FROM approval_links
        WHERE session_id = $1 AND request_id = $2
        ORDER BY id DESC",
        session_id,
        request_id,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.plan_sha256)).collect())
}

/// How a request stands for somebody.
pub async fn standing(connection: &mut PgConnection, request_id: Uuid, principal_id: Uuid) -> Result<Option<Standing>, Error> {
    Ok(sqlx::query_as!(
        Standing,
        r#"SELECT r.status, p.sha256 AS "plan_sha256?", p.expires_at AS "expires_at?",
            COALESCE((p.body -> 'policy' ->> 'self_approval')::boolean, false) AS "self_approval!",
            (r.principal_id = $2 OR EXISTS (
                SELECT
                FROM messages m
                WHERE m.request_id = r.id AND m.sender = 'user' AND m.principal_id = $2
            )) AS "is_author!",
            EXISTS (
                SELECT
                FROM approvals v
                WHERE v.plan_id = p.id AND v.principal_id = $2 AND v.decision = 'approve'
            ) AS "has_approved!"
        FROM requests r
        LEFT JOIN plans p ON p.id = r.plan_id AND p.state <> 'superseded'
        WHERE r.id = $1"#,
        request_id,
        principal_id,
    )
    .fetch_optional(connection)
    .await?)
}

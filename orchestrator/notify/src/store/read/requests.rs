//! A request with its current plan, as much of both as is told.

use chiffon_kernel::store::Error;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::notice::{Plan, Request};

/// The request as it stands now.
pub async fn get(connection: &mut PgConnection, id: Uuid) -> Result<Option<Request>, Error> {
    let row = sqlx::query!(
        r#"SELECT r.id, a.name AS asked_by, r.text, r.status, r.waiting_for IS NOT NULL AS "waits!", r.error ->> 'message' AS error,
            p.sha256 AS "sha256?", p.summary AS "summary?", p.risk AS "risk?", p.expires_at AS "expires_at?",
            COALESCE((p.body -> 'policy' ->> 'self_approval')::boolean, false) AS "self_approval!",
            ARRAY(
                SELECT DISTINCT m.principal_id
                FROM messages m
                WHERE m.request_id = r.id AND m.sender = 'user' AND m.principal_id IS NOT NULL
            ) || r.principal_id AS "authors!: Vec<Uuid>",
            ARRAY(
                SELECT v.principal_id
                FROM approvals v
                WHERE v.plan_id = p.id AND v.decision = 'approve'
            ) AS "approved_by!: Vec<Uuid>"
        FROM requests r
        JOIN principals a ON a.id = r.principal_id
        LEFT JOIN plans p ON p.id = r.plan_id
        WHERE r.id = $1"#,
        id,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| {
        let plan = row.sha256.zip(row.summary).zip(row.risk).map(|((sha256, summary), risk)| Plan {
            sha256,
            summary,
            risk,
            expires_at: row.expires_at,
            self_approval: row.self_approval,
            authors: row.authors,
            approved_by: row.approved_by,
        });
        Request { id: row.id, asked_by: row.asked_by, text: row.text, status: row.status, waits: row.waits, error: row.error, plan }
    }))
}

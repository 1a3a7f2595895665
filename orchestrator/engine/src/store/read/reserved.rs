//! Hosts that are reserved although no attempt changes them, because something of a stopped one may still run there.

use chiffon_kernel::store::Error;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::placement::release_command;

/// A reserved host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReservedHost {
    /// The host.
    pub host: String,
    /// The task for which it is reserved.
    pub task_id: Uuid,
    /// What that does.
    pub title: String,
    /// The task's request.
    pub request_id: Uuid,
    /// The attempt that has left it.
    pub attempt: i32,
    /// Since when.
    pub since: DateTime<Utc>,
    /// What may still run there.
    pub may_still_run: Vec<String>,
    /// The command that gives it back to other work.
    pub release: String,
}

/// Those of a request, or all: by name.
pub async fn list(connection: &mut PgConnection, request_id: Option<Uuid>) -> Result<Vec<ReservedHost>, Error> {
    let rows = sqlx::query!(
        r#"SELECT l.host, l.task_id, t.title, t.request_id, l.attempt, l.kept_at AS "kept_at!", l.kept_for
        FROM host_locks l
        JOIN tasks t ON t.id = l.task_id
        WHERE l.kept_at IS NOT NULL AND ($1::uuid IS NULL OR t.request_id = $1)
        ORDER BY l.host"#,
        request_id,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| ReservedHost {
            release: release_command(&row.host),
            host: row.host,
            task_id: row.task_id,
            title: row.title,
            request_id: row.request_id,
            attempt: row.attempt,
            since: row.kept_at,
            may_still_run: row.kept_for,
        })
        .collect())
}

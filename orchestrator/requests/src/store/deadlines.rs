//! Times that are over: of requests' states, and of their askers' patience.

use chiffon_kernel::store::Error;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// Requests for which some time is over: their state's, their asker's, or their plan's.
pub async fn list_due(connection: &mut PgConnection, now: DateTime<Utc>, limit: i64) -> Result<Vec<Uuid>, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT id AS "id!"
        FROM (
            SELECT id, deadline_at AS due
            FROM requests
            WHERE finished_at IS NULL AND deadline_at <= $1
            UNION ALL
            SELECT id, deadline
            FROM requests
            WHERE finished_at IS NULL AND deadline <= $1 AND expiring_at IS NULL
            UNION ALL
            SELECT r.id, p.expires_at
            FROM requests r
            JOIN plans p ON p.id = r.plan_id
            WHERE r.finished_at IS NULL AND r.status = 'awaiting_approval' AND p.expires_at <= $1
        ) AS due
        GROUP BY id
        ORDER BY min(due)
        LIMIT $2"#,
        now,
        limit,
    )
    .fetch_all(connection)
    .await?)
}

/// The times of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// When its asker has no more use for it.
    pub deadline: Option<DateTime<Utc>>,
    /// When its asker's deadline was enforced on it while agents had work of it.
    pub expiring_at: Option<DateTime<Utc>>,
    /// When its state is over.
    pub deadline_at: Option<DateTime<Utc>>,
}

/// The times of a request, which the caller has locked.
pub async fn get(connection: &mut PgConnection, request_id: Uuid) -> Result<Times, Error> {
    Ok(sqlx::query_as!(Times, "SELECT deadline, expiring_at, deadline_at FROM requests WHERE id = $1", request_id)
        .fetch_one(connection)
        .await?)
}

/// The asker's deadline of a request that is ending because it passed.
pub async fn passed(connection: &mut PgConnection, request_id: Uuid) -> Result<Option<DateTime<Utc>>, Error> {
    let times = get(connection, request_id).await?;
    Ok(times.deadline.filter(|_| times.expiring_at.is_some()))
}

/// Notes that a request ends as expired as soon as what runs has stopped.
pub async fn set_expiring(connection: &mut PgConnection, request_id: Uuid, at: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query!("UPDATE requests SET expiring_at = $2 WHERE id = $1 AND expiring_at IS NULL", request_id, at).execute(connection).await?;
    Ok(())
}

/// Moves the time at which a request's person is reminded.
pub async fn set_next(connection: &mut PgConnection, request_id: Uuid, next: Option<DateTime<Utc>>) -> Result<(), Error> {
    sqlx::query!("UPDATE requests SET deadline_at = $2 WHERE id = $1", request_id, next).execute(connection).await?;
    Ok(())
}

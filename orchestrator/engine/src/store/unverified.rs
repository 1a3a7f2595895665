//! Agents that sign nothing, and the attempts that were handed to them. In place of a key they have their id.

use chiffon_kernel::store::Error;
use sqlx::PgConnection;
use uuid::Uuid;

/// Whether such an agent counts as there.
pub async fn is_admitted(connection: &mut PgConnection, agent_id: &str) -> Result<bool, Error> {
    let found = sqlx::query_scalar!("SELECT id FROM agents WHERE id = $1 AND key_id = $1 AND lease_expires_at > now()", agent_id)
        .fetch_optional(connection)
        .await?;
    Ok(found.is_some())
}

/// Lets all such agents but these count as gone; who was there.
pub async fn retire_others(connection: &mut PgConnection, admitted: &[String]) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar!(
        "UPDATE agents
        SET lease_expires_at = now()
        WHERE key_id = id AND id LIKE 'unverified:%' AND id <> ALL ($1) AND lease_expires_at > now()
        RETURNING id",
        admitted,
    )
    .fetch_all(connection)
    .await?)
}

/// Notes that an attempt's reports are not signed.
pub async fn mark(connection: &mut PgConnection, task_id: Uuid, attempt: i32) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE task_attempts
        SET verified = false
        WHERE task_id = $1 AND attempt = $2",
        task_id,
        attempt,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The owner of an attempt whose reports need no signature, and that it was heard of now: one of these agents, and the attempt is
/// the task's first and only one.
pub async fn owner_of_only_attempt(
    connection: &mut PgConnection,
    task_id: Uuid,
    attempt: i32,
    agent_ids: &[String],
) -> Result<Option<String>, Error> {
    Ok(sqlx::query_scalar!(
        "UPDATE agents
        SET last_seen_at = now()
        FROM task_attempts t
        WHERE t.task_id = $1 AND t.attempt = $2 AND t.attempt = 1 AND NOT t.verified AND t.agent_id = agents.id
        AND agents.id = ANY ($3) AND agents.key_id = agents.id
        AND NOT EXISTS (SELECT FROM task_attempts o WHERE o.task_id = $1 AND o.attempt <> 1)
        RETURNING agents.id",
        task_id,
        attempt,
        agent_ids,
    )
    .fetch_optional(connection)
    .await?)
}

//! What stands in the audit log (RELIABILITY 21); it is written with everything else that a transaction leaves, in [`super::trail`].

use sqlx::PgConnection;
use uuid::Uuid;

use super::Error;
use crate::domain::audit::SYSTEM_CHAIN;

/// Who last decided about a task, and what: `retry`, `done` or `give_up`.
pub async fn last_decision(connection: &mut PgConnection, request_id: Uuid, task_id: Uuid) -> Result<Option<(String, String)>, Error> {
    let row = sqlx::query!(
        r#"SELECT actor, data ->> 'decision' AS decision
        FROM audit_log
        WHERE chain = $1 AND event = 'task.resolved' AND data ->> 'task_id' = $2
        ORDER BY seq DESC
        LIMIT 1"#,
        request_id.to_string(),
        task_id.to_string(),
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.and_then(|row| Some((row.actor, row.decision?))))
}

/// The head of the system chain at this moment: its last number and hash.
pub async fn system_head(connection: &mut PgConnection) -> Result<(i64, Option<Vec<u8>>), Error> {
    let head = sqlx::query!("SELECT seq, head FROM audit_heads WHERE chain = $1", SYSTEM_CHAIN).fetch_one(connection).await?;
    Ok((head.seq, head.head))
}

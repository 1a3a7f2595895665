//! The audit log: appending under the lock that orders a chain (RELIABILITY 21).

use chiffon_protocol::canonical;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::Error;
use crate::domain::audit::{AuditEvent, SYSTEM_CHAIN, Seal, row_hash};

/// Appends to a request's chain. The statement locks the request's row, so the order in the chain is that of the commits.
///
/// The head of a request that has ended goes into the system chain in the same transaction. Whoever appends to both takes the
/// system chain last, as this does: it is one row, and nothing may wait for anything else while it is held.
pub async fn append(connection: &mut PgConnection, request_id: Uuid, event: &AuditEvent, at: DateTime<Utc>) -> Result<(), Error> {
    let head = sqlx::query!(
        "SELECT audit_seq, audit_head, status, finished_at
        FROM requests
        WHERE id = $1
        FOR UPDATE",
        request_id,
    )
    .fetch_one(&mut *connection)
    .await?;
    let chain = request_id.to_string();
    let hash = add_row(connection, &chain, head.audit_seq + 1, head.audit_head.as_deref(), event, at).await?;
    sqlx::query!(
        "UPDATE requests
        SET audit_seq = audit_seq + 1, audit_head = $2
        WHERE id = $1",
        request_id,
        hash,
    )
    .execute(&mut *connection)
    .await?;
    if head.finished_at.is_none() {
        return Ok(());
    }
    let seal = Seal { chain, seq: head.audit_seq + 1, head: canonical::hex(&hash), status: head.status };
    append_system(connection, &seal.event(), at).await
}

/// Appends to the chain of events that belong to no request.
pub async fn append_system(connection: &mut PgConnection, event: &AuditEvent, at: DateTime<Utc>) -> Result<(), Error> {
    let head = sqlx::query!(
        "SELECT seq, head
        FROM audit_heads
        WHERE chain = $1
        FOR UPDATE",
        SYSTEM_CHAIN,
    )
    .fetch_one(&mut *connection)
    .await?;
    let hash = add_row(connection, SYSTEM_CHAIN, head.seq + 1, head.head.as_deref(), event, at).await?;
    sqlx::query!(
        "UPDATE audit_heads
        SET seq = seq + 1, head = $2
        WHERE chain = $1",
        SYSTEM_CHAIN,
        hash,
    )
    .execute(connection)
    .await?;
    Ok(())
}

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

async fn add_row(
    connection: &mut PgConnection,
    chain: &str,
    seq: i64,
    prev: Option<&[u8]>,
    event: &AuditEvent,
    at: DateTime<Utc>,
) -> Result<Vec<u8>, Error> {
    let hash = row_hash(prev, chain, seq, at, &event.actor, event.event, &event.data);
    sqlx::query!(
        "INSERT INTO audit_log (chain, seq, at, actor, event, data, prev_hash, hash)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        chain,
        seq,
        at,
        event.actor,
        event.event,
        event.data,
        prev,
        hash,
    )
    .execute(connection)
    .await?;
    Ok(hash)
}

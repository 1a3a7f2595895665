//! The audit log, to be read and to be checked.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgPool;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::audit::SYSTEM_CHAIN;
use crate::store::Error;

/// One row of a chain.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditRow {
    /// From 1, without gaps.
    pub seq: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub actor: String,
    /// What happened.
    pub event: String,
    /// The particulars.
    pub data: Value,
    /// The hash of the row before; `None` for the first.
    pub prev_hash: Option<Vec<u8>>,
    /// This row's hash.
    pub hash: Vec<u8>,
}

/// A row as people see it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AuditView {
    /// From 1, without gaps.
    pub seq: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// The principal's or agent's name, or `chiffon`.
    pub actor: String,
    /// What happened, such as `plan.approved`.
    pub event: String,
    /// The particulars.
    pub data: Value,
    /// The row's hash, 64 hex digits.
    pub hash: String,
}

/// The rows of a chain after a cursor, in order.
pub async fn list(pool: &PgPool, chain: &str, after: i64, limit: i64) -> Result<Vec<AuditRow>, Error> {
    Ok(sqlx::query_as!(
        AuditRow,
        "SELECT seq, at, actor, event, data, prev_hash, hash
        FROM audit_log
        WHERE chain = $1 AND seq > $2
        ORDER BY seq
        LIMIT $3",
        chain,
        after,
        limit,
    )
    .fetch_all(pool)
    .await?)
}

/// Where a chain should end: its last number and hash, as the request's row (or the system chain's) has them.
pub async fn head(pool: &PgPool, chain: &str) -> Result<Option<(i64, Option<Vec<u8>>)>, Error> {
    if chain == SYSTEM_CHAIN {
        let row = sqlx::query!("SELECT seq, head FROM audit_heads WHERE chain = $1", chain).fetch_optional(pool).await?;
        return Ok(row.map(|row| (row.seq, row.head)));
    }
    let Ok(request_id) = Uuid::try_parse(chain) else { return Ok(None) };
    let row = sqlx::query!("SELECT audit_seq, audit_head FROM requests WHERE id = $1", request_id).fetch_optional(pool).await?;
    Ok(row.map(|row| (row.audit_seq, row.audit_head)))
}

/// Where chains should end, in the order of their requests' ids after a cursor.
pub async fn heads(pool: &PgPool, after: Option<Uuid>, limit: i64) -> Result<Vec<(Uuid, i64, Option<Vec<u8>>)>, Error> {
    let rows = sqlx::query!(
        "SELECT id, audit_seq, audit_head
        FROM requests
        WHERE $1::uuid IS NULL OR id > $1
        ORDER BY id
        LIMIT $2",
        after,
        limit,
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.audit_seq, row.audit_head)).collect())
}

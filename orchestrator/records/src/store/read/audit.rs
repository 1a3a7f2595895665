//! The audit log, to be read and to be checked.

use chiffon_kernel::domain::audit::SYSTEM_CHAIN;
use chiffon_kernel::store::Error;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgExecutor;
use utoipa::ToSchema;
use uuid::Uuid;

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
pub async fn list(executor: impl PgExecutor<'_>, chain: &str, after: i64, limit: i64) -> Result<Vec<AuditRow>, Error> {
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
    .fetch_all(executor)
    .await?)
}

/// The rows of a chain before this number, newest first.
pub async fn list_newest(executor: impl PgExecutor<'_>, chain: &str, before: i64, limit: i64) -> Result<Vec<AuditRow>, Error> {
    Ok(sqlx::query_as!(
        AuditRow,
        "SELECT seq, at, actor, event, data, prev_hash, hash
        FROM audit_log
        WHERE chain = $1 AND seq < $2
        ORDER BY seq DESC
        LIMIT $3",
        chain,
        before,
        limit,
    )
    .fetch_all(executor)
    .await?)
}

/// Where a chain should end: its last number and hash, as its stream's row (or the system chain's) has them.
pub async fn head(executor: impl PgExecutor<'_>, chain: &str) -> Result<Option<(i64, Option<Vec<u8>>)>, Error> {
    if chain == SYSTEM_CHAIN {
        let row = sqlx::query!("SELECT seq, head FROM audit_heads WHERE chain = $1", chain).fetch_optional(executor).await?;
        return Ok(row.map(|row| (row.seq, row.head)));
    }
    let Ok(stream_id) = Uuid::try_parse(chain) else { return Ok(None) };
    let row = sqlx::query!("SELECT audit_seq, audit_head FROM streams WHERE id = $1", stream_id).fetch_optional(executor).await?;
    Ok(row.map(|row| (row.audit_seq, row.audit_head)))
}

/// Where chains should end, in the order of their streams' ids after a cursor.
pub async fn heads(executor: impl PgExecutor<'_>, after: Option<Uuid>, limit: i64) -> Result<Vec<(Uuid, i64, Option<Vec<u8>>)>, Error> {
    let rows = sqlx::query!(
        "SELECT id, audit_seq, audit_head
        FROM streams
        WHERE $1::uuid IS NULL OR id > $1
        ORDER BY id
        LIMIT $2",
        after,
        limit,
    )
    .fetch_all(executor)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.audit_seq, row.audit_head)).collect())
}

/// Chains of streams that are not there, at most 100.
pub async fn orphans(executor: impl PgExecutor<'_>) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar!(
        "SELECT DISTINCT a.chain
        FROM audit_log a
        WHERE a.chain <> 'system' AND NOT EXISTS (SELECT FROM streams s WHERE s.id::text = a.chain)
        ORDER BY a.chain
        LIMIT 100"
    )
    .fetch_all(executor)
    .await?)
}

/// The hashes of rows by chain and number, in the order asked for; `None` for a row that is not there.
pub async fn hashes_at(executor: impl PgExecutor<'_>, chains: &[String], seqs: &[i64]) -> Result<Vec<Option<Vec<u8>>>, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT a.hash AS "hash?"
        FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY AS wanted (chain, seq, place)
        LEFT JOIN audit_log a ON a.chain = wanted.chain AND a.seq = wanted.seq
        ORDER BY wanted.place"#,
        chains,
        seqs,
    )
    .fetch_all(executor)
    .await?)
}

/// Whether each chain has a row with this hash, in the order asked for.
pub async fn are_in_chains(executor: impl PgExecutor<'_>, chains: &[String], hashes: &[Vec<u8>]) -> Result<Vec<bool>, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM audit_log a WHERE a.chain = wanted.chain AND a.hash = wanted.hash) AS "there!"
        FROM unnest($1::text[], $2::bytea[]) WITH ORDINALITY AS wanted (chain, hash, place)
        ORDER BY wanted.place"#,
        chains,
        hashes,
    )
    .fetch_all(executor)
    .await?)
}

/// What the system chain keeps about one other chain: the data of its `request.sealed` rows, oldest first.
pub async fn seals_of(executor: impl PgExecutor<'_>, chain: &str) -> Result<Vec<Value>, Error> {
    Ok(sqlx::query_scalar!(
        "SELECT data
        FROM audit_log
        WHERE chain = 'system' AND event = 'request.sealed' AND data ->> 'chain' = $1
        ORDER BY seq",
        chain,
    )
    .fetch_all(executor)
    .await?)
}

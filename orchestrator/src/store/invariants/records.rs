//! What must hold of messages, records, the audit log and the ledger.

use sqlx::PgConnection;

use super::{EXAMPLES, Limits, PATIENCE_WITH_RECORDS, Row};
use crate::domain::audit::SYSTEM_CHAIN;
use crate::store::Error;
use crate::store::partitions::PARTITIONED;

/// The lease of who commits records.
const SCRIBE: &str = "git_scribe";

pub(super) async fn outbox_row_too_old(connection: &mut PgConnection, limits: &Limits) -> Result<Vec<Row>, Error> {
    Ok(sqlx::query_as!(
        Row,
        r#"SELECT id || ' (to ' || routing_key || COALESCE(': ' || last_error, '') || ')' AS "example!", count(*) OVER () AS "total!"
        FROM outbox
        WHERE created_at < $1
        ORDER BY id
        LIMIT $2"#,
        limits.due(),
        EXAMPLES,
    )
    .fetch_all(connection)
    .await?)
}

pub(super) async fn record_not_committed(connection: &mut PgConnection, limits: &Limits) -> Result<Vec<Row>, Error> {
    Ok(sqlx::query_as!(
        Row,
        r#"SELECT id || COALESCE(' (task ' || task_id || ')', '') || COALESCE(': ' || last_error, '') AS "example!",
            count(*) OVER () AS "total!"
        FROM git_outbox
        WHERE settled_at IS NULL AND at < $1
        AND EXISTS (SELECT FROM leases WHERE name = $2 AND expires_at > now())
        ORDER BY at, id
        LIMIT $3"#,
        limits.ago(limits.overdue_after * PATIENCE_WITH_RECORDS.unsigned_abs()),
        SCRIBE,
        EXAMPLES,
    )
    .fetch_all(connection)
    .await?)
}

pub(super) async fn audit_head_mismatch(connection: &mut PgConnection, limits: &Limits) -> Result<Vec<Row>, Error> {
    Ok(sqlx::query_as!(
        Row,
        r#"SELECT heads.chain AS "example!", count(*) OVER () AS "total!"
        FROM (
            SELECT id::text AS chain, audit_seq AS seq, audit_head AS head
            FROM requests
            WHERE finished_at IS NULL OR created_at > $1
            UNION ALL
            SELECT chain, seq, head
            FROM audit_heads
            WHERE chain = $2
        ) AS heads
        LEFT JOIN LATERAL (
            SELECT l.seq, l.hash
            FROM audit_log l
            WHERE l.chain = heads.chain
            ORDER BY l.seq DESC
            LIMIT 1
        ) AS newest ON true
        WHERE heads.seq <> COALESCE(newest.seq, 0) OR heads.head IS DISTINCT FROM newest.hash
        ORDER BY heads.chain
        LIMIT $3"#,
        limits.since,
        SYSTEM_CHAIN,
        EXAMPLES,
    )
    .fetch_all(connection)
    .await?)
}

pub(super) async fn spending_never_settled(connection: &mut PgConnection, limits: &Limits) -> Result<Vec<Row>, Error> {
    Ok(sqlx::query_as!(
        Row,
        r#"SELECT id || ' (' || provider || ')' AS "example!", count(*) OVER () AS "total!"
        FROM llm_calls
        WHERE state = 'reserved' AND started_at < $1
        ORDER BY started_at
        LIMIT $2"#,
        limits.ago(limits.longest_call.saturating_add(limits.overdue_after)),
        EXAMPLES,
    )
    .fetch_all(connection)
    .await?)
}

pub(super) async fn partition_missing(connection: &mut PgConnection, limits: &Limits) -> Result<Vec<Row>, Error> {
    let tables: Vec<String> = PARTITIONED.iter().map(|table| (*table).to_owned()).collect();
    Ok(sqlx::query_as!(
        Row,
        r#"SELECT wanted.name AS "example!", count(*) OVER () AS "total!"
        FROM (
            SELECT partitioned || '_' || to_char(($2::timestamptz AT TIME ZONE 'UTC') + interval '1 month', 'YYYY_MM') AS name
            FROM unnest($1::text[]) AS partitioned
        ) AS wanted
        WHERE to_regclass(wanted.name) IS NULL
        ORDER BY wanted.name
        LIMIT $3"#,
        &tables,
        limits.now,
        EXAMPLES,
    )
    .fetch_all(connection)
    .await?)
}

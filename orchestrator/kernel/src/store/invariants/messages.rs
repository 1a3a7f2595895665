//! What must hold of messages, the audit log and the partitions.

use sqlx::PgConnection;

use super::{EXAMPLES, Invariant, Limits, Row};
use crate::domain::audit::SYSTEM_CHAIN;
use crate::domain::invariant::Rule;
use crate::store::Error;
use crate::store::partitions::PARTITIONED;

/// What must hold, each with its statement.
pub const INVARIANTS: &[Invariant] = &[
    // RELIABILITY 2.
    Invariant {
        rule: Rule {
            name: "outbox_row_too_old",
            is_about_time: true,
            sentence: "no message waits in the outbox for longer than this while the broker is there",
            advice: "look at `outbox_relay` in GET /background, and at `last_error` in the table `outbox`",
        },
        find: |connection, limits| Box::pin(outbox_row_too_old(connection, limits)),
    },
    // RELIABILITY 21.
    Invariant {
        rule: Rule {
            name: "audit_head_mismatch",
            is_about_time: false,
            sentence: "the last row of each audit chain is the one that its head names",
            advice: "somebody has changed the records: `chiffon audit verify` says where; restore from a backup what can't be explained",
        },
        find: |connection, limits| Box::pin(audit_head_mismatch(connection, limits)),
    },
    // Retention.
    Invariant {
        rule: Rule {
            name: "partition_missing",
            is_about_time: true,
            sentence: "the partitions of the next month are there",
            advice: "look at `partitions` in GET /background: it makes them; may the database's user create tables?",
        },
        find: |connection, limits| Box::pin(partition_missing(connection, limits)),
    },
];

async fn outbox_row_too_old(connection: &mut PgConnection, limits: &Limits) -> Result<Vec<Row>, Error> {
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

async fn audit_head_mismatch(connection: &mut PgConnection, limits: &Limits) -> Result<Vec<Row>, Error> {
    Ok(sqlx::query_as!(
        Row,
        r#"SELECT heads.chain AS "example!", count(*) OVER () AS "total!"
        FROM (
            SELECT s.id::text AS chain, s.audit_seq AS seq, s.audit_head AS head
            FROM requests r
            JOIN streams s ON s.id = r.id
            WHERE r.finished_at IS NULL OR r.created_at > $1
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

async fn partition_missing(connection: &mut PgConnection, limits: &Limits) -> Result<Vec<Row>, Error> {
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

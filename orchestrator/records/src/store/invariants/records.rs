//! What must hold of records.

use chiffon_kernel::domain::invariant::Rule;
use chiffon_kernel::store::Error;
use chiffon_kernel::store::invariants::{EXAMPLES, Invariant, Limits, Row};
use sqlx::PgConnection;

/// The lease of who commits records.
const SCRIBE: &str = "git_scribe";
/// So many times longer than other things a record may take to be committed: a scribe may have many to catch up with.
const PATIENCE_WITH_RECORDS: i32 = 5;

/// What must hold, each with its statement.
pub const INVARIANTS: &[Invariant] = &[
    // RELIABILITY 22.
    Invariant {
        rule: Rule {
            name: "record_not_committed",
            is_about_time: true,
            sentence: "what was done is committed to the audit repository soon, while a scribe has its lease",
            advice: "look at `git_scribe` in GET /background: is the audit repository's disk full, or is it not writable?",
        },
        find: |connection, limits| Box::pin(record_not_committed(connection, limits)),
    },
];

async fn record_not_committed(connection: &mut PgConnection, limits: &Limits) -> Result<Vec<Row>, Error> {
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

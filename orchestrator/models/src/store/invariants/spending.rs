//! What must hold of what models cost.

use chiffon_kernel::domain::invariant::Rule;
use chiffon_kernel::store::Error;
use chiffon_kernel::store::invariants::{EXAMPLES, Invariant, Limits, Row};
use sqlx::PgConnection;

/// What must hold, each with its statement.
pub const INVARIANTS: &[Invariant] = &[
    // RELIABILITY 19.
    Invariant {
        rule: Rule {
            name: "spending_never_settled",
            is_about_time: true,
            sentence: "a call to a model is settled, or counts as spent once it has taken too long",
            advice: "look at `deadline_reaper` in GET /background: it settles what a killed planner left",
        },
        find: |connection, limits| Box::pin(spending_never_settled(connection, limits)),
    },
];

async fn spending_never_settled(connection: &mut PgConnection, limits: &Limits) -> Result<Vec<Row>, Error> {
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

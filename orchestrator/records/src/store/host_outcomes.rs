//! What tasks came to on each host, over all of their attempts (the view `host_outcomes`). Reads only.

use std::collections::BTreeMap;

use chiffon_kernel::store::Error;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

/// What a task came to on one host, over all of its attempts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HostOutcome {
    /// The host.
    pub host: String,
    /// How its newest attempt ended there: `completed | failed | unreachable | not_begun | unfinished`
    pub status: String,
    /// Whether any attempt changed it.
    pub changed: bool,
    /// The names of the tasks that changed it, in any attempt.
    pub changes: Vec<String>,
    /// The newest attempt's last failure, or why it was not reached.
    pub message: Option<String>,
}

/// What a task came to on each host, by name. Of a dry run, only what ran for real counts as a change.
pub async fn list(connection: &mut PgConnection, task_id: Uuid) -> Result<Vec<HostOutcome>, Error> {
    Ok(sqlx::query_as!(
        HostOutcome,
        r#"SELECT host AS "host!", status AS "status!", changed AS "changed!", changes AS "changes!", message
        FROM host_outcomes
        WHERE task_id = $1
        ORDER BY host"#,
        task_id,
    )
    .fetch_all(connection)
    .await?)
}

/// The same of several tasks; those without a host are left out.
pub async fn list_of(connection: &mut PgConnection, task_ids: &[Uuid]) -> Result<BTreeMap<Uuid, Vec<HostOutcome>>, Error> {
    let rows = sqlx::query!(
        r#"SELECT task_id AS "task_id!", host AS "host!", status AS "status!", changed AS "changed!", changes AS "changes!", message
        FROM host_outcomes
        WHERE task_id = ANY ($1)
        ORDER BY task_id, host"#,
        task_ids,
    )
    .fetch_all(connection)
    .await?;
    let mut outcomes: BTreeMap<Uuid, Vec<HostOutcome>> = BTreeMap::new();
    for row in rows {
        let outcome = HostOutcome { host: row.host, status: row.status, changed: row.changed, changes: row.changes, message: row.message };
        outcomes.entry(row.task_id).or_default().push(outcome);
    }
    Ok(outcomes)
}

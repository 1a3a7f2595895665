//! Numbers for monitoring. Each comes from a partial index of what is open, so that a long history costs nothing.

use chiffon_kernel::store::Error;
use sqlx::PgPool;

/// Numbers of one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests that have not ended, by state.
    pub requests: Vec<(String, i64)>,
    /// Tasks that have not ended, by state.
    pub tasks: Vec<(String, i64)>,
    /// Agents alive and known, by kind.
    pub agents: Vec<(String, i64, i64)>,
    /// Messages that wait to be published.
    pub outbox: i64,
    /// Records that wait to be committed.
    pub git_outbox: i64,
    /// Dead letters that nobody has replayed or purged.
    pub dead_letters: i64,
    /// Standing approvals that count.
    pub standing_approvals: i64,
}

/// Counts now.
pub async fn read(pool: &PgPool) -> Result<Counts, Error> {
    let rows = sqlx::query!(
        r#"SELECT 'request' AS "what!", status AS "status!", count(*) AS "count!"
        FROM requests
        WHERE finished_at IS NULL
        GROUP BY status
        UNION ALL
        SELECT 'task', status, count(*)
        FROM tasks
        WHERE finished_at IS NULL
        GROUP BY status
        UNION ALL
        SELECT 'outbox', '', count(*)
        FROM outbox
        UNION ALL
        SELECT 'git_outbox', '', count(*)
        FROM git_outbox
        WHERE settled_at IS NULL
        UNION ALL
        SELECT 'dead_letters', '', count(*)
        FROM dead_letters
        WHERE replayed_at IS NULL AND purged_at IS NULL
        UNION ALL
        SELECT 'standing_approvals', '', count(*)
        FROM standing_approvals
        WHERE withdrawn_at IS NULL AND expires_at > now()
        ORDER BY 1, 2"#
    )
    .fetch_all(pool)
    .await?;
    let mut counts = Counts { agents: chiffon_fleet::store::read::agents::alive(pool).await?, ..Counts::default() };
    for row in rows {
        match row.what.as_str() {
            "request" => counts.requests.push((row.status, row.count)),
            "task" => counts.tasks.push((row.status, row.count)),
            "outbox" => counts.outbox = row.count,
            "standing_approvals" => counts.standing_approvals = row.count,
            "dead_letters" => counts.dead_letters = row.count,
            _ => counts.git_outbox = row.count,
        }
    }
    Ok(counts)
}

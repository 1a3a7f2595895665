//! Numbers for monitoring. Each comes from a partial index of what is open, so that a long history costs nothing.

use std::collections::BTreeMap;

use chiffon_kernel::store::Error;
use sqlx::PgPool;

/// How many there are, and how long the one that has been there longest has been.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Waiting {
    /// How many.
    pub count: i64,
    /// Seconds; 0 where there is none.
    pub longest: f64,
}

/// Numbers of one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counts {
    /// Requests that have not ended, by state.
    pub requests: Vec<(String, i64)>,
    /// Requests that wait, by what for.
    pub requests_waiting: BTreeMap<String, Waiting>,
    /// Tasks that have not ended, by state.
    pub tasks: Vec<(String, i64)>,
    /// Tasks that wait, by what for.
    pub tasks_waiting: BTreeMap<String, Waiting>,
    /// Agents alive and known, by kind.
    pub agents: Vec<(String, i64, i64)>,
    /// Messages that wait to be published.
    pub outbox: Waiting,
    /// Records that wait to be committed.
    pub git_outbox: Waiting,
    /// Dead letters that nobody has replayed or purged.
    pub dead_letters: Waiting,
    /// Standing approvals that count.
    pub standing_approvals: i64,
    /// Bytes of the database on its disk.
    pub database_bytes: i64,
}

/// Counts now.
pub async fn read(pool: &PgPool) -> Result<Counts, Error> {
    let rows = sqlx::query!(
        r#"SELECT 'request' AS "what!", status AS "word!", count(*) AS "count!", 0::float8 AS "longest!"
        FROM requests
        WHERE finished_at IS NULL
        GROUP BY status
        UNION ALL
        SELECT 'request_waiting', waiting_for->>'what', count(*),
            COALESCE(EXTRACT(EPOCH FROM now() - min((waiting_for->>'since')::timestamptz)), 0)::float8
        FROM requests
        WHERE finished_at IS NULL AND waiting_for->>'what' IS NOT NULL
        GROUP BY waiting_for->>'what'
        UNION ALL
        SELECT 'task', status, count(*), 0
        FROM tasks
        WHERE finished_at IS NULL
        GROUP BY status
        UNION ALL
        SELECT 'task_waiting', waiting_for->>'what', count(*),
            COALESCE(EXTRACT(EPOCH FROM now() - min((waiting_for->>'since')::timestamptz)), 0)::float8
        FROM tasks
        WHERE finished_at IS NULL AND waiting_for->>'what' IS NOT NULL
        GROUP BY waiting_for->>'what'
        UNION ALL
        SELECT 'outbox', '', count(*), COALESCE(EXTRACT(EPOCH FROM now() - min(created_at)), 0)::float8
        FROM outbox
        UNION ALL
        SELECT 'git_outbox', '', count(*), COALESCE(EXTRACT(EPOCH FROM now() - min(at)), 0)::float8
        FROM git_outbox
        WHERE settled_at IS NULL
        UNION ALL
        SELECT 'dead_letters', '', count(*), COALESCE(EXTRACT(EPOCH FROM now() - min(died_at)), 0)::float8
        FROM dead_letters
        WHERE replayed_at IS NULL AND purged_at IS NULL
        UNION ALL
        SELECT 'standing_approvals', '', count(*), 0
        FROM standing_approvals
        WHERE withdrawn_at IS NULL AND expires_at > now()
        UNION ALL
        SELECT 'database', '', pg_database_size(current_database()), 0
        ORDER BY 1, 2"#
    )
    .fetch_all(pool)
    .await?;
    let mut counts = Counts { agents: chiffon_fleet::store::read::agents::alive(pool).await?, ..Counts::default() };
    for row in rows {
        // Whoever wrote the row may have another clock than the database.
        let waiting = Waiting { count: row.count, longest: row.longest.max(0.0) };
        match row.what.as_str() {
            "request" => counts.requests.push((row.word, row.count)),
            "request_waiting" => drop(counts.requests_waiting.insert(row.word, waiting)),
            "task" => counts.tasks.push((row.word, row.count)),
            "task_waiting" => drop(counts.tasks_waiting.insert(row.word, waiting)),
            "outbox" => counts.outbox = waiting,
            "git_outbox" => counts.git_outbox = waiting,
            "dead_letters" => counts.dead_letters = waiting,
            "standing_approvals" => counts.standing_approvals = row.count,
            _ => counts.database_bytes = row.count,
        }
    }
    Ok(counts)
}

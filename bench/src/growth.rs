//! Whether what waits makes what goes slower: the round trip of one task while others wait for a host that is taken.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::time::Instant;
use uuid::Uuid;

use crate::noop;
use crate::round_trip;
use crate::story;
use crate::system::{HOSTS, System};
use crate::table::{Beside, Figures, Row};

/// So many wait.
const WAITING: [i64; 3] = [1, 1_000, 50_000];
/// Round trips with each number.
const RUNS: usize = 30;
/// A task that does not wait for its host by then never does.
const PATIENCE: Duration = Duration::from_mins(1);

const TAKE_HOST: &str = "
    INSERT INTO host_locks (host, task_id, attempt, taken_at)
    SELECT $1, id, attempt, now()
    FROM tasks
    WHERE status = 'completed'
    LIMIT 1";
const WAITS: &str = "
    SELECT /* bench */ count(*)
    FROM tasks
    WHERE request_id = $1 AND wait_key = 'host:' || $2 AND is_explained";
const MORE: &str = "
    INSERT INTO tasks
    SELECT (jsonb_populate_record(NULL::tasks, to_jsonb(t) || jsonb_build_object('id', gen_random_uuid(), 'step_id', 'copy-' || n))).*
    FROM (SELECT * FROM tasks WHERE request_id = $1 LIMIT 1) AS t
    CROSS JOIN generate_series((SELECT count(*) FROM tasks WHERE request_id = $1) + 1, $2) AS n";

/// The rows, the first of which is the limit of the others.
pub async fn rows(system: &System) -> anyhow::Result<Vec<Row>> {
    // There has to be a task that is done, whatever was measured before.
    round_trip::own(system, 1).await?;
    let taken = noop::host(HOSTS);
    sqlx::query(TAKE_HOST).bind(&taken).execute(&system.pool).await?;
    let waiting = story::plan_each(system, [format!("do nothing on {taken}")]).await?.pop().context("a plan")?;
    story::approve(system.api.clone(), waiting.clone()).await?;
    until_it_waits(system, waiting.id, &taken).await?;
    let (mut rows, mut alone) = (Vec::new(), None);
    for number in WAITING {
        let mut connection = system.pool.acquire().await?;
        sqlx::query("SET statement_timeout = 0").execute(&mut *connection).await?;
        sqlx::query(MORE).bind(waiting.id).bind(number).execute(&mut *connection).await?;
        sqlx::query("VACUUM ANALYZE tasks").execute(&mut *connection).await?;
        drop(connection);
        let figures = Figures::of(round_trip::own(system, RUNS).await?);
        let row = Row::alone(format!("growth: the same round trip while {number} tasks wait for a host"), "ms", figures.clone());
        rows.push(match &alone {
            Some(alone) => row.with_limit(Beside::measured("with one waiting", Figures::clone(alone))),
            None => row,
        });
        alone.get_or_insert(figures);
    }
    sqlx::query("DELETE FROM tasks WHERE request_id = $1 AND step_id LIKE 'copy-%'").bind(waiting.id).execute(&system.pool).await?;
    sqlx::query("DELETE FROM host_locks WHERE host = $1").bind(&taken).execute(&system.pool).await?;
    Ok(rows)
}

async fn until_it_waits(system: &System, request_id: Uuid, host: &str) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let waits: i64 = sqlx::query_scalar(WAITS).bind(request_id).bind(host).fetch_one(&system.pool).await?;
        if waits == 1 {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "the task of {request_id} does not wait for {host} after {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

//! Whether what waits makes what goes slower: the round trip of one task while others wait for a host that is taken.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use sqlx::Connection as _;
use tokio::time::Instant;
use uuid::Uuid;

use crate::system::{HOSTS, System};
use crate::table::{Beside, Figures, Row};
use crate::{noop, profile, round_trip, story};

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
/// The requests that are made of the one that waits.
const COPIES: &str = "CREATE TABLE bench_copies (request_id uuid, plan_id uuid, number bigint)";
/// Fifty tasks each, as many as a large plan has, so that the database sees what it would see of so many.
const MORE: &str = "
    WITH copies AS (
        INSERT INTO bench_copies
        SELECT gen_random_uuid(), gen_random_uuid(), number
        FROM generate_series((SELECT count(*) FROM tasks WHERE wait_key = 'host:' || $3) / 50, ($2 - 1) / 50) AS number
        RETURNING *
    ), requests AS (
        INSERT INTO requests
        SELECT (jsonb_populate_record(NULL::requests, to_jsonb(r) || jsonb_build_object('id', c.request_id, 'plan_id', c.plan_id))).*
        FROM requests AS r
        CROSS JOIN copies AS c
        WHERE r.id = $1
    ), streams AS (
        INSERT INTO streams
        SELECT (jsonb_populate_record(NULL::streams, to_jsonb(s) || jsonb_build_object('id', c.request_id))).*
        FROM streams AS s
        CROSS JOIN copies AS c
        WHERE s.id = $1
    ), plans AS (
        INSERT INTO plans
        SELECT (jsonb_populate_record(NULL::plans, to_jsonb(p) || jsonb_build_object('id', c.plan_id, 'request_id', c.request_id))).*
        FROM plans AS p
        CROSS JOIN copies AS c
        WHERE p.request_id = $1
    )
    INSERT INTO tasks
    SELECT (jsonb_populate_record(NULL::tasks, to_jsonb(t) || jsonb_build_object(
        'id', gen_random_uuid(), 'request_id', c.request_id, 'plan_id', c.plan_id, 'step_id', 'copy-' || n
    ))).*
    FROM (SELECT * FROM tasks WHERE request_id = $1 LIMIT 1) AS t
    CROSS JOIN copies AS c
    CROSS JOIN generate_series(1, 50) AS n
    WHERE c.number * 50 + n <= $2";
/// In this order, without asking who refers to what.
const GONE: [&str; 6] = [
    "SET session_replication_role = replica",
    "DELETE FROM tasks USING bench_copies AS c WHERE tasks.request_id = c.request_id",
    "DELETE FROM plans USING bench_copies AS c WHERE plans.request_id = c.request_id",
    "DELETE FROM streams USING bench_copies AS c WHERE streams.id = c.request_id",
    "DELETE FROM requests USING bench_copies AS c WHERE requests.id = c.request_id",
    "DROP TABLE bench_copies",
];

/// The rows, the first of which is the limit of the others.
pub async fn rows(system: &System, profiled: bool) -> anyhow::Result<Vec<Row>> {
    // There has to be a task that is done, whatever was measured before.
    round_trip::own(system, 1).await?;
    let taken = noop::host(HOSTS);
    sqlx::query(TAKE_HOST).bind(&taken).execute(&system.pool).await?;
    let waiting = story::plan_each(system, [format!("do nothing on {taken}")]).await?.pop().context("a plan")?;
    story::approve(system.api.clone(), waiting.clone()).await?;
    until_it_waits(system, waiting.id, &taken).await?;
    let (mut rows, mut alone) = (Vec::new(), None);
    sqlx::query(COPIES).execute(&system.pool).await?;
    for number in WAITING {
        let mut connection = system.pool.acquire().await?.detach();
        sqlx::query("SET statement_timeout = 0").execute(&mut connection).await?;
        if number > 1 {
            sqlx::query(MORE).bind(waiting.id).bind(number).bind(&taken).execute(&mut connection).await?;
        }
        sqlx::query("VACUUM ANALYZE tasks, requests, plans, streams").execute(&mut connection).await?;
        connection.close().await?;
        let before = profile::reset(system).await?;
        let figures = Figures::of(round_trip::own(system, RUNS).await?);
        if profiled {
            #[expect(clippy::cast_precision_loss, reason = "some dozen round trips")]
            profile::print(system, &before, RUNS as f64, &format!("round trips while {number} tasks wait")).await?;
        }
        let row = Row::alone(format!("growth: the same round trip while {number} tasks wait for a host"), "ms", figures.clone());
        rows.push(match &alone {
            Some(alone) => row.with_limit(Beside::measured("with one waiting", Figures::clone(alone))),
            None => row,
        });
        alone.get_or_insert(figures);
    }
    let mut connection = system.pool.acquire().await?.detach();
    for statement in GONE {
        sqlx::query(statement).execute(&mut connection).await?;
    }
    connection.close().await?;
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

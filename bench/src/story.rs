//! The stories that are measured: requests that ask for nothing on a host, planned, approved, done; and the proof that they are stored.

use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

use crate::noop;
use crate::system::{HOSTS, System};

/// Calls under way at once.
const CALLS: usize = 64;
/// Between two looks at what is done: small beside what is measured, and rare enough to cost little.
const LOOK: Duration = Duration::from_millis(50);
/// So many are looked at together, so that looking costs little however many there are.
const LOOKED_AT: usize = 32;
/// Nothing that is measured takes longer.
const PATIENCE: Duration = Duration::from_mins(10);

/// What is in the database when everything about these requests is: the result and the whole log of each, its end, and its audit.
const DONE: &str = "
    SELECT /* bench */ count(*)
    FROM tasks AS task
    JOIN requests AS request ON request.id = task.request_id
    JOIN task_attempts AS attempt ON attempt.task_id = task.id AND attempt.attempt = task.attempt
    WHERE request.id = ANY($1) AND request.status = 'completed' AND task.status = 'completed'
        AND attempt.outcome = 'succeeded' AND attempt.stored_seq >= attempt.last_seq";
const LOGGED: &str = "
    SELECT /* bench */ count(*)
    FROM execution_logs AS line
    JOIN tasks AS task ON task.id = line.task_id
    WHERE task.request_id = ANY($1)";
/// Each request's chain says that it was asked, planned, approved, and how it ended: no chain is shorter.
const AUDITED: &str = "
    SELECT /* bench */ count(*)
    FROM (
        SELECT chain
        FROM audit_log
        WHERE chain = ANY($1)
        GROUP BY chain
        HAVING count(*) >= 5 AND count(*) = max(seq)
    ) AS whole";
const FINISHED: &str = "SELECT /* bench */ count(*) FROM requests WHERE id = ANY($1) AND finished_at IS NOT NULL";
const PLANNED: &str = "SELECT /* bench */ count(*) FROM requests WHERE id = ANY($1) AND status = 'awaiting_approval'";
const PLANS: &str = "
    SELECT /* bench */ request.id, plan.sha256, jsonb_array_length(plan.body -> 'steps')
    FROM requests AS request
    JOIN plans AS plan ON plan.id = request.plan_id
    WHERE request.id = ANY($1)";

/// A request with a plan that waits to be approved.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The request.
    pub id: Uuid,
    /// The hash of its plan.
    pub sha256: String,
    /// How many steps that has.
    pub steps: usize,
}

/// Asks for so many tasks at once, of so many steps in a plan, and waits until each request has its plan.
pub async fn plan(system: &System, tasks: usize, steps: usize) -> anyhow::Result<Vec<Planned>> {
    ensure!(tasks <= HOSTS, "{tasks} tasks would wait for one another's hosts; there are {HOSTS}");
    let hosts: Vec<String> = (1..=tasks).map(noop::host).collect();
    let texts = hosts.chunks(steps).map(|hosts| format!("do nothing on {}", hosts.join(", ")));
    let planned = plan_each(system, texts).await?;
    let found: usize = planned.iter().map(|planned| planned.steps).sum();
    ensure!(found == tasks, "the plans have {found} steps instead of {tasks}");
    Ok(planned)
}

/// The same with words of one's own.
pub async fn plan_each(system: &System, texts: impl IntoIterator<Item = String>) -> anyhow::Result<Vec<Planned>> {
    let mut ids = Vec::new();
    let calls = texts.into_iter().map(|text| {
        let api = system.api.clone();
        async move {
            let (status, body) = api.try_post("/request", &json!({"text": text})).await.map_err(anyhow::Error::msg)?;
            ensure!(status == 202, "POST /request gave {status}: {body}");
            Ok(body["request_id"].as_str().context("an id")?.parse::<Uuid>()?)
        }
    });
    all(calls, |id| ids.push(id)).await?;
    for ids in ids.chunks(LOOKED_AT) {
        until(system, PLANNED, ids, "planned").await?;
    }
    let plans: Vec<(Uuid, String, i32)> = sqlx::query_as(PLANS).bind(&ids).fetch_all(&system.pool).await?;
    plans.into_iter().map(|(id, sha256, steps)| Ok(Planned { id, sha256, steps: steps.try_into()? })).collect()
}

/// Approves all of them at once, and waits until results and logs of all are stored.
pub async fn run(system: &System, planned: &[Planned]) -> anyhow::Result<()> {
    let ids: Vec<Uuid> = planned.iter().map(|planned| planned.id).collect();
    let calls = planned.iter().cloned().map(|planned| approve(system.api.clone(), planned));
    all(calls, |()| {}).await?;
    for ids in ids.chunks(LOOKED_AT) {
        until(system, FINISHED, ids, "at their end").await?;
    }
    until_count(system, DONE, &ids, tasks(planned)?, "completed with result and log").await
}

/// How many tasks these come to.
fn tasks(planned: &[Planned]) -> anyhow::Result<i64> {
    Ok(planned.iter().map(|planned| planned.steps).sum::<usize>().try_into()?)
}

/// Approves one plan.
pub async fn approve(api: chiffon_e2e::Api, planned: Planned) -> anyhow::Result<()> {
    let body = json!({"request_id": planned.id, "plan_sha256": planned.sha256, "decision": "approve"});
    let (status, body) = api.try_post("/approve", &body).await.map_err(anyhow::Error::msg)?;
    ensure!(status == 200, "POST /approve gave {status}: {body}");
    Ok(())
}

/// Checks that everything about them is really there: no line of a log and no audit row is missing.
pub async fn check(system: &System, planned: &[Planned], lines_each: i64) -> anyhow::Result<()> {
    let ids: Vec<Uuid> = planned.iter().map(|planned| planned.id).collect();
    let chains: Vec<String> = ids.iter().map(Uuid::to_string).collect();
    let (count, tasks) = (i64::try_from(ids.len())?, tasks(planned)?);
    let done: i64 = sqlx::query_scalar(DONE).bind(&ids).fetch_one(&system.pool).await?;
    let lines: i64 = sqlx::query_scalar(LOGGED).bind(&ids).fetch_one(&system.pool).await?;
    let audited: i64 = sqlx::query_scalar(AUDITED).bind(&chains).fetch_one(&system.pool).await?;
    ensure!(done == tasks, "{done} of {tasks} tasks are completed with their result");
    ensure!(lines == tasks * lines_each, "{lines} lines are logged of {}", tasks * lines_each);
    ensure!(audited == count, "{audited} of {count} audit chains are whole");
    let some = planned.first().context("nothing was asked")?.id;
    let (status, report) = system.api.get(&format!("/audit/verify?chain={some}")).await;
    ensure!(status == 200 && report["ok"] == true, "the audit of {some} is not as it was written: {status} {report}");
    Ok(())
}

/// Waits until a count is that of all ids.
async fn until(system: &System, statement: &'static str, ids: &[Uuid], what: &str) -> anyhow::Result<()> {
    until_count(system, statement, ids, ids.len().try_into()?, what).await
}

/// Waits until a count of what belongs to these ids is as wanted.
async fn until_count(system: &System, statement: &'static str, ids: &[Uuid], wanted: i64, what: &str) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let count: i64 = sqlx::query_scalar(statement).bind(ids).fetch_one(&system.pool).await?;
        system.looks.fetch_add(1, Ordering::Relaxed);
        if count == wanted {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("{count} of {wanted} are {what} after {PATIENCE:?}");
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Makes calls, some at a time, and hands on what each gives.
async fn all<C, T>(calls: impl Iterator<Item = C>, mut take: impl FnMut(T)) -> anyhow::Result<()>
where
    C: Future<Output = anyhow::Result<T>> + Send + 'static,
    T: Send + 'static,
{
    let mut under_way = JoinSet::new();
    for call in calls {
        if under_way.len() >= CALLS
            && let Some(done) = under_way.join_next().await
        {
            take(done??);
        }
        under_way.spawn(call);
    }
    while let Some(done) = under_way.join_next().await {
        take(done??);
    }
    Ok(())
}

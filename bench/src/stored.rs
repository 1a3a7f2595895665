//! How quickly the API answers with very many requests stored: calls at a fixed rate, whether or not the ones before are answered.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use chiffon_process::bounded;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

use crate::fill;
use crate::story;
use crate::system::{HOSTS, System, TOKEN};
use crate::table::{Figures, Row};

/// Calls a second.
const RATE: u32 = 500;
/// How long each kind of call is made.
const SPAN: Duration = Duration::from_secs(20);
/// Requests among which calls choose.
const CHOICE: i64 = 10_000;
/// Connections on which they are made. A call that finds none free waits, and that is counted.
const CONNECTIONS: usize = 64;
const LONGEST_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// The rows.
pub async fn rows(system: &mut System, wanted: i64) -> anyhow::Result<Vec<Row>> {
    let done: i64 = sqlx::query_scalar("SELECT count(*) FROM requests WHERE status = 'completed'").fetch_one(&system.pool).await?;
    if done < i64::try_from(HOSTS)? {
        let planned = story::plan(system, HOSTS, 1).await?;
        story::run(system, &planned).await?;
    }
    system.stop_orchestrator();
    let stored = fill::to(&system.pool, wanted).await?;
    system.start_orchestrator().await?;
    let system = &*system;
    ensure!(stored >= wanted, "{stored} of {wanted} requests are stored");
    let ids: Vec<Uuid> =
        sqlx::query_scalar("SELECT id FROM requests TABLESAMPLE SYSTEM (5) LIMIT $1").bind(CHOICE).fetch_all(&system.pool).await?;
    ensure!(!ids.is_empty(), "there is no request to ask for");
    let one = |number: usize| {
        // Far apart, so that no page of the database is warm from the call before.
        let id = ids[number * 7919 % ids.len()];
        // Its tasks are there, too.
        (format!("/request/{id}"), "\"task_id\":".to_owned())
    };
    let page = |_: usize| ("/requests?limit=50".to_owned(), "next_cursor".to_owned());
    let older = |number: usize| (format!("/requests?limit=50&cursor={}", ids[number * 7919 % ids.len()]), "next_cursor".to_owned());
    let mut rows = Vec::new();
    for (call, milliseconds) in [
        ("GET /request/{id}", calls(system, one).await?),
        ("GET /requests, the newest", calls(system, page).await?),
        ("GET /requests, a page somewhere", calls(system, older).await?),
    ] {
        let work = format!("stored: {call} with {stored} requests stored, {RATE} calls a second");
        rows.push(Row::alone(work, "ms", Figures::of(milliseconds)));
    }
    Ok(rows)
}

/// Milliseconds of calls, each from the moment at which it was due. An answer has to hold the word that goes with its path.
async fn calls(system: &System, path: impl Fn(usize) -> (String, String)) -> anyhow::Result<Vec<f64>> {
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build()?;
    let (pause, count) = (Duration::from_secs(1) / RATE, usize::try_from(u64::from(RATE) * SPAN.as_secs())?);
    let (mut under_way, connections) = (JoinSet::new(), Arc::new(Semaphore::new(CONNECTIONS)));
    let begun = Instant::now();
    for number in 0..count {
        let due = begun + pause * u32::try_from(number)?;
        tokio::time::sleep_until(due).await;
        let (path, word) = path(number);
        let call = client.get(format!("http://{}{path}", system.listen)).bearer_auth(TOKEN);
        let connections = connections.clone();
        under_way.spawn(async move {
            let _free = connections.acquire().await?;
            let response = call.send().await?;
            let status = response.status();
            let body = bounded::body(response.bytes_stream(), LONGEST_ANSWER_BYTES).await?;
            let took = due.elapsed().as_secs_f64() * 1e3;
            let text = String::from_utf8(body)?;
            ensure!(status == 200 && text.contains(&word), "GET {path} gave {status}: {}", text.chars().take(300).collect::<String>());
            Ok(took)
        });
    }
    let mut milliseconds = Vec::with_capacity(count);
    while let Some(done) = under_way.join_next().await {
        milliseconds.push(done.context("a call panicked")??);
    }
    Ok(milliseconds)
}

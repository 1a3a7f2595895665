//! Log lines a second: from the approval of a run that says many lines until all of them are stored and can be read; beside `COPY` of
//! the same rows into a table with the same indexes.

use std::time::Instant;

use anyhow::{Context as _, ensure};
use futures::TryStreamExt as _;
use serde_json::Value;
use uuid::Uuid;

use crate::noop;
use crate::story;
use crate::system::System;
use crate::table::{Beside, Figures, Row};

/// What `COPY` is sent at a time.
const CHUNK: usize = 64 * 1024;

/// The row.
pub async fn row(system: &System, runs: usize, lines: usize) -> anyhow::Result<Row> {
    let (mut stored, mut copied) = (Vec::new(), Vec::new());
    for run in 1..=runs {
        let text = format!("say {lines} lines on {}", noop::host(run));
        let planned = story::plan_each(system, [text]).await?;
        let begun = Instant::now();
        story::run(system, &planned).await?;
        // The story's own two lines are part of it.
        let all = lines + 2;
        stored.push(a_second(all, begun));
        story::check(system, &planned, i64::try_from(all)?).await?;
        let task: Uuid =
            sqlx::query_scalar("SELECT id FROM tasks WHERE request_id = $1").bind(planned[0].id).fetch_one(&system.pool).await?;
        is_readable(system, task, all).await?;
        copied.push(copy(system, task, all).await?);
    }
    let name = format!("log lines: work_status of a run of {lines} lines, to stored and readable");
    let limit = Beside::measured("COPY of the same rows", Figures::of(copied));
    Ok(Row::alone(name, "lines/s", Figures::of(stored)).with_limit(limit))
}

/// The last line can be read where people read it.
async fn is_readable(system: &System, task: Uuid, lines: usize) -> anyhow::Result<()> {
    let (status, page) = system.api.get(&format!("/tasks/{task}/logs?cursor=1.{}", lines - 1)).await;
    let seq = page["items"].as_array().and_then(|items| items.last()).and_then(|line| line["seq"].as_u64());
    ensure!(
        status == 200 && page["log"] == "whole" && seq == Some(u64::try_from(lines)?),
        "line {lines} can't be read: {status} {}",
        shortened(&page)
    );
    Ok(())
}

async fn copy(system: &System, task: Uuid, lines: usize) -> anyhow::Result<f64> {
    let mut connection = system.pool.acquire().await?;
    let rows = format!("COPY (SELECT * FROM execution_logs WHERE task_id = '{task}' ORDER BY seq) TO STDOUT");
    let text = connection.copy_out_raw(&rows).await?;
    let text: Vec<u8> = text
        .try_fold(Vec::new(), async |mut all, part| {
            all.extend_from_slice(&part);
            Ok(all)
        })
        .await?;
    sqlx::query("DROP TABLE IF EXISTS bench_lines").execute(&mut *connection).await?;
    sqlx::query("CREATE TABLE bench_lines (LIKE execution_logs INCLUDING ALL)").execute(&mut *connection).await?;
    let begun = Instant::now();
    let mut into = connection.copy_in_raw("COPY bench_lines FROM STDIN").await?;
    for chunk in text.chunks(CHUNK) {
        into.send(chunk).await?;
    }
    let copied = into.finish().await?;
    let a_second = a_second(lines, begun);
    ensure!(usize::try_from(copied)? == lines, "COPY took {copied} of {lines} lines");
    sqlx::query("DROP TABLE bench_lines").execute(&mut *connection).await.context("the table of the lines")?;
    Ok(a_second)
}

fn shortened(page: &Value) -> String {
    page.to_string().chars().take(300).collect()
}

fn a_second(lines: usize, begun: Instant) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "some hundred thousand lines")]
    let lines = lines as f64;
    lines / begun.elapsed().as_secs_f64()
}

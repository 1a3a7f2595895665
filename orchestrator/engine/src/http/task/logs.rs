//! `GET /tasks/{id}/logs`: the lines of all attempts, in order, by cursor.

use axum::Json;
use axum::extract::State;
use chiffon_kernel::http::input::{Id, Params, bad_query, cut, page_size};
use chiffon_kernel::http::problem::Failure;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::get::not_found;
use crate::http::HttpState;
use crate::store::read::tasks::{self, LogLine};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct LogsQuery {
    /// `cursor` of the page before: `ATTEMPT.SEQ`, after which lines are wanted. Any place of a log can be named so; lines of an attempt are
    /// numbered from 1, and attempts, too.
    cursor: Option<String>,
    /// Lines of a page, 1 to 2,000; 500 unless told otherwise.
    #[param(minimum = 1, maximum = 2_000)]
    limit: Option<i64>,
}

/// A page of a log.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LogPage)]
pub(in crate::http) struct Page {
    items: Vec<LogLine>,
    /// Where this page ends: `cursor` for what comes after it, also for lines that are not there yet.
    cursor: String,
    /// The same while there are more lines at this moment; null at the end of what is there.
    next_cursor: Option<String>,
    /// `whole` when the task has ended and all its lines are stored, else `arriving`.
    log: &'static str,
}

/// Shows a task's log.
#[utoipa::path(get, path = "/tasks/{id}/logs", tag = "tasks", params(("id" = Uuid, Path), LogsQuery), responses((status = 200, body = Page)))]
pub(in crate::http) async fn logs(
    State(state): State<HttpState>,
    Id(id): Id,
    Params(query): Params<LogsQuery>,
) -> Result<Json<Page>, Failure> {
    let limit = page_size(query.limit, 500, 2_000)?;
    let after = query.cursor.as_deref().map_or(Ok((0, 0)), position)?;
    let mut part = tasks::logs(state.pool(), id, after, limit + 1).await?.ok_or_else(|| not_found(id))?;
    let more = cut(&mut part.lines, limit);
    let (attempt, seq) = part.lines.last().map_or(after, |line| (line.attempt, line.seq));
    let log = if part.whole { "whole" } else { "arriving" };
    let cursor = format!("{attempt}.{seq}");
    Ok(Json(Page { items: part.lines, next_cursor: more.then(|| cursor.clone()), cursor, log }))
}

/// Reads `attempt.seq`.
fn position(cursor: &str) -> Result<(i32, i64), Failure> {
    let read = cursor.split_once('.').and_then(|(attempt, seq)| Some((attempt.parse().ok()?, seq.parse().ok()?)));
    read.ok_or_else(|| {
        bad_query("cursor", format!("`{}` is not a cursor of this list; leave it out for the beginning", cursor.escape_default()))
    })
}

//! `GET /questions/{name}`: an answer, as JSON or as CSV.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use chiffon_kernel::http::input::{Name, Params, bad_query, moment};
use chiffon_kernel::http::problem::Failure;
use chiffon_protocol::ErrorCode;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::domain::question::Question;
use crate::http::{HttpState, csv};
use crate::store::answer::{self, Answer};
use crate::store::{QUESTIONS, find};

/// Without a beginning, this much before the end.
const LOOK_BACK: TimeDelta = TimeDelta::days(30);

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct AskQuery {
    /// From when on; thirty days before `until` unless told otherwise.
    #[serde(default, deserialize_with = "moment")]
    since: Option<DateTime<Utc>>,
    /// Before when; now unless told otherwise.
    #[serde(default, deserialize_with = "moment")]
    until: Option<DateTime<Utc>>,
    /// `json`, which it is unless told otherwise, or `csv`.
    #[serde(default)]
    #[param(inline)]
    format: Format,
}

#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Format {
    #[default]
    Json,
    Csv,
}

/// An answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = QuestionAnswer)]
pub(in crate::http) struct Answered {
    name: &'static str,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
    columns: &'static [&'static str],
    /// Rows in order, each a value for each column.
    rows: Vec<Vec<Value>>,
    /// Whether there are more rows than are shown, which is 1,000: take a shorter time.
    more: bool,
    /// What was asked, as it can be given to `chiffon sql`.
    sql: String,
}

/// Answers a question about what was.
#[utoipa::path(
    get, path = "/questions/{name}", tag = "operations",
    params(("name" = String, Path), AskQuery),
    responses((status = 200, content((Answered = "application/json"), (String = "text/csv"))))
)]
pub(in crate::http) async fn ask(
    State(state): State<HttpState>,
    Name(name): Name,
    Params(query): Params<AskQuery>,
) -> Result<Response, Failure> {
    let question = find(&name).ok_or_else(|| unknown(&name))?;
    let until = query.until.unwrap_or_else(|| state.context.kernel.clock.now());
    let since = match query.since {
        Some(since) => since,
        None => until.checked_sub_signed(LOOK_BACK).ok_or_else(|| bad_query("until", "it is before all time"))?,
    };
    if since >= until {
        return Err(bad_query("since", format!("it is not before `until` ({until})")));
    }
    let _place = state.context.places.acquire().await.map_err(|_| Failure::new(ErrorCode::Internal, "nobody takes questions any more"))?;
    match answer::ask(state.pool(), question, since, until).await? {
        Answer::TooLong => Err(too_long(question)),
        Answer::Rows { rows, .. } if matches!(query.format, Format::Csv) => csv::answer(question, &rows),
        Answer::Rows { rows, more } => {
            let sql = question.sql_about(since, until);
            Ok(Json(Answered { name: question.name, since, until, columns: question.columns, rows, more, sql }).into_response())
        }
    }
}

fn unknown(name: &str) -> Failure {
    let known: Vec<&str> = QUESTIONS.iter().map(|question| question.name).collect();
    let shown: String = name.chars().take(100).collect();
    Failure::new(ErrorCode::QuestionNotFound, format!("there is no question `{}`; there are {}", shown.escape_default(), known.join(", ")))
}

fn too_long(question: &Question) -> Failure {
    let seconds = answer::WITHIN.as_secs();
    let message = format!("`{}` was not answered within {seconds} s; ask about a shorter time (`since`, `until`)", question.name);
    Failure::new(ErrorCode::QuestionTooLong, message)
}

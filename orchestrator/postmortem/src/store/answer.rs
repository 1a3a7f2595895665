//! Asking one question: what comes back is rows of JSON, at most so many, within so long.

use std::time::Duration;

use chiffon_kernel::store::Error;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use sqlx::PgPool;
use sqlx::types::Json;

use crate::domain::question::Question;

/// The longest that a question may take.
pub const WITHIN: Duration = Duration::from_secs(15);
/// So many rows are shown.
pub const MOST_ROWS: usize = 1_000;
/// https://www.postgresql.org/docs/current/errcodes-appendix.html: the statement was cancelled, here by its own limit.
const QUERY_CANCELED: &str = "57014";

/// What came back.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// What was found.
    Rows {
        /// In order, each a value for each of the question's columns.
        rows: Vec<Vec<Value>>,
        /// Whether there are more.
        more: bool,
    },
    /// It was not done in time.
    TooLong,
}

/// Asks about what was from `since` on and before `until`.
pub async fn ask(pool: &PgPool, question: &Question, since: DateTime<Utc>, until: DateTime<Utc>) -> Result<Answer, Error> {
    let mut tx = pool.begin_with("BEGIN READ ONLY").await?;
    let limit = WITHIN.as_millis().to_string();
    sqlx::query!("SELECT set_config('statement_timeout', $1, true)", limit).fetch_one(&mut *tx).await?;
    // One of ours, no caller's: the text is part of the program, and the tests ask every one.
    let statement = format!("SELECT to_jsonb(q) FROM (\n{}\n) AS q LIMIT {}", question.sql.trim_end(), MOST_ROWS + 1);
    let asked = sqlx::query_scalar::<_, Json<Map<String, Value>>>(sqlx::AssertSqlSafe(statement)).bind(since).bind(until);
    let mut found = match asked.fetch_all(&mut *tx).await {
        Ok(found) => found,
        Err(sqlx::Error::Database(error)) if error.code().is_some_and(|code| code == QUERY_CANCELED) => return Ok(Answer::TooLong),
        Err(error) => return Err(error.into()),
    };
    tx.rollback().await?;
    let more = found.len() > MOST_ROWS;
    found.truncate(MOST_ROWS);
    let row = |Json(mut row): Json<Map<String, Value>>| {
        question.columns.iter().map(|column| row.remove(*column).unwrap_or(Value::Null)).collect()
    };
    Ok(Answer::Rows { rows: found.into_iter().map(row).collect(), more })
}

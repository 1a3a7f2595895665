//! `chiffon sql`: asks the database as the read-only post-mortem role.

use chiffon_protocol::{ErrorCode, Problem};
use serde_json::{Value, json};
use sqlx::Connection as _;

use super::backends;
use crate::args::{Global, Output};
use crate::config::{self, Config};
use crate::data_dir::DataDir;
use crate::exit::{Exit, Failure, Outcome};
use crate::show::table;

/// Runs one query.
pub async fn run(global: &Global, query: &str, database_url: Option<&str>) -> Outcome {
    let first = query.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
    if !["SELECT", "WITH", "TABLE", "VALUES"].contains(&first.as_str()) {
        let message = format!("`{first}` is not a question: the post-mortem role only reads (SELECT …)");
        return Err(Problem::new(ErrorCode::SqlRefused, message).into());
    }
    let url = address(global, database_url)?;
    let mut connection = sqlx::PgConnection::connect(&url)
        .await
        .map_err(|error| Problem::new(ErrorCode::DatabaseUnavailable, format!("the database can't be reached: {error}")))?;
    for setting in ["SET ROLE chiffon_postmortem", "SET default_transaction_read_only = on", "SET statement_timeout = '60s'"] {
        sqlx::query(setting).execute(&mut connection).await.map_err(|error| refused(&error))?;
    }
    // One JSON array keeps names and types whatever the query selects; the text is the caller's own, read-only by role.
    let wrapped =
        format!("SELECT COALESCE(json_agg(row_to_json(chiffon_rows)), '[]') FROM ({}) AS chiffon_rows", query.trim().trim_end_matches(';'));
    let rows: Value = sqlx::query_scalar(sqlx::AssertSqlSafe(wrapped)).fetch_one(&mut connection).await.map_err(|error| refused(&error))?;
    if global.output == Output::Json {
        table::json(global.output, &json!({"items": rows}));
    } else {
        print(rows.as_array().map_or(&[][..], Vec::as_slice));
    }
    Ok(Exit::Done)
}

fn print(rows: &[Value]) {
    let head: Vec<&str> = rows.first().and_then(Value::as_object).map(|row| row.keys().map(String::as_str).collect()).unwrap_or_default();
    let cells = rows.iter().map(|row| head.iter().map(|name| table::text(&row[*name])).collect()).collect();
    table::print(&head, cells, "No rows.");
}

fn address(global: &Global, named: Option<&str>) -> Result<String, Failure> {
    if let Some(named) = named {
        return Ok(named.to_owned());
    }
    let data_dir = DataDir::choose(global.data_dir.as_deref())?;
    if let Ok(url) = std::fs::read_to_string(data_dir.database_url()) {
        return Ok(url.trim().to_owned());
    }
    let config: Config = config::layers(global.config.as_deref())?.read()?;
    let url = backends::database_url(&config)?;
    if url.is_empty() {
        return Err(Failure::usage(format!(
            "no Chiffon runs in {}, and no database is configured; name one with --database-url",
            data_dir.root().display()
        )));
    }
    Ok(url)
}

fn refused(error: &sqlx::Error) -> Failure {
    match error {
        sqlx::Error::Database(database) => Problem::new(ErrorCode::SqlRefused, database.message().to_owned()).into(),
        _ => Problem::new(ErrorCode::DatabaseUnavailable, error.to_string()).into(),
    }
}

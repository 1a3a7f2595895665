//! `chiffon sql`: asks the database as a login that can only read, and can read no tokens.
//!
//! The login is `chiffon_postmortem`, or the one that `database.postmortem_url` or `--database-url` names. A login that could do more is
//! refused before anything is asked in its session: there is no stronger role in it that a statement could get back to.

use std::str::FromStr as _;
use std::time::Duration;

use chiffon_protocol::{ErrorCode, Problem};
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};

use super::backends;
use crate::args::{Global, Output};
use crate::config::{self, Config};
use crate::data_dir::DataDir;
use crate::exit::{Exit, Failure, Outcome};
use crate::show::table;

/// The login that migrations make.
const READER: &str = "chiffon_postmortem";
/// How long a question may take.
const LIMIT: Duration = Duration::from_mins(1);
/// How much longer the server may take to say that it took too long.
const GRACE: Duration = Duration::from_secs(5);

/// Runs one query.
pub async fn run(global: &Global, query: &str, database_url: Option<&str>) -> Outcome {
    let first = query.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
    if !["SELECT", "WITH", "TABLE", "VALUES"].contains(&first.as_str()) {
        let message = format!("`{first}` is not a question: the post-mortem role only reads (SELECT …)");
        return Err(Problem::new(ErrorCode::SqlRefused, message).into());
    }
    let mut connection = log_in(&address(global, database_url)?).await?;
    let rows = tokio::time::timeout(LIMIT + GRACE, ask(&mut connection, query, LIMIT)).await;
    let rows = rows.unwrap_or_else(|_| Err(refused_as(format!("it took longer than {} s", LIMIT.as_secs()))))?;
    if global.output == Output::Json {
        table::json(global.output, &json!({"items": rows}));
    } else {
        print(rows.as_array().map_or(&[][..], Vec::as_slice));
    }
    Ok(Exit::Done)
}

/// A session of the reader, or of the login that the address names if that one can do no more.
async fn log_in(url: &str) -> Result<PgConnection, Failure> {
    let named = PgConnectOptions::from_str(url)
        .map_err(|error| Problem::new(ErrorCode::DatabaseUrlInvalid, format!("the database's address can't be read: {error}")))?
        .application_name("chiffon sql")
        .disable_statement_logging();
    // The named login's password is not the reader's, and is not sent for it.
    let refused = match named.clone().username(READER).password("").connect().await {
        Ok(mut connection) => return weak_enough(&mut connection).await.map(|()| connection),
        Err(error @ sqlx::Error::Database(_)) => error,
        Err(error) => {
            return Err(Problem::new(ErrorCode::DatabaseUnavailable, format!("the database can't be reached: {error}")).into());
        }
    };
    if named.get_username() == READER {
        // With the password that stands in the address.
        let connected = named.connect().await;
        let mut connection = connected.map_err(|error| refused_as(format!("the login {READER} is refused: {error}; {HOW_TO_NAME_ONE}")))?;
        return weak_enough(&mut connection).await.map(|()| connection);
    }
    let user = named.get_username().to_owned();
    let connected = named.connect().await;
    let mut connection =
        connected.map_err(|error| refused_as(format!("the logins {READER} ({refused}) and {user} are refused: {error}")))?;
    match weak_enough(&mut connection).await {
        Ok(()) => Ok(connection),
        Err(too_strong) => Err(Failure {
            message: format!("{} The login {READER} is refused: {refused}; {HOW_TO_NAME_ONE}", too_strong.message),
            ..too_strong
        }),
    }
}

const HOW_TO_NAME_ONE: &str = "give one that may log in (ALTER ROLE chiffon_postmortem LOGIN PASSWORD '…', or CREATE ROLE you LOGIN PASSWORD '…' IN ROLE \
    chiffon_postmortem) and name it in database.postmortem_url";

/// Refuses a login that could write, see tokens, or become somebody who can.
async fn weak_enough(connection: &mut PgConnection) -> Result<(), Failure> {
    let sentence: Option<String> = sqlx::query_scalar(
        "SELECT CASE
            WHEN r.rolsuper THEN 'is a superuser'
            WHEN r.rolcreaterole OR r.rolcreatedb OR r.rolreplication OR r.rolbypassrls THEN 'may make roles or databases, replicate, or see past row security'
            WHEN EXISTS (
                SELECT FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
                WHERE m.member = r.oid AND g.rolname <> 'chiffon_postmortem'
            ) THEN 'belongs to other roles'
            WHEN EXISTS (
                SELECT FROM pg_class c
                WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
                AND (pg_has_role(c.relowner, 'USAGE') OR has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE'))
            ) THEN 'may write'
            WHEN EXISTS (
                SELECT FROM pg_class c
                WHERE c.relnamespace = 'public'::regnamespace AND c.relname IN ('api_tokens', 'idempotency_keys', 'passwords', 'oidc_sign_ins', 'oidc_sessions')
                AND has_any_column_privilege(c.oid, 'SELECT')
            ) THEN 'may read tokens'
        END
        FROM pg_roles r WHERE r.rolname = session_user",
    )
    .fetch_one(&mut *connection)
    .await
    .map_err(|error| refused(&error))?;
    match sentence {
        None => Ok(()),
        Some(too_strong) => {
            Err(refused_as(format!("the login of the database's address {too_strong}: a question is not asked as such a one.")))
        }
    }
}

/// Asks one question, in a transaction that changes nothing and is rolled back.
async fn ask(connection: &mut PgConnection, query: &str, limit: Duration) -> Result<Value, Failure> {
    // One JSON array keeps names and types whatever the query selects; the text is the caller's own. It is prepared, which refuses a
    // second statement, and stands on lines of its own, so that a comment ends with it.
    let wrapped = format!(
        "SELECT COALESCE(json_agg(row_to_json(chiffon_rows)), '[]') FROM (\n{}\n) AS chiffon_rows",
        query.trim().trim_end_matches(';')
    );
    let mut transaction = connection.begin_with("BEGIN READ ONLY").await.map_err(|error| refused(&error))?;
    let settings =
        format!("SELECT set_config('statement_timeout', '{}', true), set_config('lock_timeout', '5000', true)", limit.as_millis());
    sqlx::query(sqlx::AssertSqlSafe(settings)).execute(&mut *transaction).await.map_err(|error| refused(&error))?;
    let rows = sqlx::query_scalar(sqlx::AssertSqlSafe(wrapped)).fetch_one(&mut *transaction).await.map_err(|error| refused(&error))?;
    transaction.rollback().await.map_err(|error| refused(&error))?;
    Ok(rows)
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
    let config: Config = config::layers(global.config.as_deref())?.read()?;
    let reader =
        config::value_or_file(&config.database.postmortem_url, &config.database.postmortem_url_file, "database.postmortem_url_file")?;
    if !reader.is_empty() {
        return Ok(reader);
    }
    let data_dir = DataDir::choose(global.data_dir.as_deref())?;
    if let Ok(url) = std::fs::read_to_string(data_dir.database_url()) {
        return Ok(url.trim().to_owned());
    }
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
        sqlx::Error::Database(database) => refused_as(database.message().to_owned()),
        _ => Problem::new(ErrorCode::DatabaseUnavailable, error.to_string()).into(),
    }
}

fn refused_as(message: String) -> Failure {
    Problem::new(ErrorCode::SqlRefused, message).into()
}

#[cfg(test)]
#[path = "sql_tests.rs"]
mod tests;

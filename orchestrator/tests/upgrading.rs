//! An orchestrator of the version before runs beside one of today while they are exchanged: every migration only adds, what the old
//! one writes is still taken, and what it asks is still answered. What no version since [`BEFORE`] has named may go.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use chiffon_kernel::store::{Store, StoreOptions};
use chiffon_protocol::canonical;
use chiffon_testkit::TemporaryDatabase;
use serde::Deserialize;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, PgConnection, SqlSafeStr as _};

/// The last migration of the oldest version that may run beside today's.
const BEFORE: &str = "0034";
/// The statements of that version, as its `.sqlx` had them.
const STATEMENTS: &str = include_str!("fixtures/statements.0034.json");
/// What that version writes.
const ROWS: &str = include_str!("fixtures/rows.0034.sql");

/// Every migration, as databases may have applied it.
const APPLIED: &str = include_str!("fixtures/migrations.sha384");

/// What a migration does that the version before would notice, and why it may: `(file, the statement begins with, why)`.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("0035_what_the_version_before_no_longer_names.sql", "DROP TRIGGER", NO_LONGER_NAMED),
    ("0035_what_the_version_before_no_longer_names.sql", "DROP FUNCTION", NO_LONGER_NAMED),
    ("0035_what_the_version_before_no_longer_names.sql", "ALTER TABLE", NO_LONGER_NAMED),
    (
        "0036_standing_approvals.sql",
        "CREATE TRIGGER STANDING_APPROVALS_FIXED",
        "its table is new: an old orchestrator writes nothing to it",
    ),
    ("0041_words_stay.sql", "CREATE TRIGGER REQUESTS_WORDS_FROZEN", "no orchestrator has a statement that writes these columns again"),
    ("0045_requests_without_words.sql", "CREATE TRIGGER REQUESTS_ACTION_FROZEN", "its column is new: an old orchestrator never writes it"),
];
const NO_LONGER_NAMED: &str = "the version before has written streams and millionths itself, and none of its statements names what goes";

/// Migrations, each with the name of its file.
type Migrations = Vec<(String, String)>;

/// The migrations up to [`BEFORE`], and those that came since.
fn before_and_since() -> (Migrations, Migrations) {
    migrations().into_iter().partition(|(file, _)| file.split('_').next().is_some_and(|number| number <= BEFORE))
}

fn migrations() -> Migrations {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).expect("migrations").flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        (name, fs::read_to_string(path).expect("it reads"))
    };
    paths.into_iter().map(read).collect()
}

/// A database that has applied a migration does not start with another text of it.
#[test]
fn no_migration_that_was_ever_applied_is_changed() {
    let number = |file: &str| file.split('_').next().and_then(|number| number.parse::<i64>().ok()).expect("its number");
    let listed: BTreeMap<i64, String> =
        APPLIED.lines().filter_map(|line| line.split_once("  ")).map(|(sum, file)| (number(file), sum.to_owned())).collect();
    let there: BTreeMap<i64, String> =
        sqlx::migrate!("../migrations").iter().map(|migration| (migration.version, canonical::hex(&migration.checksum))).collect();
    assert_eq!(
        there, listed,
        "what is to be different goes into a new migration; for a new one fixtures/migrations.sha384 gets a line, as sha384sum writes it"
    );
}

/// A migration's statements in upper case, without comments and texts, on one line each. Bodies of functions are texts.
fn statements(sql: &str) -> Vec<String> {
    let (mut statements, mut current, mut rest) = (Vec::new(), String::new(), sql);
    while let Some(next) = rest.chars().next() {
        let text_ends = |quote: &str| rest.match_indices(quote).nth(1).map_or(rest.len(), |(at, quote)| at + quote.len());
        let skipped = if rest.starts_with("--") {
            rest.find('\n').unwrap_or(rest.len())
        } else if next == '\'' {
            text_ends("'")
        } else if rest.starts_with("$$") {
            text_ends("$$")
        } else {
            0
        };
        if skipped > 0 {
            rest = rest.split_at(skipped).1;
        } else if next == ';' {
            statements.push(std::mem::take(&mut current));
            rest = rest.strip_prefix(';').unwrap_or_default();
        } else {
            current.extend(next.to_uppercase());
            rest = rest.strip_prefix(next).unwrap_or_default();
        }
    }
    statements.push(current);
    statements.iter().map(|text| text.split_whitespace().collect::<Vec<_>>().join(" ")).filter(|text| !text.is_empty()).collect()
}

fn made_tables(statements: &[String]) -> Vec<String> {
    let name = |text: &String| text.strip_prefix("CREATE TABLE ").map(|rest| rest.trim_start_matches("IF NOT EXISTS ").to_owned());
    statements.iter().filter_map(name).filter_map(|rest| rest.split([' ', '(']).next().map(str::to_owned)).collect()
}

/// Why an old orchestrator would notice a statement; `None` when it would not.
fn breaks(statement: &str, new_tables: &[String]) -> Option<&'static str> {
    let begins = |words: &str| statement.starts_with(words);
    if begins("DROP ") && !begins("DROP INDEX") || begins("TRUNCATE") {
        return Some("it takes away what an old statement may name");
    }
    if let Some(rest) = statement.strip_prefix("ALTER TABLE ") {
        let table = rest.trim_start_matches("IF EXISTS ").trim_start_matches("ONLY ").split(' ').next().unwrap_or_default();
        if new_tables.iter().any(|new| new == table) {
            return None;
        }
        return alters(rest);
    }
    if begins("CREATE UNIQUE INDEX") && !new_tables.iter().any(|new| statement.contains(&format!(" ON {new} "))) {
        return Some("what an old orchestrator writes may not be unique");
    }
    (begins("CREATE TRIGGER") || begins("CREATE CONSTRAINT TRIGGER")).then_some("it may refuse what an old orchestrator writes")
}

fn alters(change: &str) -> Option<&'static str> {
    let takes = [" DROP ", " RENAME ", " SET NOT NULL", " SET DATA TYPE ", " TYPE "];
    if takes.iter().any(|words| change.contains(words)) {
        return Some("it changes what an old statement may name or write");
    }
    if change.contains(" ADD CONSTRAINT ")
        || change.contains(" ADD CHECK ")
        || change.contains(" ADD UNIQUE ")
        || change.contains(" ADD FOREIGN ")
    {
        return Some("it may refuse what an old orchestrator writes");
    }
    let columns = change.split(" ADD COLUMN ").skip(1);
    let needed = columns.filter(|column| column.contains(" NOT NULL") && !column.contains(" DEFAULT") && !column.contains(" GENERATED "));
    (needed.count() > 0).then_some("a new column needs a default, because old inserts leave it out")
}

#[test]
fn every_migration_since_then_only_adds() {
    let mut wrong = Vec::new();
    for (file, sql) in before_and_since().1 {
        let statements = statements(&sql);
        let new_tables = made_tables(&statements);
        for statement in &statements {
            let excepted = EXCEPTIONS.iter().any(|(in_file, begin, _)| *in_file == file && statement.starts_with(begin));
            if let Some(why) = breaks(statement, &new_tables).filter(|_| !excepted) {
                wrong.push(format!("{file}: {why}: {statement}"));
            }
        }
    }
    assert!(wrong.is_empty(), "expand first, contract a version later (or add an exception with its reason):\n{}", wrong.join("\n"));
}

#[test]
fn what_would_break_an_old_orchestrator_is_told_from_what_would_not() {
    let new = ["ODD".to_owned()];
    for good in [
        "CREATE TABLE odd (id int NOT NULL)",
        "ALTER TABLE odd ALTER COLUMN id TYPE bigint",
        "ALTER TABLE tasks ADD COLUMN a int, ADD COLUMN b int NOT NULL DEFAULT 0",
        "ALTER TABLE tasks ADD COLUMN a jsonb NOT NULL DEFAULT '[]'",
        "CREATE INDEX i ON tasks (id)",
        "COMMENT ON COLUMN tasks.id IS 'DROP TABLE; x'",
        "CREATE UNIQUE INDEX i ON odd (id)",
    ] {
        assert_eq!(statements(good).iter().find_map(|statement| breaks(statement, &new)), None, "{good}");
    }
    for bad in [
        "DROP TABLE tasks",
        "-- fine\nALTER TABLE tasks DROP COLUMN id",
        "ALTER TABLE tasks RENAME COLUMN id TO number",
        "ALTER TABLE tasks ADD COLUMN a int NOT NULL",
        "ALTER TABLE tasks ADD COLUMN a int NOT NULL DEFAULT 0, ADD COLUMN b int NOT NULL",
        "ALTER TABLE tasks ALTER COLUMN id SET NOT NULL",
        "ALTER TABLE tasks ALTER COLUMN attempt TYPE bigint",
        "ALTER TABLE tasks ADD CONSTRAINT c CHECK (attempt > 0)",
        "CREATE UNIQUE INDEX i ON tasks (id)",
    ] {
        assert!(statements(bad).iter().any(|statement| breaks(statement, &new).is_some()), "{bad}");
    }
}

async fn execute(connection: &mut PgConnection, sql: &str, what: &str) {
    connection.execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await.unwrap_or_else(|error| panic!("{what}: {error}"));
}

/// Writes as the version before does; `number` keeps one time from another.
async fn write_as_before(connection: &mut PgConnection, number: usize, what: &str) {
    execute(connection, &ROWS.replace("@NUMBER@", &format!("{number:012}")), what).await;
}

#[tokio::test]
async fn each_migration_applies_to_a_database_in_use_and_leaves_room_for_the_version_before() {
    let database = TemporaryDatabase::create().await;
    let mut connection = database.options().connect().await.expect("a connection");
    let (before, since) = before_and_since();
    for (file, sql) in before {
        execute(&mut connection, &sql, &file).await;
    }
    write_as_before(&mut connection, 0, "the rows are not those of the version before").await;
    let mut written: i64 = 1;
    for (number, (file, sql)) in (1..).zip(since) {
        execute(&mut connection, &sql, &file).await;
        write_as_before(&mut connection, number, &format!("what the version before writes is refused after {file}")).await;
        written += 1;
    }
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM requests WHERE status = 'running' AND plan_id IS NOT NULL")
        .fetch_one(&mut connection)
        .await
        .expect("rows");
    assert_eq!(kept, written, "nothing is lost on the way");
}

#[tokio::test]
async fn dollars_of_the_first_versions_are_taken_over() {
    let database = TemporaryDatabase::create().await;
    let mut connection = database.options().connect().await.expect("a connection");
    let (before, after): (Vec<_>, Vec<_>) = migrations().into_iter().partition(|(file, _)| file.as_str() < "0030");
    for (file, sql) in before {
        execute(&mut connection, &sql, &file).await;
    }
    let dollars = "INSERT INTO principals (id, name, role, kind, created_at)
        VALUES ('00000000-0000-7000-8000-000000000001', 'ann', 'approver', 'person', now());
        INSERT INTO requests (id, principal_id, text, status, trace_id, max_cost_usd, cost_usd, created_at, updated_at)
        VALUES ('00000000-0000-7002-8000-000000000001', '00000000-0000-7000-8000-000000000001', 'set it up', 'planning',
            '4bf92f3577b34da6a3ce929d0e0e4736', 0.1234567, 0.1::double precision + 0.2::double precision, now(), now());
        INSERT INTO llm_calls (id, request_id, round, provider, state, reserved_usd, cost_usd, started_at)
        VALUES ('00000000-0000-7008-8000-000000000001', '00000000-0000-7002-8000-000000000001', 1, 'local', 'succeeded', 0.0000001,
            0.1::double precision + 0.2::double precision, now())";
    execute(&mut connection, dollars, "dollars").await;
    for (file, sql) in after {
        execute(&mut connection, &sql, &file).await;
    }
    let read = "SELECT max_cost_micro_usd, r.cost_micro_usd, reserved_micro_usd, c.cost_micro_usd
        FROM requests r
        JOIN llm_calls c ON c.request_id = r.id";
    let row: (i64, i64, i64, i64) = sqlx::query_as(read).fetch_one(&mut connection).await.expect("a row");
    assert_eq!(row, (123_456, 300_000, 1, 300_000));
}

#[derive(Deserialize)]
struct Statement {
    query: String,
    columns: Vec<String>,
}

#[tokio::test]
async fn every_statement_of_the_version_before_is_understood_by_the_schema_of_today() {
    let database = TemporaryDatabase::create().await;
    let store = store(&database);
    store.migrate().await.expect("the schema");
    let before: Vec<Statement> = serde_json::from_str(STATEMENTS).expect("the list reads");
    assert!(before.len() > 100);
    let mut connection = store.acquire().await.expect("a connection");
    let mut wrong = Vec::new();
    for statement in before {
        match connection.describe(AssertSqlSafe(statement.query.clone()).into_sql_str()).await {
            Ok(found) => {
                let columns: Vec<&str> = found.columns().iter().map(sqlx::Column::name).collect();
                if columns != statement.columns {
                    wrong.push(format!("gives {columns:?} instead of {:?}: {}", statement.columns, statement.query));
                }
            }
            Err(error) => wrong.push(format!("{error}: {}", statement.query)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn an_old_orchestrator_starts_on_a_database_that_a_newer_one_has_migrated() {
    let database = TemporaryDatabase::create().await;
    let store = store(&database);
    store.migrate().await.expect("the schema");
    let later =
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (999999, 'later', true, '\\x00', 1)";
    sqlx::query(later).execute(store.pool()).await.expect("a later version was here");
    store.migrate().await.expect("what is newer than this program does not keep it from starting");
}

fn store(database: &TemporaryDatabase) -> Store {
    let second = std::time::Duration::from_secs(10);
    let options = StoreOptions { url: database.url(), max_connections: 2, acquire_timeout: second, statement_timeout: second };
    Store::new(&options).expect("an address")
}

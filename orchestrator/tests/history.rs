//! What is asked of the database does not cost more with everything that ever was: each statement has an index to go by.

use std::fs;
use std::path::Path;

use chiffon_kernel::store::{Store, StoreOptions};
use chiffon_testkit::TemporaryDatabase;
use serde_json::Value;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, Row as _};

/// Tables with a row for each thing that ever happened.
const GROWING: [&str; 14] = [
    "requests",
    "streams",
    "messages",
    "plans",
    "approvals",
    "tasks",
    "task_attempts",
    "host_results",
    "request_events",
    "audit_log",
    "git_outbox",
    "llm_calls",
    "idempotency_keys",
    "execution_logs",
];

/// What reads a whole table, and why it may: `(the statement holds, why)`.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("SET fenced_attempt = GREATEST", "once, after a backup was restored"),
    ("SET planning_lease_until = NULL\n        WHERE planning_lease_until IS NOT NULL", "once, after a backup was restored"),
    ("SET planning_lease_until = NULL WHERE planning_lease_until IS NOT NULL", "once, after a backup was restored"),
    ("UPDATE event_feed", "once, after a backup was restored"),
    ("SELECT commit_id AS \"commit_id!\"", "verifying the whole audit"),
];

#[tokio::test]
async fn every_statement_has_an_index_to_go_by() {
    let database = TemporaryDatabase::create().await;
    let store = Store::new(&StoreOptions {
        url: database.url(),
        max_connections: 2,
        acquire_timeout: std::time::Duration::from_secs(10),
        statement_timeout: std::time::Duration::from_secs(10),
    })
    .expect("the test database's address reads");
    store.migrate().await.expect("the schema applies");
    let mut connection = database.options().connect().await.expect("a connection");
    // With these, PostgreSQL reads a table from end to end only where it has no other way.
    for setting in ["SET enable_seqscan = off", "SET plan_cache_mode = force_generic_plan"] {
        connection.execute(setting).await.expect("set");
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.sqlx");
    let (mut looked, mut wrong) = (0, Vec::new());
    for entry in fs::read_dir(folder).expect("the statements").flatten() {
        let text = fs::read_to_string(entry.path()).expect("it reads");
        let statement: Value = serde_json::from_str(&text).expect("a statement");
        let query = statement["query"].as_str().expect("its text").to_owned();
        let first = query.split_whitespace().next().unwrap_or_default().to_owned();
        if !["SELECT", "WITH", "UPDATE", "DELETE"].contains(&first.as_str()) || EXCEPTIONS.iter().any(|(part, _)| query.contains(part)) {
            continue;
        }
        let values = statement["describe"]["parameters"]["Left"].as_array().map_or(0, Vec::len);
        let nothing = if values == 0 { String::new() } else { format!("({})", vec!["NULL"; values].join(", ")) };
        connection.execute(AssertSqlSafe(format!("PREPARE looked AS {query}"))).await.unwrap_or_else(|error| panic!("{error}: {query}"));
        let explain = format!("EXPLAIN (COSTS OFF) EXECUTE looked{nothing}");
        let rows =
            sqlx::raw_sql(AssertSqlSafe(explain)).fetch_all(&mut connection).await.unwrap_or_else(|error| panic!("{error}: {query}"));
        connection.execute("DEALLOCATE looked").await.expect("let go");
        looked += 1;
        for row in rows {
            let line: String = row.get(0);
            let scanned = line.split("Seq Scan on ").nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap_or_default();
            if GROWING.contains(&scanned) {
                wrong.push(format!("all of {scanned}: {query}"));
            }
        }
    }
    assert!(looked > 100, "{looked}");
    assert!(wrong.is_empty(), "an index, or an exception with its reason:\n{}", wrong.join("\n\n"));
}

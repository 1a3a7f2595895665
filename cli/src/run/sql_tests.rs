//! What the reader of `chiffon sql` can't do, tried on a server of its own.

use std::time::{Duration, Instant};

use chiffon_kernel::store::{Store, StoreOptions};
use chiffon_nodes::PostgresNode;
use sqlx::Executor as _;

use super::*;

/// A server with a database of this version, and its superuser's address.
async fn database() -> (PostgresNode, String) {
    let node = PostgresNode::start_temporary().await.expect("a server");
    node.create_database("chiffon").await.expect("a database");
    let url = node.url("chiffon");
    store(&url).migrate().await.expect("migrated");
    (node, url)
}

fn store(url: &str) -> Store {
    let seconds = Duration::from_secs(30);
    let options = StoreOptions { url: url.to_owned(), max_connections: 2, acquire_timeout: seconds, statement_timeout: seconds };
    Store::new(&options).expect("an address")
}

async fn superuser(url: &str, statements: &str) {
    let mut connection = PgConnection::connect(url).await.expect("the superuser");
    connection.execute(sqlx::AssertSqlSafe(statements.to_owned())).await.expect("done");
}

/// The address for another login.
fn as_login(url: &str, user: &str) -> String {
    let (_, place) = url.split_once('@').expect("an address with a login");
    format!("postgres://{user}:secret@{place}")
}

async fn told(url: &str, query: &str) -> Result<Value, String> {
    let mut connection = log_in(url).await.map_err(|failure| failure.message)?;
    ask(&mut connection, query, Duration::from_secs(20)).await.map_err(|failure| failure.message)
}

#[tokio::test]
async fn no_question_gets_out_of_the_readers_role() {
    let (_node, url) = database().await;
    superuser(
        &url,
        "ALTER ROLE chiffon_postmortem PASSWORD 'secret'; CREATE TABLE victims (name text); INSERT INTO victims VALUES ('whole')",
    )
    .await;
    let reader = as_login(&url, READER);
    let name =
        told(&reader, "SELECT session_user::text AS s, current_user::text AS c, rolsuper FROM pg_roles WHERE rolname = session_user").await;
    assert_eq!(name, Ok(json!([{"s": READER, "c": READER, "rolsuper": false}])));
    let escapes = [
        "SELECT * FROM api_tokens",
        "SELECT query_to_xml('SELECT * FROM api_tokens', true, true, '')",
        "SELECT table_to_xml('api_tokens', true, true, '')",
        "SELECT * FROM idempotency_keys",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT pg_read_binary_file('PG_VERSION')",
        "SELECT pg_ls_dir('.')",
        "SELECT pg_stat_file('PG_VERSION')",
        "SELECT lo_import('/etc/passwd')",
        "SELECT lo_export(1, '/tmp/written')",
        "SELECT lo_from_bytea(0, 'x')::text::int / 0",
        "SELECT * FROM dblink('dbname=chiffon', 'SELECT 1') AS t (a int)",
        "SELECT 1; DROP TABLE victims",
        "SELECT 1) AS x; DROP TABLE victims; SELECT * FROM (SELECT 1",
        "SELECT 1) AS x; COMMIT; SET ROLE chiffon; SELECT * FROM (SELECT 1",
        "WITH gone AS (DELETE FROM victims RETURNING name) SELECT * FROM gone",
        "WITH new AS (INSERT INTO victims VALUES ('x') RETURNING name) SELECT * FROM new",
        "SELECT query_to_xml('DELETE FROM victims RETURNING 1', true, true, '')",
        "SELECT query_to_xml('SET ROLE chiffon', true, true, '')",
        "SELECT query_to_xml('COPY victims TO PROGRAM ''id''', true, true, '')",
        "SELECT query_to_xml('CREATE TEMP TABLE t (a int)', true, true, '')",
        "SELECT query_to_xml('CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS ''SELECT 1''', true, true, '')",
        "SELECT query_to_xml('DO $x$ BEGIN PERFORM 1; DROP TABLE victims; END $x$', true, true, '')",
        "SELECT set_config('role', 'chiffon', false), (SELECT count(*) FROM api_tokens)",
        "SELECT set_config('session_authorization', 'chiffon', false)",
        "SELECT set_config('transaction_read_only', 'off', false), query_to_xml('DELETE FROM victims RETURNING 1', true, true, '')",
        "SELECT pg_reload_conf()",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'chiffon' AND pg_terminate_backend(pid)",
        "SELECT nextval(c.oid) FROM pg_class c WHERE relkind = 'S'",
        "SELECT rolpassword FROM pg_authid",
        "SELECT setting FROM pg_settings WHERE name = 'config_file' AND setting / 0 = 1",
        "SELECT pg_switch_wal()",
    ];
    let mut got_out = Vec::new();
    for escape in escapes {
        let told = told(&reader, escape).await;
        // An empty list of sequences or backends is no way out.
        if told.is_ok() && told != Ok(json!([])) {
            got_out.push((escape, told));
        }
    }
    assert!(got_out.is_empty(), "{got_out:#?}");
    let all = told(&reader, "SELECT database_to_xml(true, true, '')::text AS all").await.expect("what may be read");
    assert!(all.to_string().contains("installation") && !all.to_string().contains("api_tokens"), "{all}");
    for harmless in ["SELECT set_config('statement_timeout', '0', false)", "SELECT name FROM victims -- and what follows", "TABLE victims;"]
    {
        assert!(told(&reader, harmless).await.is_ok(), "{harmless}");
    }
    let objects = "SELECT count(*)::int AS n FROM pg_largeobject_metadata";
    assert_eq!(told(&reader, objects).await, Ok(json!([{"n": 0}])), "what a question makes is rolled back with it");
    assert_eq!(told(&reader, "SELECT name FROM victims").await, Ok(json!([{"name": "whole"}])));
}

#[tokio::test]
async fn a_question_ends_with_its_limit_whatever_it_sets() {
    let (_node, url) = database().await;
    superuser(&url, "ALTER ROLE chiffon_postmortem PASSWORD 'secret'").await;
    let mut connection = log_in(&as_login(&url, READER)).await.map_err(|failure| failure.message).expect("the reader");
    let began = Instant::now();
    let query = "SELECT set_config('statement_timeout', '0', false), pg_sleep(600)";
    let told = ask(&mut connection, query, Duration::from_secs(1)).await.map_err(|failure| failure.message);
    assert!(told.as_ref().is_err_and(|message| message.contains("statement timeout")), "{told:?}");
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_login_that_can_do_more_is_refused_before_it_is_asked_anything() {
    let (_node, url) = database().await;
    superuser(
        &url,
        "CREATE ROLE writes LOGIN PASSWORD 'secret' IN ROLE chiffon_postmortem; GRANT INSERT ON requests TO writes;
         CREATE ROLE reads_files LOGIN PASSWORD 'secret' IN ROLE pg_read_server_files, chiffon_postmortem;
         CREATE ROLE sees_tokens LOGIN PASSWORD 'secret' IN ROLE chiffon_postmortem; GRANT SELECT (id) ON api_tokens TO sees_tokens;
         CREATE ROLE makes_roles LOGIN CREATEROLE PASSWORD 'secret';
         CREATE ROLE ann LOGIN PASSWORD 'secret' IN ROLE chiffon_postmortem",
    )
    .await;
    for (login, why) in
        [("writes", "may write"), ("reads_files", "other roles"), ("sees_tokens", "may read tokens"), ("makes_roles", "may make roles")]
    {
        let told = told(&as_login(&url, login), "SELECT 1 AS one").await;
        assert!(
            told.as_ref().is_err_and(|message| message.contains(why) && message.contains("database.postmortem_url")),
            "{login}: {told:?}"
        );
    }
    let told_superuser = told(&url, "SELECT 1 AS one").await;
    assert!(told_superuser.as_ref().is_err_and(|message| message.contains("is a superuser")), "{told_superuser:?}");
    assert_eq!(told(&as_login(&url, "ann"), "SELECT 1 AS one").await, Ok(json!([{"one": 1}])), "a login of one's own that only reads");
}

#[tokio::test]
async fn an_owner_who_may_not_make_roles_migrates_all_the_same_and_one_without_rights_is_told_first() {
    let node = PostgresNode::start_temporary().await.expect("a server");
    node.create_database("chiffon").await.expect("a database");
    let url = node.url("chiffon");
    superuser(
        &url,
        "CREATE ROLE owner LOGIN PASSWORD 'secret'; CREATE ROLE guest LOGIN PASSWORD 'secret'; ALTER DATABASE chiffon OWNER TO owner",
    )
    .await;
    let refused = store(&as_login(&url, "guest")).migrate().await.map_err(|error| error.to_string());
    assert!(refused.as_ref().is_err_and(|message| message.contains("guest") && message.contains("ALTER DATABASE")), "{refused:?}");
    let owner = as_login(&url, "owner");
    store(&owner).migrate().await.expect("the owner of the database needs no more");
    store(&owner).migrate().await.expect("and again");
    let told = told(&owner, "SELECT 1 AS one").await;
    assert!(told.as_ref().is_err_and(|message| message.contains("may write")), "{told:?}");
}

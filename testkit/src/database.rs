//! A database for one test, empty or a copy of one that was prepared once per server; dropped with the value.
//!
//! `CHIFFON_TEST_DATABASE_URL` names a server and a role that may create databases; `make test` sets it to a private node.

use std::future::Future;
use std::time::Duration;

use chiffon_process::config::variable;
use chiffon_process::{IdSource, RandomIds};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection};

/// The variable that names the server.
pub const VARIABLE: &str = "CHIFFON_TEST_DATABASE_URL";

/// How long a test waits until its database is gone.
const DROPPED_WITHIN: Duration = Duration::from_millis(300);

/// A database of its own.
#[derive(Debug)]
pub struct TemporaryDatabase {
    admin: PgConnectOptions,
    name: String,
}

impl TemporaryDatabase {
    /// Creates it, empty.
    ///
    /// # Panics
    /// When the variable is not set or the server can't be reached: such a test can't say anything.
    pub async fn create() -> Self {
        let admin = server();
        let name = new_name();
        execute(&mut connect(&admin).await, format!("CREATE DATABASE {name}")).await;
        Self { admin, name }
    }

    /// Creates it as a copy of the template of this name (a lower-case word), which whoever is first on the server fills at its
    /// address. Everybody who gives the same name must fill it alike.
    ///
    /// # Panics
    /// As [`Self::create`].
    pub async fn like<F: Future<Output = ()>>(template: &str, fill: impl FnOnce(String) -> F) -> Self {
        let admin = server();
        let mut connection = connect(&admin).await;
        if !is_there(&mut connection, template).await {
            // Tests are processes of their own, so the lock is the server's. It ends with the session, whatever becomes of the test.
            sqlx::query("SELECT pg_advisory_lock(hashtext($1))").bind(template).execute(&mut connection).await.expect("a lock");
            if !is_there(&mut connection, template).await {
                let unfinished = format!("{template}_unfinished");
                execute(&mut connection, format!("DROP DATABASE IF EXISTS {unfinished} WITH (FORCE)")).await;
                execute(&mut connection, format!("CREATE DATABASE {unfinished}")).await;
                fill(admin.clone().database(&unfinished).to_url_lossy().to_string()).await;
                execute(&mut connection, format!("ALTER DATABASE {unfinished} RENAME TO {template}")).await;
            }
            sqlx::query("SELECT pg_advisory_unlock(hashtext($1))").bind(template).execute(&mut connection).await.expect("unlocked");
        }
        let name = new_name();
        execute(&mut connection, format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
        Self { admin, name }
    }

    /// How to reach it.
    pub fn options(&self) -> PgConnectOptions {
        self.admin.clone().database(&self.name)
    }

    /// Its address.
    pub fn url(&self) -> String {
        self.options().to_url_lossy().to_string()
    }
}

impl Drop for TemporaryDatabase {
    /// Drops it on a thread of its own, because the test's runtime may be on its way out.
    ///
    /// The server drops it when every session has heard of that, and one that is being opened hears nothing before it is open. The
    /// test's own runtime, which would open it, stands still meanwhile; so this does not wait for the server for long. What it was told
    /// it does also when nobody waits any more.
    fn drop(&mut self) {
        let (admin, name) = (self.admin.clone(), self.name.clone());
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                if let Ok(mut connection) = admin.connect().await {
                    let told = execute(&mut connection, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
                    tokio::time::timeout(DROPPED_WITHIN, told).await.ok();
                }
            });
        });
        drop(dropped.join());
    }
}

fn server() -> PgConnectOptions {
    let url = variable(VARIABLE)
        .unwrap_or_else(|| panic!("{VARIABLE} is not set; run `make test`, or give it the URL of a PostgreSQL server for tests"));
    url.parse().unwrap_or_else(|error| panic!("{VARIABLE} is not a database's address: {error}"))
}

async fn connect(admin: &PgConnectOptions) -> PgConnection {
    admin.connect().await.unwrap_or_else(|error| panic!("the server of {VARIABLE} does not answer: {error}"))
}

fn new_name() -> String {
    format!("chiffon_test_{}", RandomIds.new_message_id().simple())
}

async fn is_there(connection: &mut PgConnection, template: &str) -> bool {
    let found = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)").bind(template);
    found.fetch_one(connection).await.expect("the server answers")
}

async fn execute(connection: &mut PgConnection, statement: String) {
    // Names of databases can't be parameters; these are made of hex digits above, or are words of a test's own.
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(connection).await.expect("the server does it");
}

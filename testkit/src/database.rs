//! An empty database for one test, dropped with the value.
//!
//! `CHIFFON_TEST_DATABASE_URL` names a server and a role that may create databases; `make test` sets it to a private node.

use chiffon_process::config::variable;
use chiffon_process::{IdSource, RandomIds};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection};

/// The variable that names the server.
pub const VARIABLE: &str = "CHIFFON_TEST_DATABASE_URL";

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
        let url = variable(VARIABLE)
            .unwrap_or_else(|| panic!("{VARIABLE} is not set; run `make test`, or give it the URL of a PostgreSQL server for tests"));
        let admin: PgConnectOptions = url.parse().unwrap_or_else(|error| panic!("{VARIABLE} is not a database's address: {error}"));
        let name = format!("chiffon_test_{}", RandomIds.new_message_id().simple());
        let mut connection = admin.connect().await.unwrap_or_else(|error| panic!("the server of {VARIABLE} does not answer: {error}"));
        execute(&mut connection, format!("CREATE DATABASE {name}")).await;
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
    fn drop(&mut self) {
        let (admin, name) = (self.admin.clone(), self.name.clone());
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                if let Ok(mut connection) = admin.connect().await {
                    execute(&mut connection, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
                }
            });
        });
        drop(dropped.join());
    }
}

async fn execute(connection: &mut PgConnection, statement: String) {
    // Names of databases can't be parameters; this one is made of hex digits above.
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(connection).await.expect("the server does it");
}

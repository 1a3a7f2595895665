//! The only module that speaks SQL. One file per noun; statements are checked at compile time.
//!
//! Functions take a connection (`&mut PgConnection`, usually a transaction's), so that a use case decides what is one
//! transaction. Time is passed in, except where a rule asks for Postgres time.

pub mod actions;
pub mod agent_orders;
pub mod agents;
pub mod approvals;
pub mod attempts;
pub mod audit;
pub mod backup;
pub mod catalogue;
pub mod dead_letters;
pub mod deadlines;
pub mod dispatch;
pub mod events;
pub mod found_commits;
pub mod git_outbox;
pub mod host_locks;
pub mod idempotency;
pub mod installation;
pub mod invariants;
pub mod leases;
pub mod llm_calls;
pub mod log_seals;
pub mod logs;
pub mod messages;
pub mod metrics;
pub mod new_tasks;
pub mod outbox;
pub mod partitions;
pub mod planning;
pub mod plans;
pub mod principal_keys;
pub mod principals;
pub mod progress;
pub mod pruning;
pub mod read;
pub mod refused_hellos;
pub mod request_messages;
pub mod requests;
pub mod restores;
pub mod task_changes;
pub mod tasks;
pub mod tokens;

mod error;

pub use error::Error;

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{PgPool, Postgres, Transaction};

/// A transaction.
pub type Tx = Transaction<'static, Postgres>;

/// Makes a transaction's changes last.
pub async fn commit(transaction: Tx) -> Result<(), Error> {
    Ok(transaction.commit().await?)
}

/// The pool.
#[derive(Debug, Clone)]
pub struct Store {
    pool: PgPool,
}

/// How to reach the database.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// `postgres://...`
    pub url: String,
    /// The most connections at once.
    pub max_connections: u32,
    /// How long a caller waits for one.
    pub acquire_timeout: Duration,
    /// No statement runs longer.
    pub statement_timeout: Duration,
}

impl Store {
    /// A pool for this database. Fails only for an address that can't be read; connections are made when they are needed.
    pub fn new(options: &StoreOptions) -> Result<Self, Error> {
        let statement_timeout = options.statement_timeout.as_millis().to_string();
        // sqlx reads any scheme; another database's address would fail much later, and puzzlingly.
        if !["postgres://", "postgresql://"].iter().any(|scheme| options.url.starts_with(scheme)) {
            return Err(Error::Url("it is not a PostgreSQL address".to_owned()));
        }
        let connect: PgConnectOptions = options.url.parse().map_err(|error| Error::url(&error))?;
        let connect =
            connect.application_name("chiffon").options([("statement_timeout", statement_timeout.as_str()), ("lock_timeout", "5000")]);
        let pool = PgPoolOptions::new()
            .max_connections(options.max_connections)
            .acquire_timeout(options.acquire_timeout)
            // Costs a round trip for each use; a broken connection shows in the statement itself, which is tried again.
            .test_before_acquire(false)
            .connect_lazy_with(connect);
        Ok(Self { pool })
    }

    /// Brings the schema to what this version needs. What a newer version has added stays, and is no reason not to start: while
    /// orchestrators are exchanged one by one, an old one may start again.
    pub async fn migrate(&self) -> Result<(), Error> {
        self.ping().await?;
        let mut migrations = sqlx::migrate!("../migrations");
        migrations.set_ignore_missing(true);
        migrations.run(&self.pool).await.map_err(Error::Migration)
    }

    /// Begins a transaction.
    pub async fn begin(&self) -> Result<Tx, Error> {
        Ok(self.pool.begin().await?)
    }

    /// Begins a transaction that sees the database as it is now until it ends, and changes nothing.
    pub async fn snapshot(&self) -> Result<Tx, Error> {
        Ok(self.pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
    }

    /// A connection, for statements that need no transaction.
    pub async fn acquire(&self) -> Result<PoolConnection<Postgres>, Error> {
        Ok(self.pool.acquire().await?)
    }

    /// The pool, for statements that need no transaction and for `LISTEN`.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), Error> {
        sqlx::query("SELECT 1").execute(&self.pool).await?;
        Ok(())
    }

    /// Closes all connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

//! The only module that speaks SQL. One file per noun; statements are checked at compile time.
//!
//! Functions take a connection (`&mut PgConnection`, usually a transaction's), so that a use case decides what is one
//! transaction. Time is passed in, except where a rule asks for Postgres time.

pub mod audit;
pub mod events;
pub mod feed;
pub mod grants;
pub mod idempotency;
pub mod installation;
pub mod invariants;
pub mod leases;
pub mod login_links;
mod migration_rights;
pub mod outbox;
pub mod partitions;
pub mod passwords;
pub mod principal_keys;
pub mod principals;
pub mod read;
pub mod root;
pub mod sessions;
pub mod storable;
pub mod stored_json;
pub mod tokens;
pub mod trail;

mod error;

pub use error::Error;

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgListener, PgNotification, PgPoolOptions};
use sqlx::{Connection as _, PgPool, Postgres, Transaction};

/// A transaction.
pub type Tx = Transaction<'static, Postgres>;

/// Silence on a listener's connection is looked into after this.
const SILENCE: Duration = Duration::from_secs(30);

/// The next notification of a channel that is listened to; `None` when the connection was lost and has to be made again. A listener
/// says nothing itself, so whether its connection still leads anywhere is asked now and then.
pub async fn heard(listener: &mut PgListener, channel: &str) -> Result<Option<PgNotification>, sqlx::Error> {
    loop {
        if let Ok(heard) = tokio::time::timeout(SILENCE, listener.try_recv()).await {
            return heard;
        }
        tokio::time::timeout(ANSWERS_WITHIN, listener.listen(channel)).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))?;
    }
}

/// Makes a transaction's changes last.
pub async fn commit(transaction: Tx) -> Result<(), Error> {
    Ok(transaction.commit().await?)
}

/// One piece of work may take as long as so many of the longest statements; mostly it takes milliseconds.
const STATEMENTS_OF_WORK: u32 = 2;
/// A connection that is given back and does not answer within this is closed.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// Begins a transaction, to its end although its caller gives up: sqlx counts one only when `BEGIN` was answered, so one whose caller hung up
/// before would stay open, and the next user's statements would run in it and be undone with it.
async fn begun(pool: &PgPool, statement: &'static str) -> Result<Tx, sqlx::Error> {
    let pool = pool.clone();
    #[expect(clippy::disallowed_methods, reason = "it ends with the pool's own patience, and what nobody takes is rolled back")]
    let beginning = tokio::spawn(async move { pool.begin_with(statement).await });
    beginning.await.unwrap_or(Err(sqlx::Error::WorkerCrashed))
}

/// The pool.
#[derive(Debug, Clone)]
pub struct Store {
    pool: PgPool,
    longest_work: Duration,
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

/// An address of a PostgreSQL.
fn address(url: &str) -> Result<PgConnectOptions, Error> {
    // sqlx reads any scheme; another database's address would fail much later, and puzzlingly.
    if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err(Error::Url("it is not a PostgreSQL address".to_owned()));
    }
    url.parse().map_err(|error| Error::url(&error))
}

impl Store {
    /// Whether an address can be read; nothing is asked.
    pub fn check_url(url: &str) -> Result<(), Error> {
        address(url).map(drop)
    }

    /// A pool for this database. Fails only for an address that can't be read; connections are made when they are needed.
    pub fn new(options: &StoreOptions) -> Result<Self, Error> {
        let statement_timeout = options.statement_timeout.as_millis().to_string();
        let connect = address(&options.url)?.application_name("chiffon").options([
            ("statement_timeout", statement_timeout.as_str()),
            ("lock_timeout", "5000"),
            // The locks of a process that was stopped in the middle of a transaction, or whose machine is gone, are given up:
            // https://www.postgresql.org/docs/15/runtime-config-client.html, .../runtime-config-connection.html.
            ("idle_in_transaction_session_timeout", statement_timeout.as_str()),
            ("tcp_keepalives_idle", "10"),
            ("tcp_keepalives_interval", "5"),
            ("tcp_keepalives_count", "3"),
            ("tcp_user_timeout", "25000"),
        ]);
        let pool = PgPoolOptions::new()
            .max_connections(options.max_connections)
            .acquire_timeout(options.acquire_timeout)
            // Costs a round trip for each use; a broken connection shows in the statement itself, which is tried again.
            .test_before_acquire(false)
            // Whoever gave up waiting leaves a connection that may never answer; the pool itself would wait for it without end.
            .after_release(|connection, _| {
                Box::pin(async move {
                    let answer = tokio::time::timeout(ANSWERS_WITHIN, connection.ping()).await;
                    answer.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map(|()| true)
                })
            })
            .connect_lazy_with(connect);
        Ok(Self { pool, longest_work: options.statement_timeout * STATEMENTS_OF_WORK })
    }

    /// Brings the schema to what this version needs. What a newer version has added stays, and is no reason not to start: while
    /// orchestrators are exchanged one by one, an old one may start again.
    pub async fn migrate(&self) -> Result<(), Error> {
        self.ping().await?;
        let mut migrations = sqlx::migrate!("../../migrations");
        migrations.set_ignore_missing(true);
        migration_rights::check(&self.pool, &mut migrations).await?;
        migrations.run(&self.pool).await.map_err(Error::Migration)
    }

    /// How long one piece of work may take.
    pub fn longest_work(&self) -> Duration {
        self.longest_work
    }

    /// Does a piece of work, but not for longer than [`Store::longest_work`]. PostgreSQL ends its statements by itself, but where the
    /// other side of a connection is gone without a word, nobody ever says so: such work is given up, as if the process had been
    /// killed in its midst.
    pub async fn within_limit<T, E: From<Error>>(&self, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let given_up = Error::TookTooLong { seconds: self.longest_work.as_secs() };
        tokio::time::timeout(self.longest_work, work).await.unwrap_or_else(|_| Err(given_up.into()))
    }

    /// Begins a transaction.
    pub async fn begin(&self) -> Result<Tx, Error> {
        Ok(begun(&self.pool, "BEGIN").await?)
    }

    /// Begins a transaction of a unit of work. Its statements name rows by their ids, one or many, so each is planned once for a connection:
    /// PostgreSQL by itself would plan most of them anew each time, because it takes a list that it does not know for longer than those that
    /// come (https://www.postgresql.org/docs/15/runtime-config-query.html#GUC-PLAN-CACHE-MODE).
    pub async fn begin_work(&self) -> Result<Tx, Error> {
        Ok(begun(&self.pool, "BEGIN; SET LOCAL plan_cache_mode = force_generic_plan").await?)
    }

    /// Begins a transaction that sees the database as it is now until it ends, and changes nothing.
    pub async fn snapshot(&self) -> Result<Tx, Error> {
        let mut transaction = read::snapshot(&self.pool).await?;
        // It holds no locks, and between its statements whole repositories are read.
        sqlx::query("SET LOCAL idle_in_transaction_session_timeout = 0").execute(&mut *transaction).await?;
        Ok(transaction)
    }

    /// A connection, for statements that need no transaction. Where one has to be made, it is made to its end although its caller gives
    /// up: clients that hang up would otherwise take each along, one after the other, and nobody would ever have one.
    pub async fn acquire(&self) -> Result<PoolConnection<Postgres>, Error> {
        if self.pool.num_idle() > 0 || self.pool.size() >= self.pool.options().get_max_connections() {
            return Ok(self.pool.acquire().await?);
        }
        let pool = self.pool.clone();
        #[expect(clippy::disallowed_methods, reason = "it ends with the pool's own patience, and what it makes is the pool's")]
        let making = tokio::spawn(async move { pool.acquire().await });
        Ok(making.await.unwrap_or(Err(sqlx::Error::WorkerCrashed))?)
    }

    /// The pool, for statements that need no transaction and for `LISTEN`.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Tells whoever listens on these channels these texts, in a transaction that changes nothing and waits for no disk.
    pub async fn announce(&self, channels: &[String], texts: &[String]) -> Result<(), Error> {
        sqlx::query!("SELECT pg_notify(channel, text) FROM unnest($1::text[], $2::text[]) AS told (channel, text)", channels, texts)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), Error> {
        sqlx::query("SELECT 1").execute(&self.pool).await?;
        Ok(())
    }

    /// Whether the database takes changes: it is no standby and not read-only, and there is room on its disk. Nothing stays of the look: a
    /// sort that does not fit into its memory goes into a temporary file.
    pub async fn takes_writes(&self) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        sqlx::raw_sql(
            "SET LOCAL work_mem = '64kB';
            SELECT count(*) FROM (SELECT number FROM generate_series(1, 20000) AS number ORDER BY number DESC) AS sorted;
            SELECT id FROM requests LIMIT 0 FOR KEY SHARE",
        )
        .execute(&mut *transaction)
        .await?;
        Ok(transaction.rollback().await?)
    }

    /// Closes all connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

//! What making and using a backup asks of the database, beside `pg_dump` and `pg_restore`.

use chiffon_kernel::store::Error;
use sqlx::PgConnection;

/// What a backup says of its database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// A snapshot that `pg_dump --snapshot` takes, as long as the transaction is open.
    pub snapshot: String,
    /// The newest migration.
    pub schema: i64,
    /// The server's major version.
    pub server: i32,
    /// The last number of the system chain of the audit log.
    pub system_seq: i64,
    /// Its hash.
    pub system_head: Option<Vec<u8>>,
}

/// Reads them, all at one moment; within [`super::Store::snapshot`].
pub async fn facts(connection: &mut PgConnection) -> Result<Facts, Error> {
    let snapshot: String = sqlx::query_scalar("SELECT pg_export_snapshot()").fetch_one(&mut *connection).await?;
    let (system_seq, system_head) = chiffon_kernel::store::audit::system_head(connection).await?;
    let schema: i64 = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations").fetch_one(&mut *connection).await?;
    Ok(Facts { snapshot, schema, server: server(connection).await?, system_seq, system_head })
}

/// The server's major version.
pub async fn server(connection: &mut PgConnection) -> Result<i32, Error> {
    Ok(sqlx::query_scalar("SELECT current_setting('server_version_num')::int / 10000").fetch_one(connection).await?)
}

/// The newest migration that this program knows.
pub fn newest_schema() -> i64 {
    sqlx::migrate!("../migrations").iter().map(|migration| migration.version).max().unwrap_or_default()
}

/// Whether the database holds no table.
pub async fn is_empty(connection: &mut PgConnection) -> Result<bool, Error> {
    let tables: i64 =
        sqlx::query_scalar("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')")
            .fetch_one(connection)
            .await?;
    Ok(tables == 0)
}

/// Makes the role that a dump grants things to: roles belong to the server, so no dump of a database holds them.
pub async fn make_reader(connection: &mut PgConnection) -> Result<(), Error> {
    sqlx::raw_sql(
        "DO $$ BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'chiffon_postmortem') THEN CREATE ROLE chiffon_postmortem LOGIN CONNECTION LIMIT 10; END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
        END $$",
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Lets it read tables of later migrations, too: default privileges belong to the role that makes the tables, which may be another
/// one here.
pub async fn grant_reader(connection: &mut PgConnection) -> Result<(), Error> {
    sqlx::raw_sql("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO chiffon_postmortem").execute(connection).await?;
    Ok(())
}

//! Read models: what people and programs see, each from a fixed number of statements whatever there is to show.
//!
//! Nothing here writes. What spans several statements is read from one snapshot.

use sqlx::{PgPool, Postgres, Transaction};

use super::Error;

/// One unmoving view of the database for several statements, which changes nothing.
pub async fn snapshot(pool: &PgPool) -> Result<Transaction<'static, Postgres>, Error> {
    Ok(super::begun(pool, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
}

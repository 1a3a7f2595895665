//! Read models: what people and programs see, each from a fixed number of statements whatever there is to show.
//!
//! Nothing here writes. What spans several statements is read from one snapshot.

pub mod actions;
pub mod agents;
pub mod audit;
pub mod costs;
pub mod counts;
pub mod dead_letters;
pub mod live;
pub mod request;
pub mod requests;
pub mod tasks;

use sqlx::{PgPool, Postgres, Transaction};

use super::Error;

/// One unmoving view of the database for several statements.
async fn snapshot(pool: &PgPool) -> Result<Transaction<'static, Postgres>, Error> {
    // Two statements rather than one `BEGIN`: only sqlx's own is undone when the caller goes away in the middle of it, and a
    // connection that went back to the pool inside a read-only transaction would refuse the next user's writes.
    let mut transaction = pool.begin().await?;
    sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY").execute(&mut *transaction).await?;
    Ok(transaction)
}

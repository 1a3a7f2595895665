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
pub mod reserved;
pub mod tasks;
mod waits;

use sqlx::{PgPool, Postgres, Transaction};

use super::Error;

/// One unmoving view of the database for several statements, which changes nothing.
pub(super) async fn snapshot(pool: &PgPool) -> Result<Transaction<'static, Postgres>, Error> {
    Ok(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
}

//! The statements that look for what must never be: reads only, each bounded by what is open and what is recent, so that a
//! long history costs nothing.

pub mod messages;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;
use sqlx::PgConnection;

use super::Error;
use crate::domain::invariant::{Found, Rule};

/// How many violations are named.
pub const EXAMPLES: i64 = 5;

/// What counts as overdue, and how far back it looks.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The process's time.
    pub now: DateTime<Utc>,
    /// What is overdue for longer is a violation.
    pub overdue_after: Duration,
    /// Finished requests asked before this are not looked at again.
    pub since: DateTime<Utc>,
    /// A call to a model that takes longer is over.
    pub longest_call: Duration,
}

impl Limits {
    /// What was due before this is a violation.
    pub fn due(&self) -> DateTime<Utc> {
        self.ago(self.overdue_after)
    }

    /// So long before now.
    pub fn ago(&self, duration: Duration) -> DateTime<Utc> {
        let duration = TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX);
        self.now.checked_sub_signed(duration).unwrap_or(DateTime::<Utc>::MIN_UTC)
    }
}

/// One violation, and how many there are in all.
#[derive(Debug)]
pub struct Row {
    /// What it is about: an id, and words that help.
    pub example: String,
    /// How many there are.
    pub total: i64,
}

/// Looks for violations.
pub type Find = for<'c> fn(&'c mut PgConnection, &'c Limits) -> BoxFuture<'c, Result<Vec<Row>, Error>>;

/// A rule with the statement that looks for what breaks it.
#[derive(Debug, Clone, Copy)]
pub struct Invariant {
    /// The rule.
    pub rule: Rule,
    /// Reads only.
    pub find: Find,
}

/// What breaks it now.
pub async fn find(connection: &mut PgConnection, invariant: &Invariant, limits: &Limits) -> Result<Found, Error> {
    let rows = (invariant.find)(connection, limits).await?;
    Ok(Found { count: rows.first().map_or(0, |row| row.total), examples: rows.into_iter().map(|row| row.example).collect() })
}

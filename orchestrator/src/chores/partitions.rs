//! Keeps monthly partitions ahead of time for what grows with time, so that no row has to go into the default one, and lets go
//! what is old enough. Once a day, and at a start.

use std::time::Duration;

use async_trait::async_trait;
use chiffon_engine::verbs::lose_attempt::Fence;
use chiffon_kernel::chores::{Chore, TickReport};
use chiffon_kernel::store::leases;
use chiffon_kernel::store::partitions::{PARTITIONED, add};
use chiffon_protocol::Problem;
use chiffon_requests::verbs::Context;
use chrono::{Months, NaiveDate, Utc};
use tokio::sync::{Mutex, Notify};

use crate::verbs::retain;

/// The agent's name, and its lease's.
pub const NAME: &str = "partitions";
/// This month and the two after it.
const AHEAD: u32 = 2;
/// How often it looks whether another day has come, or tries again what somebody's long statement was in the way of.
const PERIOD: Duration = Duration::from_mins(1);
/// No look takes longer: it may delete many rows.
const LEASE: Duration = Duration::from_hours(1);
const LIMIT: Duration = Duration::from_mins(5);

/// Makes partitions and lets old ones go.
#[derive(Debug)]
pub struct Partitions {
    context: Context,
    never: Notify,
    checked_on: Mutex<Option<NaiveDate>>,
}

impl Partitions {
    /// One that has not looked yet.
    pub fn new(context: Context) -> Self {
        Self { context, never: Notify::new(), checked_on: Mutex::new(None) }
    }

    async fn make_ahead(&self, today: NaiveDate) -> Result<usize, Problem> {
        let mut connection = self.context.store.acquire().await?;
        let mut made = 0;
        for table in PARTITIONED {
            for month in 0..=AHEAD {
                let month = today.checked_add_months(Months::new(month)).unwrap_or(today);
                made += usize::from(add(&mut connection, table, month).await?);
            }
        }
        Ok(made)
    }

    /// One process at a time; whoever comes second finds nothing left.
    async fn let_go(&self) -> Result<usize, Problem> {
        let mut connection = self.context.store.acquire().await?;
        let Some(held) = leases::acquire(&mut connection, NAME, &self.context.instance, LEASE).await? else { return Ok(0) };
        drop(connection);
        let gone = retain::run(&self.context, Fence { lease: NAME, epoch: held.epoch }).await;
        let mut connection = self.context.store.acquire().await?;
        leases::release(&mut connection, NAME, &self.context.instance).await?;
        Ok(gone?)
    }
}

#[async_trait]
impl Chore for Partitions {
    fn name(&self) -> &'static str {
        NAME
    }

    /// Only the calendar makes work for it.
    fn wake(&self) -> &Notify {
        &self.never
    }

    fn period(&self, _: &chiffon_kernel::verbs::Context) -> Duration {
        PERIOD
    }

    /// Whole months go at a time.
    fn limit(&self, _: &chiffon_kernel::verbs::Context) -> Duration {
        LIMIT
    }

    async fn tick(&self) -> Result<TickReport, Problem> {
        let today = self.context.clock.now().with_timezone(&Utc).date_naive();
        let mut checked_on = self.checked_on.lock().await;
        if *checked_on == Some(today) {
            return Ok(TickReport::default());
        }
        let made = self.make_ahead(today).await?;
        let gone = self.let_go().await?;
        *checked_on = Some(today);
        Ok(TickReport::of(made + gone))
    }
}

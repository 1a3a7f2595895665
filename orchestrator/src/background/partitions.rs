//! Keeps monthly partitions ahead of time for what grows with time, so that no row ever has to go into the default one.

use async_trait::async_trait;
use chiffon_protocol::Problem;
use chrono::{Months, NaiveDate, Utc};
use tokio::sync::Mutex;
use tokio::sync::Notify;

use super::{BackgroundAgent, TickReport};
use crate::service::Context;
use crate::store::metrics::{PARTITIONED, add_partition};

/// The agent's name.
pub const NAME: &str = "partitions";
/// This month and the two after it.
const AHEAD: u32 = 2;

/// Makes partitions.
#[derive(Debug)]
pub struct Partitions {
    context: Context,
    never: Notify,
    checked_on: Mutex<Option<NaiveDate>>,
}

impl Partitions {
    /// A maker of partitions.
    pub fn new(context: Context) -> Self {
        Self { context, never: Notify::new(), checked_on: Mutex::new(None) }
    }
}

#[async_trait]
impl BackgroundAgent for Partitions {
    fn name(&self) -> &'static str {
        NAME
    }

    /// Only the calendar makes work for it.
    fn wake(&self) -> &Notify {
        &self.never
    }

    async fn tick(&self) -> Result<TickReport, Problem> {
        let today = self.context.clock.now().with_timezone(&Utc).date_naive();
        let mut checked_on = self.checked_on.lock().await;
        if *checked_on == Some(today) {
            return Ok(TickReport::default());
        }
        let mut connection = self.context.store.acquire().await?;
        let mut made = 0;
        for table in PARTITIONED {
            for month in 0..=AHEAD {
                let month = today.checked_add_months(Months::new(month)).unwrap_or(today);
                made += usize::from(add_partition(&mut connection, table, month).await?);
            }
        }
        *checked_on = Some(today);
        Ok(TickReport::of(made))
    }
}

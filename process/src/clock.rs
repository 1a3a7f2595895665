//! The time, injected. `now` is for records; `elapsed` is for deadlines, and counts the time a machine sleeps.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SubsecRound as _, Utc};

/// Where the time comes from.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// Wall time, in whole microseconds (what Postgres stores).
    fn now(&self) -> DateTime<Utc>;

    /// Time since an arbitrary start that never goes backwards and counts suspend (RELIABILITY 7).
    fn elapsed(&self) -> Duration;
}

/// A time as people are told it, to the second: `2026-01-31 08:00:00 UTC`.
pub fn shown(at: DateTime<Utc>) -> impl Display {
    at.format("%Y-%m-%d %H:%M:%S UTC")
}

/// The machine's clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl SystemClock {
    /// The clock as the shared object that most code takes.
    pub fn shared() -> Arc<dyn Clock> {
        Arc::new(Self)
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the system")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now().trunc_subsecs(6)
    }

    fn elapsed(&self) -> Duration {
        nix::time::clock_gettime(nix::time::ClockId::CLOCK_BOOTTIME).map(Duration::from).unwrap_or_default()
    }
}

//! A clock that stands still until a test moves it. It starts at the real time, because Postgres has its own.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chiffon_process::{Clock, SystemClock};
use chrono::{DateTime, TimeDelta, Utc};

#[derive(Debug)]
struct Hands {
    now: DateTime<Utc>,
    elapsed: Duration,
}

/// A clock that a test moves. Clones show the same time.
#[derive(Debug, Clone)]
pub struct ManualClock {
    hands: Arc<Mutex<Hands>>,
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::starting_at(SystemClock.now())
    }
}

impl ManualClock {
    /// A clock that shows this time.
    pub fn starting_at(now: DateTime<Utc>) -> Self {
        Self { hands: Arc::new(Mutex::new(Hands { now, elapsed: Duration::ZERO })) }
    }

    /// Moves both of its times forward.
    ///
    /// # Panics
    /// When the duration does not fit into a calendar.
    pub fn advance(&self, by: Duration) {
        let mut hands = self.hands();
        hands.now += TimeDelta::from_std(by).expect("the duration fits");
        hands.elapsed += by;
    }

    fn hands(&self) -> MutexGuard<'_, Hands> {
        self.hands.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        self.hands().now
    }

    fn elapsed(&self) -> Duration {
        self.hands().elapsed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stands_still_until_it_is_moved() {
        let clock = ManualClock::default();
        let seen = clock.now();
        assert_eq!(clock.now(), seen);
        clock.clone().advance(Duration::from_mins(1));
        assert_eq!(clock.now() - seen, TimeDelta::seconds(60));
        assert_eq!(clock.elapsed(), Duration::from_mins(1));
    }
}

//! Whether heartbeats have been taken in without trouble, and since when.
//!
//! Silence of an agent means something only if this process was able to hear it: an outage of broker, database or orchestrator
//! must not turn the fleet `unknown` (RELIABILITY 10).

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The health of this process's intake of heartbeats, by its clock's elapsed time.
#[derive(Debug, Default)]
pub struct Intake {
    healthy_since: Mutex<Option<Duration>>,
}

impl Intake {
    /// The intake works at this moment; the time counts if it did not before.
    pub fn works(&self, elapsed: Duration) {
        self.healthy_since.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(elapsed);
    }

    /// The intake has trouble: what was not heard since then proves nothing.
    pub fn is_troubled(&self) {
        *self.healthy_since.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether it has worked for at least this long without a break.
    pub fn has_worked_for(&self, at_least: Duration, elapsed: Duration) -> bool {
        let since = *self.healthy_since.lock().unwrap_or_else(PoisonError::into_inner);
        since.is_some_and(|since| elapsed.saturating_sub(since) >= at_least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_starts_the_time_again() {
        let at = Duration::from_secs;
        let intake = Intake::default();
        assert!(!intake.has_worked_for(Duration::ZERO, at(0)));
        intake.works(at(0));
        intake.works(at(20));
        assert!(intake.has_worked_for(Duration::from_secs(30), at(30)));
        intake.is_troubled();
        intake.works(at(31));
        assert!(!intake.has_worked_for(Duration::from_secs(30), at(60)));
        assert!(intake.has_worked_for(Duration::from_secs(30), at(61)));
    }
}

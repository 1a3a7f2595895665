//! Leaves a provider alone after several failures in a row; after a while, one call tries whether it is back.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed { failures: u32 },
    Open { until: Duration },
    Trying,
}

/// The breaker of one provider. Times are those of `Clock::elapsed`.
#[derive(Debug, Clone)]
pub struct Breaker {
    state: Arc<Mutex<State>>,
    failures: u32,
    cool_down: Duration,
}

/// The right to make one call. Dropped without a verdict, it counts for nothing.
#[derive(Debug)]
pub struct Permit {
    breaker: Breaker,
    trial: bool,
    settled: bool,
}

impl Breaker {
    /// Opens after so many failures in a row, for so long; 0 never opens.
    pub fn new(failures: u32, cool_down: Duration) -> Self {
        Self { state: Arc::new(Mutex::new(State::Closed { failures: 0 })), failures, cool_down }
    }

    /// The right to call now, or how long to leave it alone.
    pub fn enter(&self, now: Duration) -> Result<Permit, Duration> {
        let mut state = self.lock();
        let trial = match *state {
            State::Closed { .. } => false,
            State::Open { until } if now < until => return Err(until.saturating_sub(now)),
            State::Trying => return Err(Duration::ZERO),
            State::Open { .. } => {
                *state = State::Trying;
                true
            }
        };
        Ok(Permit { breaker: self.clone(), trial, settled: false })
    }

    /// How long it is left alone from now; `None` when it may be called.
    pub fn open_for(&self, now: Duration) -> Option<Duration> {
        match *self.lock() {
            State::Open { until } if now < until => Some(until.saturating_sub(now)),
            State::Trying => Some(Duration::ZERO),
            State::Closed { .. } | State::Open { .. } => None,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit {
    /// The provider answered.
    pub fn succeeded(mut self) {
        self.settled = true;
        *self.breaker.lock() = State::Closed { failures: 0 };
    }

    /// It did not.
    pub fn failed(mut self, now: Duration) {
        self.settled = true;
        let mut state = self.breaker.lock();
        let failures = match *state {
            State::Closed { failures } => failures + 1,
            State::Open { .. } | State::Trying => u32::MAX,
        };
        let opens = self.breaker.failures > 0 && failures >= self.breaker.failures;
        *state = if opens { State::Open { until: now + self.breaker.cool_down } } else { State::Closed { failures } };
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.breaker.lock();
        if self.trial && !self.settled && *state == State::Trying {
            *state = State::Open { until: Duration::ZERO };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_lets_one_call_try() {
        let breaker = Breaker::new(2, at(10));
        breaker.enter(at(0)).unwrap().failed(at(0));
        breaker.enter(at(1)).unwrap().succeeded();
        breaker.enter(at(2)).unwrap().failed(at(2));
        breaker.enter(at(3)).unwrap().failed(at(3));
        assert_eq!(breaker.enter(at(4)).unwrap_err(), at(9));
        let trial = breaker.enter(at(13)).unwrap();
        assert!(breaker.enter(at(13)).is_err(), "only one call tries");
        trial.failed(at(13));
        assert!(breaker.enter(at(14)).is_err());
        breaker.enter(at(23)).unwrap().succeeded();
        assert_eq!(breaker.open_for(at(23)), None);
    }

    #[test]
    fn a_trial_that_was_given_up_leaves_room_for_another() {
        let breaker = Breaker::new(1, at(10));
        breaker.enter(at(0)).unwrap().failed(at(0));
        drop(breaker.enter(at(10)).unwrap());
        assert!(breaker.enter(at(10)).is_ok());
    }
}

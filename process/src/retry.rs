//! Trying again: exponential delays with jitter, bounded in number and in time, cut short by the stop signal.
//!
//! The only module that says `backoff`. The crate is no longer maintained (RUSTSEC-2025-0012), but small and
//! finished; behind this seam it can be exchanged in one place.

use std::future::Future;
use std::time::Duration;

use backoff::ExponentialBackoffBuilder;
use backoff::backoff::Backoff as _;

use crate::lifecycle::Shutdown;

/// How to try again.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// The first delay.
    pub first: Duration,
    /// No delay is longer.
    pub longest: Duration,
    /// No try begins after this; `None` tries for ever.
    pub within: Option<Duration>,
    /// No more tries than this; `None` is unlimited.
    pub tries: Option<u32>,
}

impl Policy {
    /// For ever, from 100 ms to 5 s: what a connection that must come back gets.
    pub const RECONNECT: Self = Self { first: Duration::from_millis(100), longest: Duration::from_secs(5), within: None, tries: None };

    /// The delays of one run of tries.
    pub fn delays(&self) -> Delays {
        let inner = ExponentialBackoffBuilder::new()
            .with_initial_interval(self.first)
            .with_max_interval(self.longest)
            .with_multiplier(2.0)
            .with_randomization_factor(0.3)
            .with_max_elapsed_time(self.within)
            .build();
        Delays { inner, tries_left: self.tries.map(|tries| tries.saturating_sub(1)) }
    }
}

/// The delays before each further try.
#[derive(Debug)]
pub struct Delays {
    inner: backoff::ExponentialBackoff,
    tries_left: Option<u32>,
}

impl Delays {
    /// The next delay; `None` when it is time to give up.
    pub fn next_delay(&mut self) -> Option<Duration> {
        if let Some(left) = &mut self.tries_left {
            *left = left.checked_sub(1)?;
        }
        self.inner.next_backoff()
    }

    /// Starts again from the first delay, after a success.
    pub fn reset(&mut self) {
        self.inner.reset();
    }
}

/// What one try came to.
#[derive(Debug)]
pub enum Try<T, E> {
    /// It worked.
    Done(T),
    /// It may work later; not before `after`, if the other side asked for that.
    Again {
        /// Why it did not work.
        error: E,
        /// The least delay the other side asks for (`Retry-After`).
        after: Option<Duration>,
    },
    /// It will never work.
    Stop(E),
}

/// Tries until it works, the policy gives up, or the process stops; the last error then.
pub async fn run<T, E, F, Fut>(policy: Policy, shutdown: &Shutdown, mut attempt: F) -> Result<T, E>
where
    F: FnMut(u32) -> Fut,
    Fut: Future<Output = Try<T, E>>,
{
    let mut delays = policy.delays();
    let mut number = 1;
    loop {
        let (error, after) = match attempt(number).await {
            Try::Done(value) => return Ok(value),
            Try::Stop(error) => return Err(error),
            Try::Again { error, after } => (error, after),
        };
        let Some(delay) = delays.next_delay() else { return Err(error) };
        let delay = after.map_or(delay, |least| least.max(delay));
        if after.is_some_and(|least| policy.within.is_some_and(|within| least > within)) || !shutdown.sleep(delay).await {
            return Err(error);
        }
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Policy = Policy { first: Duration::from_millis(1), longest: Duration::from_millis(2), within: None, tries: Some(3) };

    #[tokio::test]
    async fn it_gives_up_after_the_last_try_with_the_last_error() {
        let result: Result<(), u32> = run(QUICK, &Shutdown::new(), |number| async move { Try::Again { error: number, after: None } }).await;
        assert_eq!(result, Err(3));
    }

    #[tokio::test]
    async fn a_stop_error_is_not_tried_again() {
        let result: Result<(), u32> = run(QUICK, &Shutdown::new(), |number| async move { Try::Stop(number) }).await;
        assert_eq!(result, Err(1));
    }

    #[tokio::test]
    async fn a_stopping_process_does_not_sleep() {
        let shutdown = Shutdown::new();
        shutdown.stop();
        let policy = Policy { first: Duration::from_hours(1), ..Policy::RECONNECT };
        let result: Result<(), u32> = run(policy, &shutdown, |number| async move { Try::Again { error: number, after: None } }).await;
        assert_eq!(result, Err(1));
    }
}

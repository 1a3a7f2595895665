//! How often something may be done by one: so often at once, and from then on so often a second.
//!
//! The generic cell rate algorithm (ITU-T I.371): of each one only the time is kept at which its allowance is whole again, so whoever
//! has done nothing for a while costs nothing.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// So many are remembered; of a flood from more, nobody is counted on.
const MOST_KNOWN: usize = 65_536;

/// How often something may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// At once, after a time of rest.
    pub at_once: u32,
    /// One is given back after this.
    pub every: Duration,
}

/// What one may still do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// So often at once.
    pub more: u32,
    /// After this time without doing it, the allowance is whole again.
    pub whole_after: Duration,
}

/// Who has done how much lately. Times are those of a clock that only goes forward.
#[derive(Debug)]
pub struct Rate<K: Eq + Hash> {
    allowance: Allowance,
    whole_again: Mutex<HashMap<K, Duration>>,
}

impl<K: Eq + Hash> Rate<K> {
    pub fn new(allowance: Allowance) -> Self {
        Self { allowance, whole_again: Mutex::default() }
    }

    /// Counts one more and says what is left, or after which time there may be one.
    pub fn take(&self, one: K, now: Duration) -> Result<Left, Duration> {
        let mut known = self.whole_again.lock().unwrap_or_else(PoisonError::into_inner);
        let then = known.get(&one).copied().unwrap_or_default().max(now) + self.allowance.every;
        self.check(then, now)?;
        if known.len() >= MOST_KNOWN {
            known.retain(|_, whole_again| *whole_again > now);
            if known.len() >= MOST_KNOWN {
                known.clear();
            }
        }
        known.insert(one, then);
        let whole_after = then.saturating_sub(now);
        let every = self.allowance.every.as_nanos().max(1);
        let taken = u32::try_from(whole_after.as_nanos().div_ceil(every)).unwrap_or(u32::MAX);
        Ok(Left { more: self.allowance.at_once.saturating_sub(taken), whole_after })
    }

    /// How often it may be done.
    pub fn allowance(&self) -> Allowance {
        self.allowance
    }

    /// Whether there may be one more; nothing is counted.
    pub fn look(&self, one: &K, now: Duration) -> Result<(), Duration> {
        let known = self.whole_again.lock().unwrap_or_else(PoisonError::into_inner);
        self.check(known.get(one).copied().unwrap_or_default().max(now) + self.allowance.every, now)
    }

    fn check(&self, then: Duration, now: Duration) -> Result<(), Duration> {
        let after = then.saturating_sub(now + self.allowance.every * self.allowance.at_once);
        if after.is_zero() { Ok(()) } else { Err(after) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn so_many_at_once_and_then_one_for_each_time_and_others_are_not_counted() {
        let rate = Rate::new(Allowance { at_once: 3, every: SECOND });
        let at = |seconds: u32| SECOND * seconds;
        for (more, whole_after) in [(2, 1), (1, 2), (0, 3)] {
            assert_eq!(rate.take('a', at(5)), Ok(Left { more, whole_after: at(whole_after) }));
        }
        assert_eq!(rate.take('a', at(5)), Err(SECOND));
        assert_eq!(rate.look(&'a', at(5)), Err(SECOND));
        rate.take('b', at(5)).unwrap();
        rate.take('a', at(6)).unwrap();
        assert_eq!(rate.take('a', at(6)), Err(SECOND), "what was refused has cost nothing, and what was given back is taken");
        for _ in 0..3 {
            rate.take('a', at(60)).unwrap();
        }
        assert!(rate.take('a', at(60)).is_err(), "rest is not saved up without end");
    }

    #[test]
    fn a_flood_of_strangers_takes_a_bounded_memory() {
        let rate = Rate::new(Allowance { at_once: 1, every: SECOND });
        for one in 0..MOST_KNOWN * 3 {
            rate.take(one, SECOND).unwrap();
        }
        assert!(rate.whole_again.lock().unwrap().len() <= MOST_KNOWN);
    }
}

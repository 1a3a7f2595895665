//! When a message is tried again, and when no more.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// The pause after the first failure; it doubles with each further one.
const FIRST: TimeDelta = TimeDelta::seconds(10);
/// The longest pause, unless the receiver asks for a longer one.
const LONGEST: TimeDelta = TimeDelta::minutes(15);
/// The longest that a receiver may ask for.
const LONGEST_ASKED: TimeDelta = TimeDelta::hours(1);
/// What nobody took by then is given up.
const GIVEN_UP_AFTER: TimeDelta = TimeDelta::hours(24);

/// How a try failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// Why, without secrets.
    pub why: String,
    /// Whether the same may succeed later.
    pub may_succeed: bool,
    /// How long the receiver asks to wait.
    pub wait: Option<Duration>,
}

impl Failed {
    /// Something that may be better later.
    pub fn for_now(why: impl Into<String>) -> Self {
        Self { why: why.into(), may_succeed: true, wait: None }
    }

    /// Something that a person has to change.
    pub fn for_good(why: impl Into<String>) -> Self {
        Self { why: why.into(), may_succeed: false, wait: None }
    }
}

/// When it is tried next after so many tries; `None` gives it up.
pub fn next(failed: &Failed, attempts: i32, created_at: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if !failed.may_succeed || now - created_at >= GIVEN_UP_AFTER {
        return None;
    }
    let doublings = u32::try_from(attempts.clamp(1, 12) - 1).unwrap_or_default();
    let own = (FIRST * 2_i32.pow(doublings)).min(LONGEST);
    let asked = failed.wait.and_then(|wait| TimeDelta::from_std(wait).ok()).unwrap_or_default().min(LONGEST_ASKED);
    Some(now + own.max(asked))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_longest_and_a_receiver_may_ask_for_more_within_bounds() {
        let now = DateTime::UNIX_EPOCH;
        let pause = |attempts, wait| {
            let failed = Failed { wait, ..Failed::for_now("500") };
            next(&failed, attempts, now, now).map(|at| (at - now).num_seconds())
        };
        assert_eq!([1, 2, 3, 8, i32::MAX].map(|attempts| pause(attempts, None)), [Some(10), Some(20), Some(40), Some(900), Some(900)]);
        assert_eq!(pause(1, Some(Duration::from_mins(5))), Some(300));
        assert_eq!(pause(1, Some(Duration::MAX)), Some(10), "no time that can be reckoned with");
        assert_eq!(pause(1, Some(Duration::from_hours(30))), Some(3_600));
        assert_eq!(next(&Failed::for_good("404"), 1, now, now), None);
        assert_eq!(next(&Failed::for_now("500"), 90, now, now + GIVEN_UP_AFTER), None);
    }
}

//! What follows when an attempt was cut off: another one by itself, a fresh preview, or a person (RELIABILITY 13); and whether one that
//! has failed may be followed by another, where whoever ordered it wants that.
//!
//! Pure. It is asked only with proof that the attempt does not run any more: repeatable never means safe side by side.

use std::time::Duration;

use chiffon_protocol::action::Repeatable;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use uuid::Uuid;

use super::words::Purpose;

/// How often, and how soon, cut-off work is tried again by itself; and what counts as proof.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// The most tries of one task, the first included. 1: nothing is tried again by itself.
    pub tries: u32,
    /// The pause before the second try; it doubles with each further one.
    #[serde(with = "humantime_serde")]
    pub first_delay: Duration,
    /// The longest pause.
    #[serde(with = "humantime_serde")]
    pub longest_delay: Duration,
    /// How long after its time limit a silent run counts as proved not to run any more.
    #[serde(with = "humantime_serde")]
    pub margin: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { tries: 2, first_delay: Duration::from_secs(20), longest_delay: Duration::from_mins(5), margin: Duration::from_mins(5) }
    }
}

/// What proves that an attempt does not run any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Its owner's own report.
    ItsReport,
    /// The longest time that it may run, with a margin, is over.
    RunTimeOver,
}

impl Proof {
    /// The word in the audit log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ItsReport => "its_report",
            Self::RunTimeOver => "run_time_over",
        }
    }
}

/// An attempt that was cut off, or has failed, and is proved not to run any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CutOff {
    /// Why its task runs.
    pub purpose: Purpose,
    /// What its action declares.
    pub repeatable: Repeatable,
    /// Whether the task can be previewed once more.
    pub can_be_checked: bool,
    /// Whether a person wants it stopped.
    pub cancel_requested: bool,
    /// Whether its reports were signed (RELIABILITY 5).
    pub verified: bool,
    /// How many attempts of the task may have executed something, this one included.
    pub tries: u32,
}

/// What follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Another attempt, after a pause.
    Again {
        /// The pause.
        after: Duration,
        /// Which try that will be.
        number: u32,
    },
    /// A fresh preview for the person who then decides.
    Check,
    /// A person decides.
    Person(Why),
    /// Nothing: it was to be stopped, and it has.
    Nothing,
}

/// Why a person has to decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The action may not be repeated by itself.
    NotRepeatable,
    /// The action wants to be looked at first, and can't be previewed.
    NoPreview,
    /// It was cut off too often.
    TriesUsedUp,
    /// Its agent does not sign.
    Unverified,
    /// A backup was restored under it: it may have been tried again since that was made.
    Restored,
    /// It is to be stopped.
    Stopping,
    /// It is a dry run: what it found out is told with the plan.
    DryRun,
}

impl Why {
    /// For people.
    pub fn text(self) -> &'static str {
        match self {
            Self::NotRepeatable => "its action is not declared as repeatable",
            Self::NoPreview => "its action wants a person's look before it is repeated (`check_first`)",
            Self::TriesUsedUp => "it was cut off as often as it may be tried (`retry.tries`)",
            Self::Unverified => "its agent does not sign what it reports",
            Self::Restored => "it may have been tried again after the backup that was restored",
            Self::Stopping => "it is to be stopped",
            Self::DryRun => "a dry run is made once",
        }
    }
}

impl Limits {
    /// What follows when an attempt was cut off.
    pub fn next(&self, cut_off: &CutOff) -> Next {
        if cut_off.cancel_requested {
            return Next::Nothing;
        }
        match cut_off.may_be_repeated() {
            Ok(()) if cut_off.tries >= self.tries => Next::Person(Why::TriesUsedUp),
            Ok(()) => Next::Again { after: self.delay(cut_off.tries), number: cut_off.tries.saturating_add(1) },
            Err(Why::NoPreview) if cut_off.can_be_checked => Next::Check,
            Err(why) => Next::Person(why),
        }
    }

    /// The pause after this many tries.
    pub fn delay(&self, tries: u32) -> Duration {
        doubled(self.first_delay, self.longest_delay, tries)
    }
}

impl CutOff {
    /// Whether what it did may be done once more without a person.
    fn may_be_repeated(&self) -> Result<(), Why> {
        match (self.purpose, self.repeatable) {
            (Purpose::Apply, Repeatable::CheckFirst) => Err(Why::NoPreview),
            (Purpose::Apply, Repeatable::No) => Err(Why::NotRepeatable),
            (Purpose::Discover | Purpose::Preview, _) | (Purpose::Apply, Repeatable::Yes) if !self.verified => Err(Why::Unverified),
            // They change nothing, whatever the action declares.
            (Purpose::Discover | Purpose::Preview, _) | (Purpose::Apply, Repeatable::Yes) => Ok(()),
        }
    }

    /// Whether another attempt may follow one of which its owner says that it has failed, where whoever ordered it wants that: how often,
    /// and when, is theirs to say; that nothing is done twice that may not be is not.
    pub fn may_follow_failure(&self) -> Result<(), Why> {
        if self.cancel_requested {
            return Err(Why::Stopping);
        }
        if self.purpose == Purpose::Preview { Err(Why::DryRun) } else { self.may_be_repeated() }
    }
}

/// The pause after this many tries: it doubles with each, up to the longest.
pub fn doubled(first: Duration, longest: Duration, tries: u32) -> Duration {
    let factor = 1_u32.checked_shl(tries.saturating_sub(1)).unwrap_or(u32::MAX);
    first.saturating_mul(factor).min(longest)
}

/// Shortens a pause by up to its half, so that what failed together is not tried together. The same task and try get the same.
pub fn spread(pause: Duration, task_id: Uuid, tries: u32) -> Duration {
    let (high, low) = task_id.as_u64_pair();
    // Multiplied by the golden ratio: neighbours fall far apart.
    let mixed = (high ^ low.rotate_left(29) ^ u64::from(tries)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let thousandths = u32::try_from((mixed >> 32) % 501).unwrap_or_default();
    pause.saturating_mul(1000 - thousandths) / 1000
}

/// From when on an attempt can't run any more, whoever keeps silent about it: an agent starts within `start_within` of its claim,
/// and stops a run that takes longer than `run`; `margin` is for the stopping, and for clocks.
pub fn over_at(claimed_at: DateTime<Utc>, start_within: Duration, run: Duration, margin: Duration) -> DateTime<Utc> {
    let longest = start_within.saturating_add(run).saturating_add(margin);
    TimeDelta::from_std(longest).ok().and_then(|longest| claimed_at.checked_add_signed(longest)).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(repeatable: Repeatable) -> CutOff {
        CutOff { purpose: Purpose::Apply, repeatable, can_be_checked: true, cancel_requested: false, verified: true, tries: 1 }
    }

    #[test]
    fn only_what_is_declared_repeatable_is_tried_again_by_itself() {
        let limits = Limits::default();
        assert_eq!(limits.next(&apply(Repeatable::Yes)), Next::Again { after: Duration::from_secs(20), number: 2 });
        assert_eq!(limits.next(&apply(Repeatable::CheckFirst)), Next::Check);
        let unseen = CutOff { can_be_checked: false, ..apply(Repeatable::CheckFirst) };
        assert_eq!(limits.next(&unseen), Next::Person(Why::NoPreview));
        assert_eq!(limits.next(&apply(Repeatable::No)), Next::Person(Why::NotRepeatable));
    }

    #[test]
    fn what_changes_nothing_is_tried_again_whatever_its_action_declares() {
        for purpose in [Purpose::Discover, Purpose::Preview] {
            let cut_off = CutOff { purpose, ..apply(Repeatable::No) };
            assert!(matches!(Limits::default().next(&cut_off), Next::Again { number: 2, .. }), "{purpose:?}");
        }
    }

    #[test]
    fn what_was_cancelled_used_up_or_unsigned_is_not_tried_again_by_itself() {
        let limits = Limits::default();
        for repeatable in [Repeatable::Yes, Repeatable::CheckFirst, Repeatable::No] {
            assert_eq!(limits.next(&CutOff { cancel_requested: true, ..apply(repeatable) }), Next::Nothing);
        }
        for purpose in [Purpose::Discover, Purpose::Preview, Purpose::Apply] {
            assert_eq!(limits.next(&CutOff { purpose, tries: 2, ..apply(Repeatable::Yes) }), Next::Person(Why::TriesUsedUp), "{purpose:?}");
        }
        assert_eq!(limits.next(&CutOff { verified: false, ..apply(Repeatable::Yes) }), Next::Person(Why::Unverified));
        let never = Limits { tries: 1, ..limits };
        assert_eq!(never.next(&apply(Repeatable::Yes)), Next::Person(Why::TriesUsedUp));
    }

    #[test]
    fn what_has_failed_may_be_tried_again_where_it_could_be_after_it_was_cut_off_and_no_dry_run() {
        assert_eq!(apply(Repeatable::Yes).may_follow_failure(), Ok(()));
        assert_eq!(CutOff { purpose: Purpose::Discover, ..apply(Repeatable::No) }.may_follow_failure(), Ok(()));
        assert_eq!(apply(Repeatable::No).may_follow_failure(), Err(Why::NotRepeatable));
        assert_eq!(apply(Repeatable::CheckFirst).may_follow_failure(), Err(Why::NoPreview));
        assert_eq!(CutOff { purpose: Purpose::Preview, ..apply(Repeatable::Yes) }.may_follow_failure(), Err(Why::DryRun));
        assert_eq!(CutOff { verified: false, ..apply(Repeatable::Yes) }.may_follow_failure(), Err(Why::Unverified));
        assert_eq!(CutOff { cancel_requested: true, ..apply(Repeatable::Yes) }.may_follow_failure(), Err(Why::Stopping));
    }

    #[test]
    fn what_failed_together_is_not_tried_together() {
        let pause = Duration::from_mins(1);
        let pauses: Vec<Duration> = (0..1_000).map(|id| spread(pause, Uuid::from_u128(id), 1)).collect();
        assert!(pauses.iter().all(|spread| (pause / 2..=pause).contains(spread)));
        let early = pauses.iter().filter(|spread| **spread < pause * 3 / 4).count();
        assert!((400..600).contains(&early), "{early} of 1,000 in the earlier half");
        assert_eq!(spread(Duration::MAX, Uuid::nil(), 1), spread(Duration::MAX, Uuid::nil(), 1));
    }

    #[test]
    fn the_pause_doubles_up_to_its_longest() {
        let limits = Limits::default();
        assert_eq!([1, 2, 3, 4, 5, 6, 40].map(|tries| limits.delay(tries).as_secs()), [20, 40, 80, 160, 300, 300, 300]);
    }

    #[test]
    fn a_silent_run_is_over_after_its_start_its_time_and_a_margin() {
        let (claimed, seconds) = (DateTime::<Utc>::UNIX_EPOCH, Duration::from_secs);
        assert_eq!(over_at(claimed, seconds(30), seconds(900), seconds(300)).timestamp(), 1230);
        assert_eq!(over_at(claimed, seconds(30), Duration::MAX, seconds(300)), DateTime::<Utc>::MAX_UTC);
    }
}

//! When a channel tells what it has to tell: at once, gathered with other things, or after its quiet hours. Pure.

use chrono::{DateTime, Datelike as _, NaiveDate, NaiveTime, TimeDelta, TimeZone as _, Utc, Weekday};
use chrono_tz::Tz;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::channel::Channel;
use super::kind::Kind;
use chiffon_protocol::action::Risk;

/// So many quiet hours in a row are looked past; more have no end that anybody means.
const MOST_IN_A_ROW: usize = 14;

/// Hours in which a channel keeps still.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quiet {
    /// From this time of the day on: `22:00`.
    #[serde(deserialize_with = "time_of_day")]
    pub from: NaiveTime,
    /// Until this one, of the next day where it is no later.
    #[serde(deserialize_with = "time_of_day")]
    pub to: NaiveTime,
    /// The days on which they begin; every day where none is named.
    #[serde(default)]
    pub days: Vec<Weekday>,
    /// By whose clock: a zone as the IANA names it, such as `Europe/Berlin`.
    pub time_zone: Tz,
}

impl Quiet {
    /// Whether they never end.
    pub fn is_always(&self) -> bool {
        let all = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];
        self.from == self.to && (self.days.is_empty() || all.iter().all(|day| self.days.contains(day)))
    }

    /// The first moment from this one on that is not quiet.
    pub fn after(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        let mut at = at;
        for _ in 0..MOST_IN_A_ROW {
            match self.end(at) {
                Some(end) => at = end,
                None => break,
            }
        }
        at
    }

    /// In words.
    pub fn told(&self) -> String {
        let days: Vec<String> = self.days.iter().map(ToString::to_string).collect();
        let on = if days.is_empty() { String::new() } else { format!(" on {}", days.join(", ")) };
        format!("{} to {} {}{on}", self.from.format("%H:%M"), self.to.format("%H:%M"), self.time_zone)
    }

    /// When the quiet hours end in which this moment lies.
    fn end(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let today = at.with_timezone(&self.time_zone).date_naive();
        [today.pred_opt(), Some(today)].into_iter().flatten().find_map(|day| {
            let (begin, end) = self.of(day)?;
            (begin <= at && at < end).then_some(end)
        })
    }

    /// Those that begin on this day.
    fn of(&self, day: NaiveDate) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        if !self.days.is_empty() && !self.days.contains(&day.weekday()) {
            return None;
        }
        let last = if self.to > self.from { day } else { day.succ_opt()? };
        Some((self.moment(day, self.from)?, self.moment(last, self.to)?))
    }

    /// A time that clocks show twice is the first of them; one that they skip is the moment in which it is skipped.
    fn moment(&self, day: NaiveDate, time: NaiveTime) -> Option<DateTime<Utc>> {
        // No zone skips more than a day, and all skip whole quarters of an hour; a time between two quarters is met by the next one.
        let local = |minutes: i64| self.time_zone.from_local_datetime(&(day.and_time(time) + TimeDelta::minutes(minutes))).earliest();
        (0..=24 * 60).find_map(local).map(|moment| moment.with_timezone(&Utc))
    }
}

impl Channel {
    /// Whether this waits for nothing.
    fn is_urgent(&self, kind: Kind, risk: Option<Risk>) -> bool {
        self.urgent.contains(&kind) || risk.is_some_and(|risk| risk >= self.urgent_risk)
    }

    /// Until when what comes about now is held; `None` where it is told at once. `gathering` is when what is held already will be told,
    /// `over_at` when nobody has a use for it any more: what would be over by then is told at once.
    pub fn held_until(
        &self,
        (kind, risk): (Kind, Option<Risk>),
        now: DateTime<Utc>,
        gathering: Option<DateTime<Utc>>,
        over_at: Option<DateTime<Utc>>,
    ) -> Option<DateTime<Utc>> {
        if self.is_urgent(kind, risk) {
            return None;
        }
        let gathered = self.digest.map(|span| gathering.filter(|until| *until > now).unwrap_or(now + span));
        let at = gathered.unwrap_or(now);
        let at = self.quiet.as_ref().map_or(at, |quiet| quiet.after(at));
        (at > now && over_at.is_none_or(|over_at| over_at > at)).then_some(at)
    }
}

fn time_of_day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NaiveTime, D::Error> {
    let text = String::deserialize(deserializer)?;
    let bad = |_| D::Error::custom(format!("`{}` is no time of the day such as 22:00", text.escape_default()));
    NaiveTime::parse_from_str(&text, "%H:%M").map_err(bad)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time")
    }

    fn quiet(value: serde_json::Value) -> Quiet {
        serde_json::from_value(value).expect("quiet hours")
    }

    #[test]
    fn a_night_lasts_into_the_next_day_by_the_clock_of_its_zone() {
        let night = quiet(json!({"from": "22:00", "to": "07:00", "time_zone": "Europe/Berlin"}));
        for (moment, ends) in [
            ("2026-01-10T20:59:59Z", "2026-01-10T20:59:59Z"),
            ("2026-01-10T21:00:00Z", "2026-01-11T06:00:00Z"),
            ("2026-01-11T02:00:00Z", "2026-01-11T06:00:00Z"),
            ("2026-01-11T06:00:00Z", "2026-01-11T06:00:00Z"),
            // The clocks go forward: it ends an hour earlier. They go back: an hour later.
            ("2026-03-28T22:00:00Z", "2026-03-29T05:00:00Z"),
            ("2026-10-24T22:00:00Z", "2026-10-25T06:00:00Z"),
        ] {
            assert_eq!(night.after(at(moment)), at(ends), "{moment}");
        }
        assert_eq!(night.told(), "22:00 to 07:00 Europe/Berlin");
    }

    #[test]
    fn a_time_that_clocks_skip_or_show_twice_is_one_moment() {
        let skipped = quiet(json!({"from": "01:00", "to": "02:30", "time_zone": "Europe/Berlin"}));
        assert_eq!(skipped.after(at("2026-03-29T00:30:00Z")), at("2026-03-29T01:00:00Z"));
        assert_eq!(skipped.after(at("2026-10-25T00:00:00Z")), at("2026-10-25T00:30:00Z"), "the first 02:30");
        let within = quiet(json!({"from": "02:10", "to": "02:50", "time_zone": "Europe/Berlin"}));
        assert_eq!(within.after(at("2026-03-29T01:00:00Z")), at("2026-03-29T01:00:00Z"), "hours that there are not");
    }

    #[test]
    fn days_are_those_on_which_it_begins_and_whole_days_are_passed_together() {
        let weekend = quiet(json!({"from": "00:00", "to": "00:00", "days": ["sat", "Sunday"], "time_zone": "UTC"}));
        assert_eq!(weekend.after(at("2026-01-10T09:00:00Z")), at("2026-01-12T00:00:00Z"));
        assert_eq!(weekend.after(at("2026-01-09T23:59:00Z")), at("2026-01-09T23:59:00Z"));
        assert!(!weekend.is_always() && quiet(json!({"from": "00:00", "to": "00:00", "time_zone": "UTC"})).is_always());
        let friday = quiet(json!({"from": "20:00", "to": "08:00", "days": ["fri"], "time_zone": "Asia/Kathmandu"}));
        assert_eq!(friday.after(at("2026-01-10T01:00:00Z")), at("2026-01-10T02:15:00Z"), "saturday morning there");
        for (bad, words) in [
            (json!({"from": "22", "to": "07:00", "time_zone": "UTC"}), "no time of the day"),
            (json!({"from": "22:00", "to": "25:00", "time_zone": "UTC"}), "no time of the day"),
            (json!({"from": "22:00", "to": "07:00", "time_zone": "Mars/Olympus"}), ""),
            (json!({"from": "22:00", "to": "07:00"}), "time_zone"),
        ] {
            let refused = serde_json::from_value::<Quiet>(bad.clone()).expect_err("it is refused").to_string();
            assert!(refused.contains(words), "{bad}: {refused}");
        }
    }

    #[test]
    fn what_is_urgent_waits_for_nothing_and_what_would_be_over_does_not_wait() {
        let channel: Channel = serde_json::from_value(json!({
            "name": "ops", "kind": "webhook", "url": "http://a/", "secret_env": "S", "digest": "15m", "urgent": ["agent_lost"],
            "quiet": {"from": "22:00", "to": "07:00", "time_zone": "UTC"},
        }))
        .expect("a channel");
        let noon = at("2026-01-10T12:00:00Z");
        let low = (Kind::ApprovalNeeded, Some(Risk::Low));
        assert_eq!(channel.held_until(low, noon, None, None), Some(at("2026-01-10T12:15:00Z")));
        let gathering = Some(at("2026-01-10T12:04:00Z"));
        assert_eq!(channel.held_until(low, noon, gathering, None), gathering, "it joins what is gathered");
        assert_eq!(channel.held_until(low, at("2026-01-10T21:50:00Z"), None, None), Some(at("2026-01-11T07:00:00Z")));
        assert_eq!(channel.held_until(low, noon, None, Some(at("2026-01-10T12:10:00Z"))), None, "it would be over by then");
        for urgent in [(Kind::ApprovalNeeded, Some(Risk::High)), (Kind::AgentLost, None)] {
            assert_eq!(channel.held_until(urgent, at("2026-01-10T23:00:00Z"), gathering, None), None, "{urgent:?}");
        }
        let plain: Channel =
            serde_json::from_value(json!({"name": "ops", "kind": "webhook", "url": "http://a/", "secret_env": "S"})).expect("a channel");
        assert_eq!(plain.held_until(low, noon, None, None), None);
    }
}

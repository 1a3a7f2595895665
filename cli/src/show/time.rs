//! Times as people say them.

use chiffon_process::{Clock as _, SystemClock};
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::exit::Failure;

/// How long ago a time was: "12 s ago".
pub fn ago(value: &Value) -> String {
    let Some(at) = value.as_str().and_then(|text| text.parse::<DateTime<Utc>>().ok()) else { return String::new() };
    format!("{} ago", span((SystemClock.now() - at).num_seconds().max(0)))
}

/// How long it is until a time that is to come: "12 min".
pub fn left(value: &Value) -> Option<String> {
    let at = value.as_str()?.parse::<DateTime<Utc>>().ok()?;
    let seconds = (at - SystemClock.now()).num_seconds();
    (seconds > 0).then(|| span(seconds))
}

/// A time to the second: "2026-11-29 17:06:54 UTC".
pub fn second(value: &Value) -> Option<String> {
    let at = value.as_str()?.parse::<DateTime<Utc>>().ok()?;
    Some(at.format("%Y-%m-%d %H:%M:%S UTC").to_string())
}

/// A number of seconds: "12 s", "3 min", "5 h", "2 d".
pub fn span(seconds: i64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// A moment that a person names, as the API reads it: a time, or how long ago.
pub fn moment(named: &str, now: DateTime<Utc>) -> Result<String, Failure> {
    let named = named.trim();
    if let Ok(time) = named.parse::<DateTime<Utc>>() {
        return Ok(time.to_rfc3339());
    }
    let digits = named.find(|c: char| !c.is_ascii_digit()).and_then(|end| named.split_at_checked(end));
    let ago = digits.and_then(|(count, unit)| {
        let count = count.parse::<u32>().ok()?;
        let seconds = match unit.trim() {
            "s" => 1,
            "min" | "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            "w" => 604_800,
            _ => return None,
        };
        now.checked_sub_signed(chrono::TimeDelta::seconds(i64::from(count) * seconds))
    });
    ago.map(|time| time.to_rfc3339()).ok_or_else(|| {
        Failure::usage(format!(
            "`{named}` is no moment; say a time such as {}, or an age such as 30min, 12h or 7d",
            now.format("%Y-%m-%dT%H:%M:%SZ")
        ))
    })
}

/// The time of day, for log lines.
pub fn clock(value: &Value) -> String {
    value.as_str().and_then(|text| text.parse::<DateTime<Utc>>().ok()).map(|at| at.format("%H:%M:%S").to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_or_an_age() {
        let now = "2026-11-29T06:00:00Z".parse().expect("a time");
        let named = |named| moment(named, now).map_err(|failure| failure.message);
        assert_eq!(named("2026-11-28T06:00:00+01:00").as_deref(), Ok("2026-11-28T05:00:00+00:00"));
        for (age, time) in [("90s", "05:58:30"), ("30min", "05:30:00"), ("2 h", "04:00:00")] {
            assert_eq!(named(age), Ok(format!("2026-11-29T{time}+00:00")));
        }
        assert_eq!(named("7d").as_deref(), Ok("2026-11-22T06:00:00+00:00"));
        for none in ["", "h", "7", "7 moons", "4294967295w", "١d"] {
            assert!(named(none).is_err_and(|why| why.contains("30min")), "{none}");
        }
    }
}

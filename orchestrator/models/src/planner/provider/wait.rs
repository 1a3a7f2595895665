//! How long a refusal asks to wait: `retry-after-ms`, `Retry-After` in both forms, and the counters that ran out.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::HeaderMap;

/// Longer than this means "not today", whatever the number.
const NEVER: Duration = Duration::from_hours(10_000);
/// Numbers from here on are seconds since 1970, not seconds from now.
const EPOCH_SECONDS: f64 = 1e9;

/// How long the headers ask to wait from `now`; `None` where they don't.
pub fn asked_for(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if let Some(milliseconds) = text("retry-after-ms").and_then(|text| text.parse::<f64>().ok()) {
        return Some(seconds(milliseconds / 1000.0));
    }
    if let Some(wait) = text("retry-after").and_then(|text| moment(text, now)) {
        return Some(wait);
    }
    let resets = headers.keys().filter(|name| name.as_str().contains("ratelimit") && name.as_str().contains("-reset"));
    resets
        .filter(|name| text(&name.as_str().replace("-reset", "-remaining")).is_none_or(|left| left == "0"))
        .filter_map(|name| moment(text(name.as_str())?, now))
        .max()
}

/// Seconds, a time of day on a day, or "6m0.5s".
fn moment(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    if let Ok(number) = text.parse::<f64>() {
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far below the limit")]
        let from_now = if number >= EPOCH_SECONDS { number - now.timestamp() as f64 } else { number };
        return Some(seconds(from_now));
    }
    if let Ok(at) = DateTime::parse_from_rfc2822(text).or_else(|_| DateTime::parse_from_rfc3339(text)) {
        return Some((at.with_timezone(&Utc) - now).to_std().unwrap_or_default());
    }
    duration(text)
}

fn duration(text: &str) -> Option<Duration> {
    let (mut total, mut rest) = (0.0, text);
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at_checked(unit_at)?;
        let (factor, unit) = [("ms", 0.001), ("h", 3600.0), ("m", 60.0), ("s", 1.0)]
            .into_iter()
            .find_map(|(unit, factor)| after.strip_prefix(unit).map(|left| (factor, left)))?;
        total += number.parse::<f64>().ok()? * factor;
        rest = unit;
    }
    (!text.is_empty()).then(|| seconds(total))
}

/// Negative and nonsensical numbers are no wait at all; those beyond all bounds are never.
fn seconds(number: f64) -> Duration {
    if number >= NEVER.as_secs_f64() { NEVER } else { Duration::try_from_secs_f64(number).unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn wait(pairs: &[(&'static str, &'static str)]) -> Option<f64> {
        let headers =
            pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect::<HeaderMap>();
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        asked_for(&headers, now).map(|wait| wait.as_secs_f64())
    }

    #[test]
    fn every_form_of_a_wait_is_understood() {
        for (name, value, expected) in [
            ("retry-after-ms", "1500", 1.5),
            ("retry-after", "2", 2.0),
            ("retry-after", "Tue, 14 Nov 2023 22:13:30 GMT", 10.0),
            ("retry-after", "Tue, 14 Nov 2023 22:13:00 GMT", 0.0),
            ("x-ratelimit-reset-requests", "1m0.5s", 60.5),
            ("x-ratelimit-reset-tokens", "120ms", 0.12),
            ("x-ratelimit-reset", "1700000007", 7.0),
            ("anthropic-ratelimit-requests-reset", "2023-11-14T22:13:25Z", 5.0),
            ("retry-after", "-5", 0.0),
        ] {
            assert_eq!(wait(&[(name, value)]), Some(expected), "{name}: {value}");
        }
        assert!(wait(&[("retry-after", "1e300")]).is_some_and(|wait| wait > 1e6));
        assert_eq!(wait(&[("retry-after", "soon")]), None);
        assert_eq!(wait(&[]), None);
    }

    #[test]
    fn milliseconds_come_first_and_only_counters_that_ran_out_count() {
        assert_eq!(wait(&[("retry-after", "9"), ("retry-after-ms", "100")]), Some(0.1));
        let counters = [
            ("x-ratelimit-remaining-requests", "59"),
            ("x-ratelimit-reset-requests", "20m"),
            ("x-ratelimit-remaining-tokens", "0"),
            ("x-ratelimit-reset-tokens", "3s"),
        ];
        assert_eq!(wait(&counters), Some(3.0));
    }
}

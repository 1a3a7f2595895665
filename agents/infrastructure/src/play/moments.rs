//! Times of the moment in what a play writes: `# written 2026-01-01T12:00:00Z` differs at every run and says nothing new.
//!
//! Only a time within a day of the run counts as one of the moment; any other is content. Read are dates with a time of the day, as
//! ISO 8601 has them with any sign between the two, and seconds or milliseconds since 1970.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

/// What stands in a moment's place.
const MOMENT: &str = "<time>";
/// Local times are up to so far from UTC, and a run takes its time.
const NEAR: TimeDelta = TimeDelta::days(1);

/// The text with times near `now` left out.
pub(super) fn left_out(text: &str, now: DateTime<Utc>) -> String {
    let bytes = text.as_bytes();
    let (mut told, mut shown, mut at) = (String::with_capacity(text.len()), 0, 0);
    while at < bytes.len() {
        let starts = bytes[at].is_ascii_digit() && (at == 0 || !bytes[at - 1].is_ascii_digit());
        match starts.then(|| moment(&bytes[at..], now)).flatten() {
            Some(length) => {
                told.push_str(text.get(shown..at).unwrap_or_default());
                told.push_str(MOMENT);
                at += length;
                shown = at;
            }
            None => at += 1,
        }
    }
    told.push_str(text.get(shown..).unwrap_or_default());
    told
}

/// How long the moment is that begins here.
fn moment(text: &[u8], now: DateTime<Utc>) -> Option<usize> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match digits {
        4 => date(text, now),
        10 | 13 => {
            let number: i64 = std::str::from_utf8(&text[..digits]).ok()?.parse().ok()?;
            let at = DateTime::from_timestamp(if digits == 13 { number / 1000 } else { number }, 0)?;
            is_near(at, now).then(|| digits + fraction(&text[digits..]))
        }
        _ => None,
    }
}

/// `2026-01-01T12:00:00.5+01:00`, with any sign between date and time, and with the rest from the seconds on or not.
fn date(text: &[u8], now: DateTime<Utc>) -> Option<usize> {
    let number = |from: usize, length: usize| -> Option<u32> {
        let part = text.get(from..from + length)?;
        part.iter().all(u8::is_ascii_digit).then(|| std::str::from_utf8(part).ok()?.parse().ok())?
    };
    let is = |at: usize, sign: u8| text.get(at) == Some(&sign);
    let between = |at: usize| text.get(at).is_some_and(|byte| matches!(byte, b'T' | b't' | b' ' | b'_' | b'@' | b'-'));
    if !(is(4, b'-') && is(7, b'-') && between(10) && is(13, b':')) {
        return None;
    }
    let day = NaiveDate::from_ymd_opt(i32::try_from(number(0, 4)?).ok()?, number(5, 2)?, number(8, 2)?)?;
    let at = day.and_hms_opt(number(11, 2)?, number(14, 2)?, 0)?.and_utc();
    if !is_near(at, now) {
        return None;
    }
    let mut length = 16;
    if is(16, b':') && number(17, 2).is_some() {
        length = 19;
        length += fraction(&text[length..]);
    }
    Some(length + offset(&text[length..]))
}

fn fraction(rest: &[u8]) -> usize {
    let digits = rest.iter().skip(1).take_while(|byte| byte.is_ascii_digit()).count();
    if matches!(rest.first(), Some(b'.' | b',')) && digits > 0 { digits + 1 } else { 0 }
}

fn offset(rest: &[u8]) -> usize {
    match rest.first() {
        Some(b'Z' | b'z') => 1,
        Some(b'+' | b'-') => {
            let length = rest.iter().skip(1).take_while(|byte| byte.is_ascii_digit() || **byte == b':').count();
            if matches!(length, 2 | 4 | 5) { length + 1 } else { 0 }
        }
        _ => 0,
    }
}

fn is_near(at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    (at - now).abs() < NEAR
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_times_of_the_moment_are_left_out() {
        let now = DateTime::from_timestamp(1_767_225_600, 0).expect("a time");
        let told = |text: &str| left_out(text, now);
        assert_eq!(told("# at 2026-01-01T00:12:03.25+01:00, ok"), "# at <time>, ok");
        assert_eq!(told("x 2025-12-31 23:59 y\nepoch=1767225611.5;ms=1767225611000"), "x <time> y\nepoch=<time>;ms=<time>");
        for kept in ["2024-01-01T00:12:03Z", "2026-01-01", "at 04:30:00", "1500000000", "17672256001", "v2026-01-01.12:00", "größe 4711"]
        {
            assert_eq!(told(kept), kept);
        }
    }
}

//! Times as people say them.

use chiffon_process::{Clock as _, SystemClock};
use chrono::{DateTime, Utc};
use serde_json::Value;

/// How long ago a time was: "12 s ago".
pub fn ago(value: &Value) -> String {
    let Some(at) = value.as_str().and_then(|text| text.parse::<DateTime<Utc>>().ok()) else { return String::new() };
    format!("{} ago", span((SystemClock.now() - at).num_seconds().max(0)))
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

/// The time of day, for log lines.
pub fn clock(value: &Value) -> String {
    value.as_str().and_then(|text| text.parse::<DateTime<Utc>>().ok()).map(|at| at.format("%H:%M:%S").to_string()).unwrap_or_default()
}

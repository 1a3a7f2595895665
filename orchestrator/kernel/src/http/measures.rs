//! How many calls there were and how long they took, by method, route and status, as Prometheus reads it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chiffon_protocol::ErrorCode;

/// Upper bounds of the buckets, in seconds.
const BUCKETS: [f64; 9] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];

#[derive(Debug, Clone, Copy, Default)]
struct Measure {
    within: [u64; BUCKETS.len()],
    count: u64,
    seconds: f64,
}

/// The calls since the process began. Routes are those of the table, so there is a bound to how many there are.
#[derive(Debug, Default)]
pub struct Measures {
    calls: Mutex<BTreeMap<(String, String, u16), Measure>>,
    problems: Mutex<BTreeMap<ErrorCode, u64>>,
}

impl Measures {
    pub fn record(&self, method: &str, route: &str, status: u16, took: Duration) {
        let method = if matches!(method, "GET" | "POST" | "DELETE") { method } else { "OTHER" };
        let seconds = took.as_secs_f64();
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let measure = calls.entry((method.to_owned(), route.to_owned(), status)).or_default();
        measure.count += 1;
        measure.seconds += seconds;
        for (within, bound) in measure.within.iter_mut().zip(BUCKETS) {
            *within += u64::from(seconds <= bound);
        }
    }

    /// Counts an answer that is a problem.
    pub fn problem(&self, code: ErrorCode) {
        *self.problems.lock().unwrap_or_else(PoisonError::into_inner).entry(code).or_default() += 1;
    }

    /// Appends the text form (https://prometheus.io/docs/instrumenting/exposition_formats/).
    pub fn render(&self, out: &mut String) {
        out.push_str("# HELP chiffon_http_request_duration_seconds How long calls took.\n");
        out.push_str("# TYPE chiffon_http_request_duration_seconds histogram\n");
        let name = "chiffon_http_request_duration_seconds";
        for ((method, route, status), measure) in &*self.calls.lock().unwrap_or_else(PoisonError::into_inner) {
            let labels = format!("method=\"{method}\",route=\"{route}\",status=\"{status}\"");
            for (within, bound) in measure.within.iter().zip(BUCKETS) {
                let _ = writeln!(out, "{name}_bucket{{{labels},le=\"{bound}\"}} {within}");
            }
            let _ = writeln!(out, "{name}_bucket{{{labels},le=\"+Inf\"}} {}", measure.count);
            let _ = writeln!(out, "{name}_sum{{{labels}}} {}", measure.seconds);
            let _ = writeln!(out, "{name}_count{{{labels}}} {}", measure.count);
        }
        out.push_str("# HELP chiffon_http_problems_total Calls that were refused or failed, by the code of their answer.\n");
        out.push_str("# TYPE chiffon_http_problems_total counter\n");
        for (code, count) in &*self.problems.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ = writeln!(out, "chiffon_http_problems_total{{code=\"{code}\"}} {count}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_count_everything_below_their_bound() {
        let measures = Measures::default();
        measures.record("GET", "/health", 200, Duration::from_millis(7));
        measures.record("BREW", "/health", 405, Duration::from_millis(700));
        let mut text = String::new();
        measures.render(&mut text);
        assert!(text.contains("_bucket{method=\"GET\",route=\"/health\",status=\"200\",le=\"0.005\"} 0\n"), "{text}");
        assert!(text.contains("_bucket{method=\"GET\",route=\"/health\",status=\"200\",le=\"0.01\"} 1\n"), "{text}");
        assert!(text.contains("_count{method=\"OTHER\",route=\"/health\",status=\"405\"} 1\n"), "{text}");
    }
}

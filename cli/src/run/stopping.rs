//! What somebody who has pressed Ctrl-C is told at once: what is waited for, how long at most, and how to wait no longer.

use std::time::Duration;

use crate::client::{Api, rows};
use crate::show::style::short;
use crate::show::table::text;

/// How long it may take to find out what runs.
const ASKED_WITHIN: Duration = Duration::from_secs(2);
/// No more requests than this are named.
const NAMED: usize = 5;

/// Tells it.
pub async fn tell(api: &Api, at_most: Duration) {
    let query = [("status", "running".to_owned()), ("limit", "200".to_owned())];
    let asked = tokio::time::timeout(ASKED_WITHIN, api.get("/requests", &query)).await;
    let running: Vec<String> = match &asked {
        Ok(Ok(listed)) => rows(listed).map(|row| format!("{} \"{}\"", short(&text(&row["request_id"])), text(&row["text"]))).collect(),
        _ => Vec::new(),
    };
    say!("{}", sentence(&running, at_most));
}

fn sentence(running: &[String], at_most: Duration) -> String {
    if running.is_empty() {
        return "\nStopping; nothing is running.".to_owned();
    }
    let more = running.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let named: Vec<&str> = running.iter().take(NAMED).map(String::as_str).collect();
    format!("\nWaiting for what runs, at most {} s: {}{more}. Ctrl-C again stops it now.", at_most.as_secs(), named.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_waited_for_is_named_with_how_long_and_how_to_stop_it() {
        let told = sentence(&["ca5b \"Deploy Kuma\"".to_owned()], Duration::from_secs(30));
        assert_eq!(told, "\nWaiting for what runs, at most 30 s: ca5b \"Deploy Kuma\". Ctrl-C again stops it now.");
        assert!(sentence(&[], Duration::from_secs(30)).contains("nothing is running"));
        let many: Vec<String> = (0..9).map(|number| number.to_string()).collect();
        assert!(sentence(&many, Duration::from_secs(30)).contains("0, 1, 2, 3, 4 and 4 more."));
    }
}

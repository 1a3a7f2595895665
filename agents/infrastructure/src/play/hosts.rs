//! What a play came to on each granted host, from its statistics and, where it was stopped before them, from its events.

use chiffon_protocol::message::{HostResult, HostStatus, Written};

use super::cut;
use super::seen::{HostStats, Seen};
use chiffon_worker::NAMED_CHANGES;

/// A failure's words are kept up to here; the log has them all.
const LONGEST_MESSAGE: usize = 2_000;

/// Of a run that wrote in more places, on all of its hosts together, they are left out.
const MOST_WRITTEN: usize = 5_000;

/// Every granted host, and every other that the play says it acted on.
pub(super) fn of_play(granted: &[String], seen: &Seen, stopped: bool) -> Vec<HostResult> {
    let mut names: Vec<&str> = granted.iter().map(String::as_str).collect();
    let acted = seen.changed.iter().map(|(host, _)| host.as_str()).chain(seen.unreachable.keys().map(String::as_str));
    names.extend(seen.may_still_run.keys().map(String::as_str));
    names.extend(acted.chain(seen.stats.iter().flat_map(|stats| stats.keys().map(String::as_str))));
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(|host| of_host(host, seen, stopped)).collect()
}

/// What a run wrote on a host; nothing where it is not all that can be told.
fn of_run(host: &str, seen: &Seen) -> Vec<Written> {
    let written: Vec<Written> = seen.written.iter().filter(|(on, _)| on == host).map(|(_, written)| written.clone()).collect();
    if written.len() > NAMED_CHANGES || seen.written.len() > MOST_WRITTEN { Vec::new() } else { written }
}

fn of_host(host: &str, seen: &Seen, stopped: bool) -> HostResult {
    let named: Vec<&String> = seen.changed.iter().filter(|(of, _)| of == host).map(|(_, task)| task).collect();
    let stats = seen.stats.as_ref().and_then(|stats| stats.get(host)).copied();
    let failure = seen.failures.iter().rev().find(|failure| failure.host == host);
    let unreachable = seen.unreachable.get(host);
    let counted = stats.unwrap_or_default();
    let ended = match stats {
        _ if unreachable.is_some() || counted.unreachable > 0 => HostStatus::Unreachable,
        Some(HostStats { failures: 1.., .. }) => HostStatus::Failed,
        Some(_) if !stopped && !seen.unended.contains(host) => HostStatus::Completed,
        None if named.is_empty() && failure.is_none() && !seen.begun.contains(host) => HostStatus::NotBegun,
        Some(_) | None => HostStatus::Unfinished,
    };
    let words = match ended {
        HostStatus::Unreachable => unreachable.cloned(),
        HostStatus::Unfinished if seen.unended.contains(host) => {
            Some("the play was ended for all of its hosts, because others failed".to_owned())
        }
        HostStatus::Unfinished if seen.under_way.contains_key(host) => {
            seen.under_way.get(host).map(|task| format!("\"{task}\" was under way when the play ended, and may have changed something"))
        }
        HostStatus::Failed | HostStatus::Unfinished => failure.map(|failure| format!("\"{}\": {}", failure.task, failure.message.trim())),
        HostStatus::Completed | HostStatus::NotBegun => None,
    };
    let changed = named.len() as u64;
    HostResult {
        host: host.to_owned(),
        status: ended,
        ok: counted.ok.max(changed),
        changed: counted.changed.max(changed),
        skipped: counted.skipped,
        failed: counted.failures,
        rescued: counted.rescued,
        ignored: counted.ignored,
        made: seen.made.iter().filter(|(of, _)| of == host).map(|(_, task)| task).take(NAMED_CHANGES).cloned().collect(),
        may_still_run: seen.may_still_run.get(host).cloned().unwrap_or_default(),
        changes: named.into_iter().take(NAMED_CHANGES).cloned().collect(),
        written: of_run(host, seen),
        message: words.map(|words| cut::at_line(words, LONGEST_MESSAGE)),
    }
}

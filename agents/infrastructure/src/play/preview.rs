//! What a dry run found: changes, the same ones on several hosts told once, and what could not be previewed.
//!
//! Coverage is counted: whatever the dry run did not look into lowers it and is named, with why.

use std::collections::BTreeMap;

use chiffon_protocol::message::{Change, HostResult, HostStatus, Preview, Written};

use super::progress::Listed;

/// A preview as it grows.
#[derive(Debug, Default)]
pub(super) struct Previewing {
    shown: u32,
    hidden: u32,
    /// Whether the newest answer counts as shown.
    newest_is_shown: bool,
    /// Answers of each host.
    answers: BTreeMap<String, u32>,
    changes: Vec<Change>,
    not_previewed: Vec<String>,
}

impl Previewing {
    /// A task that would change a host.
    pub(super) fn change(&mut self, host: &str, name: &str, diff: &str, written: Vec<Written>) {
        self.unchanged(host);
        self.add(host, Change { written, ..change(name, diff) });
    }

    /// A task that would change a host by something of which no content is shown.
    pub(super) fn not_shown(&mut self, host: &str, name: &str, diff: &str, written: Vec<Written>, why: &str) {
        self.answered(host);
        self.add(host, Change { written, ..change(name, diff) });
        self.miss(1, format!("{name}: {why}"));
    }

    fn add(&mut self, host: &str, change: Change) {
        let what = |change: &Change| (change.name.clone(), change.done);
        let is_same = |other: &Change| what(other) == what(&change) && other.diff == change.diff && other.written == change.written;
        match self.changes.iter().position(is_same) {
            Some(same) => self.changes[same].hosts.push(host.to_owned()),
            None => self.changes.push(Change { hosts: vec![host.to_owned()], ..change }),
        }
    }

    /// The task of which a host has just told ran for real. What it changed is done, and none of it was previewed.
    pub(super) fn for_real(&mut self, host: &str, name: &str, changed: bool) {
        let last = self.changes.iter().rposition(|change| !change.done && change.name == name && change.hosts.iter().any(|on| on == host));
        if let Some(index) = last.filter(|_| changed) {
            let change = &mut self.changes[index];
            change.hosts.retain(|on| on != host);
            let (made, is_empty) = (Change { hosts: Vec::new(), done: true, ..change.clone() }, change.hosts.is_empty());
            if is_empty {
                self.changes.remove(index);
            }
            self.add(host, made);
        }
        let told = if changed { "changed something" } else { "says that it changed nothing" };
        self.take_back(format!("{name}: ran for real in the preview, and {told}"));
    }

    /// The answer of which a host has just told rests on the result of a task that was left out: nobody knows what it is worth.
    pub(super) fn hollow(&mut self, name: &str, variable: &str) {
        self.take_back(format!("{name}: depends on `{variable}`, which the preview does not have"));
    }

    /// The newest answer is no look into what the run will do.
    fn take_back(&mut self, what: String) {
        let moved = u32::from(std::mem::take(&mut self.newest_is_shown));
        self.shown -= moved;
        self.miss(moved, what);
    }

    /// A task that would change nothing.
    pub(super) fn unchanged(&mut self, host: &str) {
        self.answered(host);
        self.shown += 1;
        self.newest_is_shown = true;
    }

    /// A task that was skipped: in the run its condition may come out otherwise.
    pub(super) fn skipped(&mut self, host: &str, name: &str, why: &str) {
        self.answered(host);
        self.miss(1, if why.is_empty() { format!("{name}: skipped") } else { format!("{name}: skipped, {why}") });
    }

    /// A task that check mode can't look into.
    pub(super) fn unknown(&mut self, host: &str, name: &str) {
        self.answered(host);
        self.miss(1, name.to_owned());
    }

    /// A task that failed in the dry run, which went on.
    pub(super) fn failed(&mut self, host: &str, name: &str) {
        self.answered(host);
        self.miss(1, format!("{name}: failed in the preview"));
    }

    fn answered(&mut self, host: &str) {
        *self.answers.entry(host.to_owned()).or_default() += 1;
        self.newest_is_shown = false;
    }

    fn miss(&mut self, tasks: u32, what: String) {
        self.hidden += tasks;
        if !self.not_previewed.contains(&what) {
            self.not_previewed.push(what);
        }
    }

    /// The preview. `unstarted`: tasks of the playbook that never began, because their play has none of these hosts or was left before
    /// them. `without_hosts`: plays of which nothing ran at all.
    pub(super) fn finish(mut self, hosts: &[HostResult], unstarted: &[Listed], without_hosts: &[String]) -> Preview {
        for change in &mut self.changes {
            // Hosts answer in any order.
            change.hosts.sort_unstable();
        }
        // Nobody can know how many tasks a host would have had; the busiest one is the measure.
        let most = self.answers.values().copied().max().unwrap_or(0);
        for host in hosts {
            let why = match host.status {
                HostStatus::Completed => continue,
                HostStatus::Unreachable => "could not be reached",
                HostStatus::NotBegun => "is not in any play that was previewed",
                HostStatus::Failed | HostStatus::Unfinished => "was not previewed to its end",
            };
            let answers = self.answers.get(&host.host).copied().unwrap_or(0);
            let what = if answers == 0 { "every task" } else { "the rest" };
            self.miss(most.saturating_sub(answers).max(1), format!("{what} on {}, which {why}", host.host));
        }
        // Its tasks are counted below where the list has them; what it would include no list has.
        let listed_plays = usize::from(unstarted.iter().any(|listed| listed.hosts == 0));
        for (at, play) in without_hosts.iter().enumerate() {
            let tasks = u32::from(at >= listed_plays);
            self.miss(tasks, format!("the play \"{play}\": none of its hosts is among those that were granted"));
        }
        for listed in unstarted {
            let tasks = u32::try_from(listed.hosts.max(1)).unwrap_or(u32::MAX);
            self.miss(tasks, format!("{}: its play was not previewed, or ended before it", listed.name));
        }
        let tasks = self.shown.saturating_add(self.hidden);
        let coverage = if tasks == 0 { 1.0 } else { f64::from(self.shown) / f64::from(tasks) };
        Preview { coverage, tasks, changes: self.changes, not_previewed: self.not_previewed }
    }
}

fn change(name: &str, diff: &str) -> Change {
    Change { name: name.to_owned(), diff: diff.to_owned(), ..Change::default() }
}

#[cfg(test)]
mod tests {
    use super::super::progress::read_list;
    use super::*;
    use serde_json::json;

    #[test]
    fn what_ran_for_real_is_done_and_was_not_previewed() {
        let mut previewing = Previewing::default();
        for host in ["a", "b"] {
            previewing.change(host, "Write", "+x\n", Vec::new());
        }
        previewing.for_real("a", "Write", true);
        previewing.unchanged("a");
        previewing.for_real("a", "Look", false);
        previewing.unchanged("b");
        previewing.hollow("Configure", "version");
        previewing.failed("b", "Restart");
        previewing.for_real("b", "Restart", false);
        let preview = previewing.finish(&[], &[], &[]);
        let told: Vec<(&str, bool)> = preview.changes.iter().map(|change| (change.hosts[0].as_str(), change.done)).collect();
        assert_eq!(told, [("b", false), ("a", true)]);
        assert_eq!(preview.changes[1].diff, "+x\n");
        assert_eq!(
            preview.not_previewed,
            [
                "Write: ran for real in the preview, and changed something",
                "Look: ran for real in the preview, and says that it changed nothing",
                "Configure: depends on `version`, which the preview does not have",
                "Restart: failed in the preview",
                "Restart: ran for real in the preview, and says that it changed nothing",
            ]
        );
        assert!((preview.coverage - 1.0 / 5.0).abs() < 1e-9, "{}", preview.coverage);
    }

    #[test]
    fn the_same_change_on_several_hosts_is_told_once_and_what_was_not_looked_into_is_counted() {
        let mut previewing = Previewing::default();
        for host in ["a", "b"] {
            previewing.change(host, "Write", "+x\n", Vec::new());
            previewing.unknown(host, "Restart");
            previewing.skipped(host, "Reload", "`conf.changed` is false");
        }
        previewing.change("c", "Write", "+y\n", Vec::new());
        previewing.unchanged("c");
        let preview = previewing.finish(&[], &[], &[]);
        assert_eq!(preview.changes.len(), 2);
        assert_eq!(preview.changes[0].hosts, ["a", "b"]);
        assert_eq!(preview.not_previewed, ["Restart", "Reload: skipped, `conf.changed` is false"]);
        assert_eq!(preview.tasks, 8);
        assert!((preview.coverage - 4.0 / 8.0).abs() < 1e-9);
    }

    #[test]
    fn hosts_that_are_off_and_plays_that_did_not_begin_lower_the_coverage_and_are_named() {
        let mut previewing = Previewing::default();
        previewing.unchanged("a");
        previewing.unchanged("a");
        let host = |host: &str, status| HostResult { host: host.to_owned(), status, ..HostResult::default() };
        let hosts = [host("a", HostStatus::Completed), host("b", HostStatus::Unreachable)];
        let list = read_list(&json!({"tasks": [{"id": "1", "name": "Elsewhere", "hosts": 0}]})).expect("a list");
        let preview = previewing.finish(&hosts, &list, &["Second".to_owned()]);
        assert_eq!(
            preview.not_previewed,
            [
                "every task on b, which could not be reached",
                "the play \"Second\": none of its hosts is among those that were granted",
                "Elsewhere: its play was not previewed, or ended before it",
            ]
        );
        assert!((preview.coverage - 2.0 / 5.0).abs() < 1e-9, "{}", preview.coverage);
    }
}

//! How far a play is: results so far against what `--list-tasks --list-hosts` promised, corrected by what really happens.
//!
//! The list lacks included tasks, handlers, rescue and always blocks; hosts that failed do nothing more. It is asked for beside
//! the play, never before it, and remembered for the next run of the same action on the same hosts.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

/// A task of the list: its name, and on how many hosts its play runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    name: String,
    hosts: usize,
}

impl Listed {
    /// Its name, in which templates may stand.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// On how many hosts its play runs.
    pub(super) fn hosts(&self) -> usize {
        self.hosts
    }

    /// Whether it only steers the play, and says nothing of itself.
    fn is_meta(&self) -> bool {
        matches!(self.name.as_str(), "meta" | "ansible.builtin.meta" | "ansible.legacy.meta")
    }
}

/// An action's content and the hosts it was listed for.
type ListKey = (String, Vec<String>);

/// What was listed before.
#[derive(Debug, Default)]
pub(crate) struct ListCache {
    lists: Mutex<HashMap<ListKey, Vec<Listed>>>,
}

/// So many lists are remembered; then all are forgotten.
const REMEMBERED: usize = 1_000;

impl ListCache {
    pub(super) fn get(&self, sha256: &str, hosts: &[String]) -> Option<Vec<Listed>> {
        let lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        lists.get(&(sha256.to_owned(), hosts.to_vec())).cloned()
    }

    pub(super) fn put(&self, sha256: &str, hosts: &[String], list: Vec<Listed>) {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        if lists.len() >= REMEMBERED {
            lists.clear();
        }
        lists.insert((sha256.to_owned(), hosts.to_vec()), list);
    }
}

/// Reads the output of `--list-tasks --list-hosts`.
pub(super) fn read_list(text: &str) -> Vec<Listed> {
    let (mut listed, mut hosts, mut in_tasks) = (Vec::new(), 1, false);
    for line in text.lines() {
        let words = line.trim();
        if let Some(count) = words.strip_prefix("hosts (").and_then(|rest| rest.strip_suffix("):")) {
            hosts = count.parse().unwrap_or(1);
            in_tasks = false;
        } else if words == "tasks:" {
            in_tasks = true;
        } else if words.starts_with("play #") || words.is_empty() {
            in_tasks = false;
        } else if in_tasks && let Some((name, _)) = words.split_once("\tTAGS:") {
            listed.push(Listed { name: name.trim().to_owned(), hosts });
        }
    }
    listed
}

/// Counts a play.
#[derive(Debug, Default)]
pub(super) struct Counter {
    /// What was promised and has not started; nothing while the list is not there.
    open: Option<Vec<Listed>>,
    /// Names of tasks that started before the list was there.
    early: Vec<String>,
    done: usize,
    gone: BTreeSet<String>,
    /// Hosts of the current task that have not answered.
    waiting: usize,
    hosts: usize,
}

impl Counter {
    pub(super) fn new(hosts: usize) -> Self {
        Self { hosts: hosts.max(1), ..Self::default() }
    }

    /// The list has come.
    pub(super) fn promise(&mut self, list: Vec<Listed>) {
        self.open = Some(list);
        for name in std::mem::take(&mut self.early) {
            self.cross_out(&name);
        }
    }

    /// A task starts.
    pub(super) fn started(&mut self, name: &str) {
        self.waiting = self.alive();
        if self.open.is_some() { self.cross_out(name) } else { self.early.push(name.to_owned()) }
    }

    /// A host has answered to the current task.
    pub(super) fn answered(&mut self, host: &str, is_gone: bool) {
        self.done += 1;
        self.waiting = self.waiting.saturating_sub(1);
        if is_gone {
            self.gone.insert(host.to_owned());
        } else {
            // It was rescued.
            self.gone.remove(host);
        }
    }

    /// What was promised and has not started; nothing while the list is not there.
    pub(super) fn unstarted(&self) -> Vec<Listed> {
        self.open.iter().flatten().filter(|listed| !listed.is_meta()).cloned().collect()
    }

    fn alive(&self) -> usize {
        self.hosts.saturating_sub(self.gone.len())
    }

    /// Takes a task off the list. One that is not on it was included or is a handler, and takes nothing off; one whose
    /// name is a template on the list has another name when it runs.
    fn cross_out(&mut self, name: &str) {
        let Some(open) = &mut self.open else { return };
        let at = open.iter().position(|listed| listed.name == name).or_else(|| open.iter().position(|listed| could_be(&listed.name, name)));
        if let Some(at) = at {
            open.remove(at);
        }
    }

    /// Percent, at most 99; nothing while the list is not there.
    pub(super) fn percent(&self) -> Option<u8> {
        let alive = self.alive();
        let left: usize = self.open.as_ref()?.iter().map(|listed| listed.hosts.min(alive)).sum::<usize>() + self.waiting;
        let percent = self.done * 100 / (self.done + left).max(1);
        Some(u8::try_from(percent.min(99)).unwrap_or(99))
    }
}

/// Whether a task's name on the list, with its templates, may have become this one. One without a name is listed as its module, and
/// runs under its role's name, or its module's, too.
fn could_be(listed: &str, name: &str) -> bool {
    if name.split_once(" : ").is_some_and(|(before, after)| before == listed || after == listed) {
        return true;
    }
    let between = listed.split_once("{{").and_then(|(before, rest)| Some((before, rest.rsplit_once("}}")?.1)));
    between.is_some_and(|(before, after)| name.starts_with(before) && name.ends_with(after))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "\nplaybook: site.yml\n\n  play #1 (all): Play one\tTAGS: []\n    pattern: ['all']\n    hosts (2):\n      a\n      b\n    tasks:\n      write conf\tTAGS: []\n      web : start {{ it }}\tTAGS: [x]\n\n  play #2 (a): Play two\tTAGS: []\n    pattern: ['a']\n    hosts (1):\n      a\n    tasks:\n      last\tTAGS: []\n";

    #[test]
    fn the_list_is_read_with_the_hosts_of_each_play() {
        let list = read_list(LIST);
        let names: Vec<(&str, usize)> = list.iter().map(|listed| (listed.name.as_str(), listed.hosts)).collect();
        assert_eq!(names, [("write conf", 2), ("web : start {{ it }}", 2), ("last", 1)]);
    }

    #[test]
    fn included_tasks_count_failed_hosts_do_not_and_a_late_list_catches_up() {
        let mut counter = Counter::new(2);
        counter.started("write conf");
        counter.answered("a", false);
        assert_eq!(counter.percent(), None);
        counter.promise(read_list(LIST));
        assert_eq!(counter.percent(), Some(20), "one of five");
        counter.answered("b", true);
        assert_eq!(counter.percent(), Some(50), "b does nothing more: two of four");
        counter.started("included");
        counter.answered("a", false);
        assert_eq!(counter.percent(), Some(60), "three of five");
        counter.started("web : start nginx");
        counter.answered("a", false);
        counter.started("last");
        counter.answered("a", false);
        assert_eq!(counter.percent(), Some(99), "all but the statistics");
        assert_eq!(counter.unstarted(), []);
    }

    #[test]
    fn what_never_started_is_known_and_tasks_without_a_name_are_found_under_their_roles() {
        let tasks = ["ansible.builtin.copy", "ansible.builtin.include_role", "ansible.builtin.meta", "Elsewhere"];
        let list = tasks.map(|name| format!("      {name}\tTAGS: []\n")).concat();
        let mut counter = Counter::new(1);
        counter.promise(read_list(&format!("    hosts (0):\n    tasks:\n{list}")));
        for name in ["web : ansible.builtin.copy", "ansible.builtin.include_role : db"] {
            counter.started(name);
        }
        assert_eq!(counter.unstarted().iter().map(Listed::name).collect::<Vec<_>>(), ["Elsewhere"]);
    }
}

//! How far a play is: results so far against what a callback of ours says of the playbook's tasks before the first begins, corrected by
//! what really happens.
//!
//! The list lacks included tasks, handlers, rescue and always blocks; hosts that failed do nothing more.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

const CALLBACK: &str = include_str!("chiffon_tasks.py");

/// Puts the callback that lists the tasks into the scratch folder, beside the others.
pub(super) fn prepare(scratch: &Path) -> io::Result<()> {
    let folder = scratch.join("callback");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("chiffon_tasks.py"), CALLBACK)
}

/// A task of the playbook.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Listed {
    /// Ansible's own, by which a task is known when it starts.
    id: String,
    /// Its name, in which templates may stand.
    pub(super) name: String,
    /// On how many hosts its play runs.
    pub(super) hosts: usize,
}

/// Reads the callback's event.
pub(super) fn read_list(event: &Value) -> Option<Vec<Listed>> {
    Vec::deserialize(event.get("tasks")?).ok()
}

/// Counts a play.
#[derive(Debug, Default)]
pub(super) struct Counter {
    /// What was promised and has not started; nothing while the list is not there.
    open: Option<Vec<Listed>>,
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
    }

    /// A task starts. One that is not on the list was included or is a handler, and takes nothing off.
    pub(super) fn started(&mut self, id: &str) {
        self.waiting = self.alive();
        let Some(open) = &mut self.open else { return };
        if let Some(at) = open.iter().position(|listed| listed.id == id) {
            open.remove(at);
        }
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

    /// What was promised and has not started; nothing where there was no list.
    pub(super) fn unstarted(&self) -> Vec<Listed> {
        self.open.clone().unwrap_or_default()
    }

    fn alive(&self) -> usize {
        self.hosts.saturating_sub(self.gone.len())
    }

    /// Percent, at most 99; nothing while the list is not there.
    pub(super) fn percent(&self) -> Option<u8> {
        let alive = self.alive();
        let left: usize = self.open.as_ref()?.iter().map(|listed| listed.hosts.min(alive)).sum::<usize>() + self.waiting;
        let percent = self.done * 100 / (self.done + left).max(1);
        Some(u8::try_from(percent.min(99)).unwrap_or(99))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn list() -> Vec<Listed> {
        let tasks = [("1", "write conf", 2), ("2", "web : start {{ it }}", 2), ("3", "last", 1)];
        let tasks = tasks.map(|(id, name, hosts)| json!({"id": id, "name": name, "hosts": hosts}));
        read_list(&json!({"_event": "chiffon_tasks", "tasks": tasks})).expect("a list")
    }

    #[test]
    fn included_tasks_count_and_failed_hosts_do_not() {
        let mut counter = Counter::new(2);
        assert_eq!(counter.percent(), None);
        counter.promise(list());
        counter.started("1");
        counter.answered("a", false);
        assert_eq!(counter.percent(), Some(20), "one of five");
        counter.answered("b", true);
        assert_eq!(counter.percent(), Some(50), "b does nothing more: two of four");
        counter.started("included");
        counter.answered("a", false);
        assert_eq!(counter.percent(), Some(60), "three of five");
        counter.started("2");
        counter.answered("a", false);
        assert_eq!(counter.unstarted().iter().map(|listed| listed.name.as_str()).collect::<Vec<_>>(), ["last"]);
        counter.started("3");
        counter.answered("a", false);
        assert_eq!(counter.percent(), Some(99), "all but the statistics");
        assert_eq!(counter.unstarted(), []);
    }

    #[test]
    fn a_list_that_cannot_be_read_is_none() {
        assert_eq!(read_list(&json!({"tasks": [{"id": 1}]})), None);
        assert_eq!(read_list(&json!({})), None);
    }
}

//! What really ran, as the hosts tell it: the lines that the plays have left.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::actions::{HOSTS, root};

/// Attempts, each `TASK.NUMBER`, by what their lines say.
#[derive(Debug, Default)]
pub struct Runs {
    /// How often each began.
    pub began: BTreeMap<String, u32>,
    /// Those that came to their end.
    pub ended: BTreeSet<String>,
    /// Those that found another at work on their host.
    pub overlapped: BTreeSet<String>,
    /// Lines that can't be read.
    pub unreadable: Vec<String>,
}

impl Runs {
    /// Reads all hosts.
    pub fn read(folder: &Path) -> Self {
        let mut runs = Self::default();
        for host in HOSTS {
            let text = std::fs::read_to_string(root(folder, host).join("runs")).unwrap_or_default();
            for line in text.lines() {
                runs.add(line);
            }
        }
        runs
    }

    /// `began AGENT/TASK.NUMBER`
    fn add(&mut self, line: &str) {
        let attempt = line.rsplit_once('/').map(|(_, attempt)| attempt.to_owned());
        match (line.split(' ').next(), attempt) {
            (Some("began"), Some(attempt)) => *self.began.entry(attempt).or_default() += 1,
            (Some("ended"), Some(attempt)) => drop(self.ended.insert(attempt)),
            (Some("overlapped"), Some(attempt)) => drop(self.overlapped.insert(attempt)),
            _ => self.unreadable.push(line.to_owned()),
        }
    }

    /// How many attempts of each task began.
    pub fn attempts_by_task(&self) -> BTreeMap<&str, u32> {
        let mut tasks = BTreeMap::new();
        for attempt in self.began.keys() {
            let task = attempt.rsplit_once('.').map_or(attempt.as_str(), |(task, _)| task);
            *tasks.entry(task).or_default() += 1;
        }
        tasks
    }
}

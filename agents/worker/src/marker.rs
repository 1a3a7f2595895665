//! What identifies a running execution from outside: an environment variable that every process of it inherits,
//! written before exec (RELIABILITY 11). Found by walking `/proc`; descendants count too, whatever they did to their
//! environment, and whoever is in the run's control group where there is one.

use std::collections::BTreeSet;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use uuid::Uuid;

use super::cgroup::Group;

/// The variable's name.
pub const VARIABLE: &str = "CHIFFON_ATTEMPT";
/// The name of the one that brings the marker to other machines, whose processes inherit nothing from this one's.
pub const ON_HOSTS: &str = "CHIFFON_RUN";

/// How long a process may take to leave after TERM.
const AFTER_TERM: Duration = Duration::from_secs(5);
/// How long the kernel may take to remove what was killed.
const AFTER_KILL: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The marker of one attempt on one agent.
pub fn of(agent_id: &str, task_id: Uuid, attempt: u32) -> String {
    format!("{agent_id}/{task_id}.{attempt}")
}

/// A living process; its start tells it from a later one with the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Process {
    pid: i32,
    started: u64,
    parent: i32,
}

/// The processes that carry this marker, and their descendants. Never this process itself.
pub fn find(marker: &str) -> BTreeSet<i32> {
    Hunt::of(marker).marked(&processes()).into_iter().map(|process| process.pid).collect()
}

/// The living processes that carry this variable with this value in their environment.
pub(crate) fn carriers(variable: &str, value: &str) -> BTreeSet<i32> {
    let wanted = format!("{variable}={value}");
    processes().into_iter().map(|process| process.pid).filter(|&pid| carries(pid, wanted.as_bytes())).collect()
}

/// The living processes below this one.
pub fn descendants(pid: i32) -> BTreeSet<i32> {
    let processes = processes();
    let root = processes.iter().filter(|process| process.pid == pid).copied().collect();
    let mut found: BTreeSet<i32> = with_descendants(root, &processes).into_iter().map(|process| process.pid).collect();
    found.remove(&pid);
    found
}

fn with_descendants(mut found: BTreeSet<Process>, processes: &[Process]) -> BTreeSet<Process> {
    loop {
        let pids: BTreeSet<i32> = found.iter().map(|process| process.pid).collect();
        let before = found.len();
        found.extend(processes.iter().filter(|process| pids.contains(&process.parent)));
        if found.len() == before {
            return found;
        }
    }
}

/// Asks them to leave, then makes them, and waits until they are gone. How many there were.
pub async fn stop_all(marker: &str) -> usize {
    let mut hunt = Hunt::of(marker);
    if !hunt.alive().is_empty() {
        signal(&hunt.known, Signal::SIGTERM);
        if !hunt.gone_within(AFTER_TERM).await {
            hunt.kill().await;
        }
    }
    if let Some(group) = &hunt.group {
        group.remove().await;
    }
    hunt.known.len()
}

/// Looking for the processes of one run until they are gone.
struct Hunt<'a> {
    marker: &'a str,
    group: Option<Group>,
    /// All that were seen. One whose parent has gone is no descendant any more, so all are remembered.
    known: BTreeSet<Process>,
}

impl<'a> Hunt<'a> {
    fn of(marker: &'a str) -> Self {
        Self { marker, group: Group::find(marker), known: BTreeSet::new() }
    }

    /// Who carries the marker or is in the group, with all descendants.
    fn marked(&self, processes: &[Process]) -> BTreeSet<Process> {
        let wanted = format!("{VARIABLE}={}", self.marker);
        let own = i32::try_from(std::process::id()).unwrap_or(0);
        let members = self.group.as_ref().map(Group::members).unwrap_or_default();
        let is_one = |process: &&Process| members.contains(&process.pid) || carries(process.pid, wanted.as_bytes());
        let found = processes.iter().filter(|process| process.pid != own).filter(is_one);
        with_descendants(found.copied().collect(), processes)
    }

    /// Which of them live, with those that came since.
    fn alive(&mut self) -> BTreeSet<Process> {
        let processes = processes();
        let is_known = |process: &Process| self.known.iter().any(|known| known.pid == process.pid && known.started == process.started);
        let mut living: BTreeSet<Process> = processes.iter().filter(|process| is_known(process)).copied().collect();
        living.extend(self.marked(&processes));
        let new: Vec<Process> = living.iter().filter(|process| !is_known(process)).copied().collect();
        self.known.extend(new);
        living
    }

    async fn gone_within(&mut self, limit: Duration) -> bool {
        let deadline = tokio::time::Instant::now() + limit;
        loop {
            if self.alive().is_empty() {
                return true;
            }
            if tokio::time::Instant::now() >= deadline {
                return false;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Again and again: a process that is killed may have started another in between.
    async fn kill(&mut self) {
        let deadline = tokio::time::Instant::now() + AFTER_KILL;
        while tokio::time::Instant::now() < deadline {
            if let Some(group) = &self.group {
                group.kill();
            }
            signal(&self.alive(), Signal::SIGKILL);
            if self.gone_within(LOOK_AGAIN * 4).await {
                return;
            }
        }
        let left = self.alive();
        if !left.is_empty() {
            tracing::error!(marker = self.marker, processes = ?left, "these processes can't be killed (they wait in the kernel)");
        }
    }
}

fn signal(processes: &BTreeSet<Process>, signal: Signal) {
    for process in processes {
        // One that has gone by itself is what we want.
        let _ = kill(Pid::from_raw(process.pid), signal);
    }
}

fn carries(pid: i32, wanted: &[u8]) -> bool {
    std::fs::read(format!("/proc/{pid}/environ"))
        .is_ok_and(|environment| environment.split(|&byte| byte == 0).any(|variable| variable == wanted))
}

/// Every living process; zombies are gone but for their name.
fn processes() -> Vec<Process> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter_map(|pid| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // proc_pid_stat(5): the name (2) stands in parentheses and may hold anything; state (3), parent (4), start (22).
        let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
        let process = Process { pid, parent: fields.get(1)?.parse().ok()?, started: fields.get(19)?.parse().ok()? };
        (!matches!(fields[0], "Z" | "X")).then_some(process)
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    fn sleeper(marker: &str, script: &str) -> std::process::Child {
        Command::new("sh").args(["-c", script]).env(VARIABLE, marker).stdout(Stdio::null()).spawn().expect("sh starts")
    }

    #[tokio::test]
    async fn only_what_carries_the_marker_is_stopped_and_its_children_with_it() {
        let marker = format!("marker-test/{}", std::process::id());
        let mut first = sleeper(&marker, "env -i sleep 300 & wait");
        let mut other = sleeper(&format!("{marker}0"), "exec sleep 300");
        while find(&marker).len() < 2 {
            tokio::task::yield_now().await;
        }
        assert_eq!(stop_all(&marker).await, 2);
        first.wait().expect("it has ended");
        assert!(other.try_wait().expect("can be asked").is_none(), "another marker's process was stopped");
        other.kill().expect("can be killed");
        other.wait().expect("it has ended");
    }

    #[tokio::test]
    async fn what_ignores_term_is_killed() {
        let marker = format!("marker-stubborn/{}", std::process::id());
        let mut stubborn = sleeper(&marker, "trap '' TERM; while :; do sleep 0.2; done");
        while find(&marker).is_empty() {
            tokio::task::yield_now().await;
        }
        assert!(stop_all(&marker).await >= 1);
        assert!(find(&marker).is_empty());
        stubborn.wait().expect("it has ended");
    }
}

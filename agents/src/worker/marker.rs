//! What identifies a running execution from outside: an environment variable that every process of it inherits,
//! written before exec (RELIABILITY 11). Found by walking `/proc`; descendants count too, whatever they did to their environment.

use std::collections::BTreeSet;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use uuid::Uuid;

/// The variable's name.
pub const VARIABLE: &str = "CHIFFON_ATTEMPT";

/// How long a process may take to leave after TERM.
const AFTER_TERM: Duration = Duration::from_secs(5);
/// How long the kernel may take to remove what was killed.
const AFTER_KILL: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The marker of one attempt on one agent.
pub fn of(agent_id: &str, task_id: Uuid, attempt: u32) -> String {
    format!("{agent_id}/{task_id}.{attempt}")
}

/// The processes that carry this marker, and their descendants. Never this process itself.
pub fn find(marker: &str) -> BTreeSet<i32> {
    let wanted = format!("{VARIABLE}={marker}");
    let own = i32::try_from(std::process::id()).unwrap_or(0);
    let processes = processes();
    let carriers = processes.iter().map(|&(pid, _)| pid).filter(|&pid| pid != own && carries(pid, wanted.as_bytes()));
    with_descendants(carriers.collect(), &processes)
}

/// The living processes below this one.
pub fn descendants(pid: i32) -> BTreeSet<i32> {
    let mut found = with_descendants(BTreeSet::from([pid]), &processes());
    found.remove(&pid);
    found
}

fn with_descendants(mut found: BTreeSet<i32>, processes: &[(i32, i32)]) -> BTreeSet<i32> {
    loop {
        let children: Vec<i32> = processes
            .iter()
            .filter(|(pid, parent)| found.contains(parent) && !found.contains(pid))
            .map(|&(pid, _)| pid)
            .collect();
        if children.is_empty() {
            return found;
        }
        found.extend(children);
    }
}

/// Asks them to leave, then makes them, and waits until they are gone. How many there were.
pub async fn stop_all(marker: &str) -> usize {
    let first = find(marker);
    signal(&first, Signal::SIGTERM);
    if !first.is_empty() && !gone_within(marker, AFTER_TERM).await {
        let deadline = tokio::time::Instant::now() + AFTER_KILL;
        // Again and again: a process that is killed may have started another in between.
        while tokio::time::Instant::now() < deadline {
            signal(&find(marker), Signal::SIGKILL);
            if gone_within(marker, LOOK_AGAIN * 4).await {
                break;
            }
        }
        let left = find(marker);
        if !left.is_empty() {
            tracing::error!(marker, pids = ?left, "these processes can't be killed (they wait in the kernel)");
        }
    }
    first.len()
}

async fn gone_within(marker: &str, limit: Duration) -> bool {
    let deadline = tokio::time::Instant::now() + limit;
    loop {
        if find(marker).is_empty() {
            return true;
        }
        if tokio::time::Instant::now() >= deadline {
            return false;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

fn signal(pids: &BTreeSet<i32>, signal: Signal) {
    for &pid in pids {
        // One that has gone by itself is what we want.
        let _ = kill(Pid::from_raw(pid), signal);
    }
}

fn carries(pid: i32, wanted: &[u8]) -> bool {
    std::fs::read(format!("/proc/{pid}/environ"))
        .is_ok_and(|environment| environment.split(|&byte| byte == 0).any(|variable| variable == wanted))
}

/// Every living process with its parent; zombies are gone but for their name.
fn processes() -> Vec<(i32, i32)> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter_map(|pid| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            // The name stands in parentheses and may hold anything.
            let mut fields = stat.rsplit_once(") ")?.1.split(' ');
            let state = fields.next()?;
            let parent = fields.next()?.parse().ok()?;
            (!matches!(state, "Z" | "X")).then_some((pid, parent))
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
        let mut marked = sleeper(&marker, "env -i sleep 300 & wait");
        let mut other = sleeper(&format!("{marker}0"), "sleep 300");
        while find(&marker).len() < 2 {
            tokio::task::yield_now().await;
        }
        assert_eq!(stop_all(&marker).await, 2);
        marked.wait().expect("it has ended");
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

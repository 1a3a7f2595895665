//! Server processes: started in a session of their own, found again, stopped with all their children.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Sends a signal to a process and everything that descends from it.
pub fn signal_tree(root: i32, signal: Signal) {
    let mut pids = descendants(root);
    pids.insert(0, root);
    for pid in pids {
        kill(Pid::from_raw(pid), signal).ok();
    }
}

/// Whether the process is there (a zombie is not).
pub fn is_alive(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !state_of(&stat).is_some_and(|state| state == 'Z' || state == 'X'))
}

/// Waits until the process is gone; `false` when it is still there.
pub fn wait_gone(pid: i32, within: Duration) -> bool {
    let deadline = Instant::now() + within;
    while is_alive(pid) {
        if Instant::now() > deadline {
            return false;
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    true
}

/// Whether the process's command line contains this.
pub fn mentions(pid: i32, needle: &str) -> bool {
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(needle))
}

/// Processes whose command line mentions a folder.
pub fn mentioning(folder: &Path) -> Vec<i32> {
    let needle = folder.to_string_lossy().into_owned();
    let own = i32::try_from(std::process::id()).unwrap_or(0);
    pids().into_iter().filter(|pid| *pid != own && mentions(*pid, &needle)).collect()
}

fn descendants(root: i32) -> Vec<i32> {
    let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    for pid in pids() {
        if let Some(parent) = fs::read_to_string(format!("/proc/{pid}/stat")).ok().and_then(|stat| parent_of(&stat)) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = Vec::new();
    let mut open = vec![root];
    while let Some(pid) = open.pop() {
        let next = children.remove(&pid).unwrap_or_default();
        found.extend(&next);
        open.extend(next);
    }
    found
}

fn pids() -> Vec<i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// The fields after the program's name, which may hold spaces and parentheses.
fn fields(stat: &str) -> impl Iterator<Item = &str> {
    stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace()
}

fn state_of(stat: &str) -> Option<char> {
    fields(stat).next()?.chars().next()
}

fn parent_of(stat: &str) -> Option<i32> {
    fields(stat).nth(1)?.parse().ok()
}

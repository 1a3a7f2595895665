//! What processes cost, from `/proc` (proc(5)). Whoever has gone costs nothing any more.

use std::fs;
use std::path::Path;

/// The kernel's unit of time in `/proc/<pid>/stat`: USER_HZ, 100 on every Linux that Rust's standard library runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// The process id in the first line of a file.
pub fn pid_in(file: &Path) -> Option<u32> {
    fs::read_to_string(file).ok()?.lines().next()?.trim().parse().ok()
}

/// Resident memory in MiB.
pub fn resident(pid: u32) -> Option<f64> {
    field(&format!("/proc/{pid}/status"), "VmRSS:")
}

/// Memory in MiB, with what it shares divided by those who share it.
pub fn proportional(pid: u32) -> Option<f64> {
    field(&format!("/proc/{pid}/smaps_rollup"), "Pss:")
}

/// The process and those below it.
pub fn family(pid: u32) -> Vec<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let below = text.split_whitespace().filter_map(|child| child.parse().ok()).flat_map(family);
    std::iter::once(pid).chain(below).collect()
}

/// Seconds of processor time that a process, those below it, and those of its children that have ended, have used so far.
pub fn cpu_seconds(pid: u32) -> f64 {
    family(pid).into_iter().filter_map(own_cpu_seconds).sum()
}

fn own_cpu_seconds(pid: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name (2) stands in parentheses and may hold anything; utime (14), stime (15), cutime (16), cstime (17).
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let ticks: f64 = fields.get(11..15)?.iter().filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
    Some(ticks / TICKS_PER_SECOND)
}

fn field(file: &str, name: &str) -> Option<f64> {
    let text = fs::read_to_string(file).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: f64 = value.split_whitespace().next()?.parse().ok()?;
    Some(kib / 1024.0)
}

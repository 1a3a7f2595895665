//! The processes of a node, found by the marker in their environment, whatever became of their parents.
//!
//! Only what carries the marker, and the children of those, is ever signalled.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The variable that marks every process of a node with the node's folder.
pub(crate) const MARKER: &str = "CHIFFON_NODE";
/// The variable that marks the guard of a node.
pub(crate) const GUARD_MARKER: &str = "CHIFFON_GUARD";
/// The variable of a guard that names the process it was posted by.
pub(crate) const OWNER: &str = "CHIFFON_GUARD_OWNER";
/// How long a stopped process is waited for until it stands still.
const STILL_WITHIN: Duration = Duration::from_secs(5);

/// Living processes whose environment has `variable=dir`.
pub(crate) fn marked(variable: &str, dir: &Path) -> Vec<Pid> {
    let mut wanted = format!("{variable}=").into_bytes();
    wanted.extend_from_slice(dir.as_os_str().as_encoded_bytes());
    let has_it = |pid: &Pid| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|entry| entry == wanted)
    };
    all().into_iter().filter(has_it).filter(|pid| is_alive(*pid)).collect()
}

/// These processes and all that descend from them.
pub(crate) fn with_descendants(roots: Vec<Pid>) -> Vec<Pid> {
    let parents: Vec<(Pid, Pid)> = all().into_iter().filter_map(|pid| Some((pid, status(pid)?.parent))).collect();
    let mut seen: HashSet<Pid> = roots.iter().copied().collect();
    let mut found = roots;
    let mut next = 0;
    while next < found.len() {
        let children = parents.iter().filter(|(_, parent)| *parent == found[next]).map(|(pid, _)| *pid);
        let new: Vec<Pid> = children.filter(|pid| seen.insert(*pid)).collect();
        found.extend(new);
        next += 1;
    }
    found
}

/// Sends a signal to each; one that has gone meanwhile is no error.
///
/// After a `SIGSTOP` this returns only when every thread of each stands still: the kernel stops them one by one, and on a busy machine
/// another processor may run one for some milliseconds more, long enough for an answer to leave.
pub fn signal(pids: &[Pid], signal: Signal) {
    for pid in pids {
        kill(*pid, signal).ok();
    }
    if signal == Signal::SIGSTOP {
        let deadline = Instant::now() + STILL_WITHIN;
        while !pids.iter().all(|pid| is_still(*pid)) && Instant::now() < deadline {
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }
}

/// Whether no thread of a process runs, or the process has ended.
fn is_still(pid: Pid) -> bool {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    threads.filter_map(|thread| status_in(&thread.path().join("stat"))).all(|status| matches!(status.state, 'T' | 't' | 'Z' | 'X'))
}

/// Whether a process runs. One that has ended and was not waited for doesn't.
pub(crate) fn is_alive(pid: Pid) -> bool {
    status(pid).is_some_and(|status| status.state != 'Z' && status.state != 'X')
}

/// Whether the process that started this guard has gone, so that another has adopted it.
pub(crate) fn is_orphan(guard: Pid) -> bool {
    let environment = fs::read(format!("/proc/{guard}/environ")).unwrap_or_default();
    let mut entries = environment.split(|byte| *byte == 0).filter_map(|entry| std::str::from_utf8(entry).ok());
    let owner = entries.find_map(|entry| entry.strip_prefix(OWNER)?.strip_prefix('=')?.parse().ok());
    match (owner, status(guard)) {
        (Some(owner), Some(status)) => status.parent != Pid::from_raw(owner),
        _ => true,
    }
}

/// Waits until none of them runs. `false` when the time is over first.
pub(crate) async fn gone(pids: &[Pid], within: Duration) -> bool {
    let deadline = Instant::now() + within;
    while pids.iter().any(|pid| is_alive(*pid)) {
        if Instant::now() > deadline {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    true
}

struct Status {
    state: char,
    parent: Pid,
}

/// proc(5): `pid (name) state ppid ...`; the name may hold anything, so the fields begin behind the last bracket.
fn status(pid: Pid) -> Option<Status> {
    status_in(Path::new(&format!("/proc/{pid}/stat")))
}

fn status_in(file: &Path) -> Option<Status> {
    let text = fs::read_to_string(file).ok()?;
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?.chars().next()?;
    let parent = Pid::from_raw(fields.next()?.parse().ok()?);
    Some(Status { state, parent })
}

fn all() -> Vec<Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).map(Pid::from_raw).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[tokio::test]
    async fn marked_processes_and_their_children_are_found_and_signalled() {
        let dir = Path::new("/no/such/node, but a marker");
        let mut parent = Command::new("sh")
            .args(["-c", "env -u CHIFFON_NODE sleep 300 & wait"])
            .env(MARKER, dir)
            .stdin(Stdio::null())
            .spawn()
            .expect("a shell");
        let deadline = Instant::now() + Duration::from_secs(20);
        let found = loop {
            let found = with_descendants(marked(MARKER, dir));
            if found.len() == 2 || Instant::now() > deadline {
                break found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        assert_eq!(found.len(), 2, "the shell and its child: {found:?}");
        assert_eq!(found[0].as_raw().unsigned_abs(), parent.id());
        signal(&found, Signal::SIGSTOP);
        assert!(found.iter().all(|pid| is_still(*pid)), "both stand still");
        signal(&found, Signal::SIGCONT);
        signal(&found, Signal::SIGKILL);
        assert!(gone(&found, Duration::from_secs(20)).await);
        parent.wait().expect("reaped");
        assert!(marked(MARKER, dir).is_empty());
    }
}

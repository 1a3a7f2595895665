//! The guard of a node: a small shell beside it that holds one end of a pipe and stops the node when the pipe closes.
//!
//! The pipe closes when the owner drops the guard, panics, exits or is killed with `kill -9`: one way to stop for all of them.
//! It needs no polling, no signal at the right time and no privileges.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::NodeError;
use crate::tree::{self, GUARD_MARKER, MARKER, OWNER};

/// How long an owner that was killed may be on its way out.
const DIES_WITHIN: Duration = Duration::from_secs(2);

const SCRIPT: &str = include_str!("guard.sh");

/// How a node is stopped.
#[derive(Debug, Clone)]
pub(crate) struct Orders {
    /// The node's folder, as its processes are marked with it.
    pub(crate) dir: PathBuf,
    /// The file whose first line is the pid of the main process.
    pub(crate) pid_file: PathBuf,
    /// What asks the main process to end.
    pub(crate) signal: Signal,
    /// How long it may take before it is killed.
    pub(crate) grace_seconds: u32,
    /// What is removed once nothing runs.
    pub(crate) remove: Vec<PathBuf>,
}

/// A posted guard. Dropping it stops the node and returns when nothing of it runs.
#[derive(Debug)]
pub(crate) struct Guard {
    shell: Child,
    lifeline: Option<ChildStdin>,
    dir: PathBuf,
}

impl Guard {
    /// Posts a guard; before the node starts, so that there is no moment without one.
    pub(crate) fn post(orders: &Orders) -> Result<Self, NodeError> {
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT, "chiffon-guard"])
            .arg(&orders.dir)
            .arg(&orders.pid_file)
            .arg(orders.signal.as_str().trim_start_matches("SIG"))
            .arg(orders.grace_seconds.to_string())
            .args(&orders.remove)
            .env_clear()
            .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
            .env(GUARD_MARKER, &orders.dir)
            .env(OWNER, std::process::id().to_string())
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Its own group: Ctrl-C on the terminal is for the owner.
            .process_group(0)
            .spawn()
            .map_err(NodeError::folder(Path::new("/bin/sh")))?;
        let lifeline = shell.stdin.take();
        Ok(Self { shell, lifeline, dir: orders.dir.clone() })
    }

    /// Stops what a killed predecessor has left running in the folder; an error when its owner lives.
    pub(crate) async fn clear(orders: &Orders) -> Result<(), NodeError> {
        // The predecessor's own guard may still be at it. It must be gone before anything is made anew,
        // because its last act is to remove things.
        let deadline = Instant::now() + Duration::from_secs(u64::from(orders.grace_seconds) + 15);
        // An owner that was killed a moment ago may still be on its way out.
        let dies_until = Instant::now() + DIES_WITHIN;
        let mut guards = tree::marked(GUARD_MARKER, &orders.dir);
        while !guards.is_empty() {
            let now = Instant::now();
            let is_owned = !guards.iter().all(|pid| tree::is_orphan(*pid));
            if is_owned && now > dies_until || !tree::gone(&guards, Duration::from_millis(100)).await && now > deadline {
                return Err(NodeError::InUse { dir: orders.dir.clone() });
            }
            guards = tree::marked(GUARD_MARKER, &orders.dir);
        }
        if !tree::marked(MARKER, &orders.dir).is_empty() {
            Self::post(orders)?.release().await;
        }
        Ok(())
    }

    /// [`Drop`], without holding up the runtime.
    pub(crate) async fn release(self) {
        tokio::task::spawn_blocking(move || drop(self)).await.ok();
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        self.shell.wait().ok();
        // Only if somebody has killed the guard itself.
        let left = tree::with_descendants(tree::marked(MARKER, &self.dir));
        tree::signal(&left, Signal::SIGKILL);
    }
}

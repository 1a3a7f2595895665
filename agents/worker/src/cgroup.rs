//! A control group of its own for each run, where the machine has cgroup v2 and lets this user make groups (RELIABILITY 11).
//!
//! A process can clean its environment, leave its session and outlive its parent; it can not leave its control group
//! without being allowed to. Where there are none, [`super::marker`] is all there is. Nothing is limited here.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The variable that tells [`ENTER`] where to go; it is gone again when the program runs.
pub const VARIABLE: &str = "CHIFFON_CGROUP";

/// For `sh -c`, with a program and its arguments behind it: goes into the group and becomes the program. Whoever writes a 0
/// means itself (cgroups(7)), so no other process is ever in between. A group that went away must not keep the run from
/// running: the marker finds it as well.
pub const ENTER: &str = r#"{ echo 0 >"$CHIFFON_CGROUP/cgroup.procs"; } 2>/dev/null; unset CHIFFON_CGROUP; exec "$0" "$@""#;

/// How deep below the mount a predecessor's group is looked for: it may have run as another service.
const DEEPEST: usize = 8;
/// How often a group is tried to be taken away, and how long between two tries.
const REMOVALS: usize = 50;
const REMOVE_AGAIN: Duration = Duration::from_millis(10);

/// The group of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group(PathBuf);

impl Group {
    /// Makes the group of the run that carries this marker, beside this process's own; `None` where that can't be done.
    pub fn make(marker: &str) -> Option<Self> {
        let folder = own()?.join(name(marker));
        match std::fs::create_dir(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                tracing::debug!(folder = %folder.display(), %error, "no control group can be made; the marker alone tells a run's processes");
                None
            }
            // The kernel puts its files into each folder there; anything else is no control group.
            _ => folder.join("cgroup.procs").exists().then_some(Self(folder)),
        }
    }

    /// The group that this process made for the run with this marker.
    pub fn find_own(marker: &str) -> Option<Self> {
        own().map(|own| own.join(name(marker))).filter(|folder| folder.exists()).map(Self)
    }

    /// The group that this process or a predecessor made for the run with this marker.
    pub fn find(marker: &str) -> Option<Self> {
        Self::find_own(marker).or_else(|| search(&mount()?, &name(marker), DEEPEST).map(Self))
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// Who is in it.
    pub fn members(&self) -> Vec<i32> {
        let listed = std::fs::read_to_string(self.0.join("cgroup.procs")).unwrap_or_default();
        listed.lines().filter_map(|pid| pid.parse().ok()).collect()
    }

    /// Kills all in it at once, whoever they run as. Kernels before 5.14 can't; then nothing happens.
    pub fn kill(&self) {
        drop(std::fs::write(self.0.join("cgroup.kill"), "1"));
    }

    /// Takes it away, if nobody is in it any more. The kernel lets go of who has just died a moment later.
    pub async fn remove(&self) {
        for _ in 0..REMOVALS {
            if std::fs::remove_dir(&self.0).is_ok() || !self.members().is_empty() {
                return;
            }
            tokio::time::sleep(REMOVE_AGAIN).await;
        }
        tracing::debug!(folder = %self.0.display(), "a run's control group stays");
    }
}

/// A folder's name that tells the run: markers hold a slash.
fn name(marker: &str) -> String {
    format!("chiffon-{}", marker.replace('/', "."))
}

/// Where cgroup v2 is mounted: proc_pid_mountinfo(5), the mount point is the fifth field, the type follows the dash.
fn mount() -> Option<PathBuf> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    let line = mounts.lines().find(|line| line.split_once(" - ").is_some_and(|(_, kind)| kind.starts_with("cgroup2 ")))?;
    line.split(' ').nth(4).map(PathBuf::from)
}

/// This process's own group: cgroups(7), the line of version 2 begins with `0::`.
fn own() -> Option<PathBuf> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    Some(mount()?.join(path))
}

fn search(folder: &Path, name: &str, deeper: usize) -> Option<PathBuf> {
    let here = folder.join(name);
    if here.exists() {
        return Some(here);
    }
    let deeper = deeper.checked_sub(1)?;
    let entries = std::fs::read_dir(folder).ok()?;
    entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .find_map(|entry| search(&entry.path(), name, deeper))
}

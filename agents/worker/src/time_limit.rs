//! What ends a run at its time limit when its agent does not live to do it (RELIABILITY 13: "an enforced maximum run time").
//!
//! A process of its own, begun before the run and ended by the agent after it. Left alone, it waits for the limit and then kills
//! whatever carries the run's marker or is in its control group. It is no part of the run: it carries another variable.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

use super::cgroup::Group;
use super::marker;

/// Tells the processes that wait for the end of a run by the run's marker.
const VARIABLE: &str = "CHIFFON_TIME_LIMIT_OF";

/// How long after a run's own limit it is killed. A living agent needs less to stop it: INT, TERM and KILL, 10 s apart.
pub const GRACE: Duration = Duration::from_secs(30);

/// Waits, then kills thrice, a second apart: what is being killed may start something in between.
const SCRIPT: &str = r#"
sleep "$1"
for round in 1 2 3; do
    if [ -n "$3" ]; then echo 1 >"$3/cgroup.kill"; fi
    for environ in $(grep -lszxF -e "$2" /proc/[0-9]*/environ); do
        pid=${environ#/proc/}
        kill -KILL "${pid%/environ}"
    done
    sleep 1
done
"#;

/// A run's time limit, in force until this is dropped, and also when this process is killed before that.
#[derive(Debug)]
pub struct TimeLimit {
    /// Kept so that the process is reaped.
    _waiting: Child,
    group: Option<Pid>,
}

impl TimeLimit {
    /// Puts it in force for the run with this marker.
    pub fn begin(marker: &str, limit: Duration) -> io::Result<Self> {
        let group = Group::find_own(marker);
        let waiting = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "chiffon-time-limit"])
            .arg(format!("{:.3}", limit.as_secs_f64()))
            .arg(format!("{}={marker}", marker::VARIABLE))
            .arg(group.as_ref().map(|group| group.folder().as_os_str().to_owned()).unwrap_or_default())
            .env(VARIABLE, marker)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let group = waiting.id().and_then(|pid| i32::try_from(pid).ok()).map(Pid::from_raw);
        Ok(Self { _waiting: waiting, group })
    }

    /// Ends what a predecessor has left waiting for a run that has been dealt with.
    pub fn clear(marker: &str) {
        for pid in marker::carriers(VARIABLE, marker) {
            // One that has gone by itself is what we want.
            let _ = nix::sys::signal::kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

impl Drop for TimeLimit {
    fn drop(&mut self) {
        if let Some(group) = self.group {
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stubborn(marker: &str) -> std::process::Child {
        let script = "trap '' INT TERM; setsid sh -c 'trap \"\" INT TERM; sleep 300' & while :; do sleep 0.2; done";
        std::process::Command::new("sh").args(["-c", script]).env(marker::VARIABLE, marker).spawn().expect("sh starts")
    }

    #[tokio::test]
    async fn a_run_that_nobody_ends_is_killed_at_its_limit_and_no_other_one() {
        let marker = format!("limit-test/{}", std::process::id());
        let (mut run, mut other) = (stubborn(&marker), stubborn(&format!("{marker}0")));
        let limit = TimeLimit::begin(&marker, Duration::from_millis(500)).expect("begins");
        // As a kill of this process would leave it.
        std::mem::forget(limit);
        let gone = async || {
            let left = marker::find(&marker);
            if left.is_empty() { Ok(()) } else { Err(left) }
        };
        chiffon_testkit::until("the run's end", Duration::from_secs(30), gone).await;
        assert!(!run.wait().expect("it has ended").success());
        assert!(other.try_wait().expect("can be asked").is_none(), "another run was killed");
        TimeLimit::clear(&marker);
        assert!(marker::stop_all(&format!("{marker}0")).await >= 2);
        other.wait().expect("it has ended");
    }

    #[tokio::test]
    async fn a_run_that_has_ended_leaves_nobody_waiting() {
        let marker = format!("limit-over/{}", std::process::id());
        let waits = || marker::carriers(VARIABLE, &marker);
        let gone = async || if waits().is_empty() { Ok(()) } else { Err(waits()) };
        let begun = async || if waits().len() >= 2 { Ok(()) } else { Err(waits()) };
        let limit = TimeLimit::begin(&marker, Duration::from_mins(10)).expect("begins");
        chiffon_testkit::until("sh and sleep", Duration::from_secs(30), begun).await;
        drop(limit);
        chiffon_testkit::until("both to go", Duration::from_secs(30), gone).await;

        std::mem::forget(TimeLimit::begin(&marker, Duration::from_mins(10)).expect("begins"));
        chiffon_testkit::until("sh and sleep", Duration::from_secs(30), begun).await;
        TimeLimit::clear(&marker);
        chiffon_testkit::until("what a predecessor left to go", Duration::from_secs(30), gone).await;
    }
}

//! Making a play stop: INT to its group, then TERM, then KILL, and at last whatever still carries the marker.
//!
//! Newer Ansible puts its workers into sessions of their own, so the group alone does not reach them.

use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::time::Instant;

use super::granted::Beyond;
use chiffon_worker::CancelCause;

/// Why a play is stopped before its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum StopReason {
    /// Somebody asked for it.
    Cancelled(CancelCause),
    /// It took longer than it may.
    TimedOut,
    /// It acts where it was not granted.
    HostsExceed(Beyond),
}

/// How far a stop has come.
#[derive(Debug)]
pub(super) struct Stop {
    pub(super) reason: StopReason,
    group: Pid,
    next: Option<(Signal, Instant)>,
    pause: Duration,
}

impl Stop {
    /// Begins: INT for a play that may end its task, KILL at once for one that must not do any more.
    pub(super) fn begin(reason: StopReason, group: i32) -> Self {
        let pause = match reason {
            // The process that waits for us may itself be killed soon.
            StopReason::Cancelled(CancelCause::AgentStops) => Duration::from_secs(3),
            _ => Duration::from_secs(10),
        };
        let mut stop = Self { reason, group: Pid::from_raw(group), next: None, pause };
        let first = match stop.reason {
            StopReason::HostsExceed(_) => Signal::SIGKILL,
            StopReason::Cancelled(_) | StopReason::TimedOut => Signal::SIGINT,
        };
        stop.signal(first);
        stop
    }

    /// When the next, harder signal is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.next.map(|(_, at)| at)
    }

    /// Sends it.
    pub(super) fn harder(&mut self) {
        if let Some((signal, _)) = self.next {
            self.signal(signal);
        }
    }

    fn signal(&mut self, signal: Signal) {
        // A group that has gone by itself is what we want.
        let _ = killpg(self.group, signal);
        let harder = match signal {
            Signal::SIGINT => Some(Signal::SIGTERM),
            Signal::SIGTERM => Some(Signal::SIGKILL),
            _ => None,
        };
        self.next = harder.map(|signal| (signal, Instant::now() + self.pause));
    }
}

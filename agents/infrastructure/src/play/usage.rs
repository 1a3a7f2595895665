//! What a run costs, from `/proc`: CPU time and memory of its process and everything below it.

use std::time::Duration;

use chiffon_protocol::message::{Metrics, ResourceUsage};

use chiffon_worker::marker;

/// Linux counts CPU time in hundredths of a second for user space, on every architecture.
const TICKS_PER_SECOND: f64 = 100.0;

/// Measures one run, sample by sample.
#[derive(Debug)]
pub(super) struct Usage {
    root: i32,
    cpu_seconds: f64,
    peak_bytes: u64,
    cores: f64,
}

impl Usage {
    /// Measures the process with this id and its descendants.
    pub(super) fn of(root: i32) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let cores = u32::try_from(cores).map_or(1.0, f64::from);
        Self { root, cpu_seconds: 0.0, peak_bytes: 0, cores }
    }

    /// Looks now; what it costs at this moment, `since_last` being the time since the last look.
    #[expect(clippy::cast_precision_loss, reason = "ticks and bytes of a run are far below 2^52")]
    pub(super) fn sample(&mut self, since_last: Duration) -> Metrics {
        let mut pids = marker::descendants(self.root);
        pids.insert(self.root);
        let (mut bytes, mut ticks) = (0, 0);
        for pid in pids {
            let Some((own, waited_for, resident)) = look(pid) else { continue };
            bytes += resident;
            ticks += own + waited_for;
        }
        self.peak_bytes = self.peak_bytes.max(bytes);
        // A process that ended is counted by the parent that waited for it, so the sum over the living only grows.
        let seconds = (ticks as f64 / TICKS_PER_SECOND).max(self.cpu_seconds);
        let spent = seconds - self.cpu_seconds;
        self.cpu_seconds = seconds;
        let cpu = if since_last.is_zero() { 0.0 } else { 100.0 * spent / since_last.as_secs_f64() / self.cores };
        Metrics { cpu: cpu.clamp(0.0, 100.0), memory: bytes as f64 / 1_048_576.0 }
    }

    /// What it has cost in all.
    #[expect(clippy::cast_precision_loss, reason = "bytes of a run are far below 2^52")]
    pub(super) fn total(&self) -> ResourceUsage {
        ResourceUsage { cpu_hours: self.cpu_seconds / 3600.0, memory_peak_gb: self.peak_bytes as f64 / 1_073_741_824.0 }
    }
}

/// CPU ticks of a process, of the children it has waited for, and its resident bytes.
fn look(pid: i32) -> Option<(u64, u64, u64)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // proc_pid_stat(5): after the name come state (3), ..., utime (14), stime (15), cutime (16), cstime (17).
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let number = |index: usize| fields.get(index - 3).and_then(|text| text.parse::<u64>().ok());
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    Some((number(14)? + number(15)?, number(16)? + number(17)?, resident.unwrap_or(0) * 1024))
}

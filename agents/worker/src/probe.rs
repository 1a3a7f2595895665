//! Where a heartbeat's figures come from.

use chiffon_protocol::message::{Cpu, Disk, Gpu, Memory, Network, Resources};

/// What a machine has and spends at this moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HeartbeatFigures {
    /// CPU.
    pub cpu: Cpu,
    /// Memory.
    pub memory: Memory,
    /// File systems.
    pub disks: Vec<Disk>,
    /// GPUs.
    pub gpus: Vec<Gpu>,
    /// Network interfaces.
    pub networks: Vec<Network>,
}

impl HeartbeatFigures {
    /// What the machine has in all, as hello announces it.
    #[expect(clippy::cast_precision_loss, reason = "MiB of a machine are far below 2^52")]
    pub fn resources(&self) -> Resources {
        let gpu_memory_mb: u64 = self.gpus.iter().map(|gpu| gpu.memory_total_mb).sum();
        Resources {
            gpu: !self.gpus.is_empty(),
            memory_gb: self.memory.total_mb as f64 / 1024.0,
            gpu_memory_gb: gpu_memory_mb as f64 / 1024.0,
            cpu_cores: f64::from(self.cpu.cores),
        }
    }
}

/// Looks at the machine. Called on a thread that may block for a moment.
pub trait Probe: Send + Sync + std::fmt::Debug + 'static {
    /// The figures since the last call.
    fn sample(&self) -> HeartbeatFigures;
}

//! The machine's figures: CPU, memory, disks, network by sysinfo, GPUs by their drivers.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use chiffon_protocol::message::{Cpu, Disk, Gpu, Memory, Network};
use sysinfo::{CpuRefreshKind, Disks, MemoryRefreshKind, Networks, RefreshKind, System};

use super::amd;
use super::nvidia::Nvidia;
use chiffon_worker::{HeartbeatFigures, Probe};

const MIB: u64 = 1024 * 1024;
const GIB: f64 = 1024.0 * 1024.0 * 1024.0;

/// Looks at this machine. Keeps what is needed to tell rates from one look to the next.
#[derive(Debug)]
pub struct SystemProbe {
    state: Mutex<State>,
    last: Mutex<HeartbeatFigures>,
}

#[derive(Debug)]
struct State {
    system: Option<System>,
    disks: Option<Disks>,
    networks: Option<Networks>,
    networks_at: Instant,
    nvidia: Option<Nvidia>,
}

impl Default for SystemProbe {
    fn default() -> Self {
        Self::new()
    }
}

impl SystemProbe {
    /// A probe that has looked once, so that the first sample has a rate.
    pub fn new() -> Self {
        let kind =
            RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing().with_usage()).with_memory(MemoryRefreshKind::nothing().with_ram());
        let state = State {
            system: logged("system", System::new_with_specifics(kind)),
            disks: logged("disks", Disks::new_with_refreshed_list()),
            networks: logged("networks", Networks::new_with_refreshed_list()),
            networks_at: Instant::now(),
            nvidia: Nvidia::load(),
        };
        Self { state: Mutex::new(state), last: Mutex::default() }
    }

    /// The newest sample.
    pub fn last(&self) -> HeartbeatFigures {
        lock(&self.last).clone()
    }
}

impl Probe for SystemProbe {
    fn sample(&self) -> HeartbeatFigures {
        let figures = lock(&self.state).look();
        lock(&self.last).clone_from(&figures);
        figures
    }
}

impl State {
    fn look(&mut self) -> HeartbeatFigures {
        let (cpu, memory) = self.cpu_and_memory();
        HeartbeatFigures { cpu, memory, disks: self.disks(), gpus: self.gpus(), networks: self.networks() }
    }

    fn cpu_and_memory(&mut self) -> (Cpu, Memory) {
        let Some(system) = &mut self.system else { return (Cpu::default(), Memory::default()) };
        system.refresh_cpu_usage();
        system.refresh_memory();
        let cpu = Cpu {
            cores: u32::try_from(system.cpus().len()).unwrap_or(u32::MAX),
            used_percent: f64::from(system.global_cpu_usage()),
            load_1m: System::load_average().map_or(0.0, |load| load.one),
        };
        (cpu, Memory { total_mb: system.total_memory() / MIB, available_mb: system.available_memory() / MIB })
    }

    /// One entry a device: the shortest of its mount points.
    #[expect(clippy::cast_precision_loss, reason = "a disk's size in GiB needs no more than 52 bits")]
    fn disks(&mut self) -> Vec<Disk> {
        let Some(disks) = &mut self.disks else { return Vec::new() };
        disks.refresh(true);
        let mut by_device: BTreeMap<String, Disk> = BTreeMap::new();
        for disk in disks.iter().filter(|disk| disk.total_space() > 0) {
            let mount = disk.mount_point().display().to_string();
            let found = Disk { mount, total_gb: disk.total_space() as f64 / GIB, free_gb: disk.available_space() as f64 / GIB };
            let device = disk.name().to_string_lossy().into_owned();
            let known = by_device.entry(device).or_insert_with(|| found.clone());
            if found.mount.len() < known.mount.len() {
                *known = found;
            }
        }
        by_device.into_values().collect()
    }

    #[expect(clippy::cast_precision_loss, reason = "bytes between two heartbeats are far below 2^52")]
    fn networks(&mut self) -> Vec<Network> {
        let Some(networks) = &mut self.networks else { return Vec::new() };
        networks.refresh(true);
        let seconds = self.networks_at.elapsed().as_secs_f64().max(0.001);
        self.networks_at = Instant::now();
        let mut found: Vec<Network> = networks
            .iter()
            .map(|(interface, data)| Network {
                interface: interface.to_string_lossy().into_owned(),
                received_bytes_per_second: data.received() as f64 / seconds,
                sent_bytes_per_second: data.transmitted() as f64 / seconds,
            })
            .filter(|network| network.interface != "lo")
            .collect();
        found.sort_by(|one, other| one.interface.cmp(&other.interface));
        found
    }

    fn gpus(&self) -> Vec<Gpu> {
        let mut gpus = self.nvidia.as_ref().map(Nvidia::gpus).unwrap_or_default();
        gpus.extend(amd::gpus(amd::SYSFS.as_ref()));
        gpus
    }
}

fn logged<T, E: std::fmt::Display>(what: &str, result: Result<T, E>) -> Option<T> {
    result.inspect_err(|error| tracing::warn!(%error, "the machine's {what} can't be read; heartbeats go without")).ok()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_cores_memory_and_a_disk() {
        let probe = SystemProbe::new();
        let figures = probe.sample();
        assert!(figures.cpu.cores >= 1);
        assert!((0.0..=100.0).contains(&figures.cpu.used_percent), "{:?}", figures.cpu);
        assert!(figures.memory.available_mb > 0 && figures.memory.available_mb <= figures.memory.total_mb, "{:?}", figures.memory);
        assert!(figures.disks.iter().any(|disk| disk.total_gb >= disk.free_gb && disk.total_gb > 0.0), "{:?}", figures.disks);
        assert_eq!(probe.last(), figures);
    }
}
